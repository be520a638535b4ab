import { type Finding, note, seconds, wrong } from '../finding.js'
import type { Target } from '../target.js'
import { WAIT_LONGER } from './mends.js'
import { type Ending, Peer } from './peer.js'

const RETRY_MS = 1_000
/** What is cut that soon after another connection was lost was cut with it. */
const SAME_CAUSE_MS = 1_500
const PATIENCE_MS = 10_000

/** How long a connection lasted that said nothing. */
export interface Hold {
  readonly heldMs: number
  /** How long nothing had come on it, not even a ping. */
  readonly silentMs: number
  readonly pings: number
  /** `undefined` if it was open to the end. */
  readonly ending: Ending | undefined
  /** Others were lost at the same time, as when a server restarts. */
  readonly isShared: boolean
}

export interface IdleOptions {
  readonly target: Target
  readonly ms: number
  readonly signal: AbortSignal
  /** When a connection of the trial was last lost, by `performance.now()`, if not by the trial itself. */
  readonly lostAt: () => number
}

/** Holds a connection that answers pings and says nothing; another one, when it is cut. */
export async function holdIdle({ target, ms, signal, lostAt }: IdleOptions): Promise<readonly Hold[]> {
  const holds: Hold[] = []
  const end = performance.now() + ms
  while (performance.now() < end && !signal.aborted) {
    const peer = await Peer.open(target).catch(() => undefined)
    if (peer) {
      const hold = await holdOne(peer, target, end, signal)
      await pause(hold.ending ? SAME_CAUSE_MS : 0, signal)
      const isShared = hold.ending !== undefined && Math.abs(hold.ending.at - lostAt()) < SAME_CAUSE_MS
      holds.push({ ...hold, isShared })
      if (!hold.ending) break
    } else await pause(RETRY_MS, signal)
  }
  return holds
}

async function holdOne(
  peer: Peer,
  { token }: Target,
  end: number,
  signal: AbortSignal,
): Promise<Omit<Hold, 'isShared'>> {
  const startedAt = performance.now()
  await peer.next(({ type }) => type === 'system', PATIENCE_MS)
  if (!peer.ending) peer.send({ type: 'auth', protocol: 1, token })
  await peer.until(() => peer.ending !== undefined, Math.max(0, end - performance.now()), signal)
  const { ending, pings, heardAt } = peer
  peer.close()
  const endedAt = ending?.at ?? performance.now()
  return { heldMs: endedAt - startedAt, silentMs: endedAt - heardAt, pings, ending }
}

/** What cuts connections that say nothing. `pingMs` is how often the server says that it pings. */
export function idleWords(holds: readonly Hold[], pingMs: number): readonly Finding[] {
  const cuts = holds.filter(
    ({ ending, isShared }) => ending !== undefined && !isShared && !isFarewell(ending),
  )
  const missed = cuts.filter(({ ending }) => ending?.code === 4001)
  if (missed.length > 0)
    return [
      wrong(
        'heartbeat',
        'The server closed a connection because it did not answer its pings (4001), though it answers every ping: something between does not pass pings or pongs on.',
        'Have it pass WebSocket frames through as they are.',
      ),
    ]
  const [first] = cuts
  if (first) return [cutWords(first, cuts, pingMs)]
  const unpinged = holds.find(({ heldMs, pings }) => pingMs > 0 && heldMs > pingMs * 2.5 && pings === 0)
  if (unpinged)
    return [
      wrong(
        'no_pings',
        `In ${seconds(unpinged.heldMs)} not one ping of the server arrived, which it sends every ${seconds(pingMs)}: something between answers them itself, so the server cannot notice that a client is gone.`,
        'Have it pass WebSocket frames through as they are.',
      ),
    ]
  const longest = Math.max(0, ...holds.map(({ heldMs }) => heldMs))
  if (holds.length === 0 || longest >= pingMs) return []
  return [
    note(
      'idle_too_short',
      `No connection was idle for longer than ${seconds(longest)}, and the server pings every ${seconds(pingMs)}.`,
      'To see what an idle time-out does, take a longer --idle.',
    ),
  ]
}

function cutWords(first: Hold, cuts: readonly Hold[], pingMs: number): Finding {
  const times =
    cuts.length > 1
      ? `, ${cuts.length} times in a row (${cuts.map(({ heldMs }) => seconds(heldMs)).join(', ')})`
      : ''
  const how = `close code ${first.ending?.code}`
  if (first.pings > 0 && first.silentMs < first.heldMs / 2)
    return wrong(
      'cut_after',
      `A quiet connection was cut after ${seconds(first.heldMs)}${times}, though a ping had passed ${seconds(first.silentMs)} before (${how}): something limits how long a connection may last.`,
      'Raise that limit. Google Cloud: the time-out of the backend service is the longest life of a WebSocket.',
    )
  return wrong(
    'idle_cut',
    `A connection on which nothing was said was cut after ${seconds(first.heldMs)}${times} (${how}). The server pings every ${seconds(pingMs)}, which is too seldom for what is between.`,
    WAIT_LONGER,
  )
}

/** A server that stops says so. */
function isFarewell({ code }: Ending): boolean {
  return code === 1012 || code === 1013
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms === 0 || signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
