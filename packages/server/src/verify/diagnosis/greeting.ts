import { randomBytes } from 'node:crypto'
import type { Finding } from '../finding.js'
import type { Target } from '../target.js'
import { firstFrameWords, refusalWords, type Step } from './greeting-words.js'
import { type Arrival, type Frame, Peer } from './peer.js'

const PATIENCE_MS = 10_000
const SILENT_MS = 3_000
/** Enough to fill a small buffer, and fewer than a server allows at once. */
const NUDGES = 20

/** A connection on which everything that the trial needs was allowed. */
export interface Greeted {
  readonly peer: Peer
  readonly limits: Readonly<Record<string, number | null>>
  readonly pingIntervalMs: number
  /** Where the server keeps messages. */
  readonly durability: string | undefined
}

/** Whether the server lets in a client that sends these credentials; if not, why. */
export async function greet(target: Target): Promise<Greeted | Finding> {
  let peer: Peer
  try {
    peer = await Peer.open(target)
  } catch (error) {
    return firstFrameWords({ opened: false, why: error instanceof Error ? error.message : String(error) })
  }
  const greeted = await talk(peer, target)
  if ('weight' in greeted) peer.close()
  return greeted
}

async function talk(peer: Peer, target: Target): Promise<Greeted | Finding> {
  const early = await peer.next(() => true, SILENT_MS)
  const first = early ?? (await nudged(peer))
  const { frame: system } = first ?? {}
  if (!early || system?.type !== 'system' || system.protocol !== 1)
    return firstFrameWords({ opened: true, first, isNudged: !early, ending: peer.ending })
  const room = `${target.room}${randomBytes(6).toString('hex')}`
  const ask = async (step: Step, message: object, isAnswer: (frame: Frame) => boolean) => {
    peer.send(message)
    const answer = await peer.next((frame) => frame.type === 'error' || isAnswer(frame), PATIENCE_MS)
    if (answer && answer.frame.type !== 'error') return answer
    return refusalWords(step, answer?.frame, peer.ending, target)
  }
  const { token } = target
  const auth = await ask('auth', { type: 'auth', protocol: 1, token }, ({ type }) => type === 'authenticated')
  if (isFinding(auth)) return auth
  const joined = await ask('join', { type: 'join', room_id: room, ref: 'join' }, ({ ref }) => ref === 'join')
  if (isFinding(joined)) return joined
  const message = { type: 'chat_message', room_id: room, message: 'roomful verify', client_id: 'first' }
  const ack = await ask('send', message, ({ type }) => type === 'ack')
  if (isFinding(ack)) return ack
  return {
    ...{ peer, limits: system.limits ?? {}, pingIntervalMs: system.ping_interval_ms ?? 0 },
    durability: ack.frame.durability,
  }
}

/** Something may wait until there is enough to send: pings make the server say more. */
async function nudged(peer: Peer): Promise<Arrival | undefined> {
  if (peer.ending) return undefined
  for (let sent = 0; sent < NUDGES; sent++) peer.send({ type: 'ping', id: sent })
  return peer.next(() => true, PATIENCE_MS)
}

function isFinding(answer: Arrival | Finding): answer is Finding {
  return 'weight' in answer
}
