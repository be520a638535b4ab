import { type Finding, seconds, wrong } from '../finding.js'
import { SEND_AT_ONCE } from './mends.js'
import type { Peer } from './peer.js'

const SAMPLES = 20
const EVERY_MS = 100
const PATIENCE_MS = 5_000
/** Arrivals that are as close as this came together. */
const TOGETHER_MS = 3
const LATE_MS = 150
const LATE_TIMES = 4
const CLUMPED_MS = 60
const CLOCK_MS = 2_000

export interface Sample {
  readonly sentAt: number
  readonly arrivedAt: number
  /** Of the server's answer, in ms since 1970. */
  readonly serverTime: number
}

export interface Pace {
  readonly samples: readonly Sample[]
  /** Of those that were sent, how many got no answer. */
  readonly missing: number
}

/** Sends pings at a steady pace, and notes when their answers come. */
export async function measurePace(peer: Peer): Promise<Pace> {
  const sentAt = new Map<string, number>()
  for (let sent = 0; sent < SAMPLES && !peer.ending; sent++) {
    const id = `pace-${sent}`
    sentAt.set(id, performance.now())
    peer.send({ type: 'ping', id })
    await peer.until(() => false, EVERY_MS)
  }
  const answers = () =>
    peer.arrivals.filter(({ frame }) => frame.type === 'pong' && sentAt.has(frame.id ?? ''))
  await peer.until(() => answers().length === sentAt.size || peer.ending !== undefined, PATIENCE_MS)
  const samples = answers().map(({ frame, at }) => ({
    ...{ sentAt: sentAt.get(frame.id ?? '') ?? at, arrivedAt: at },
    serverTime: Date.parse(frame.timestamp ?? ''),
  }))
  return { samples, missing: sentAt.size - samples.length }
}

export function roundTrips({ samples }: Pace): readonly number[] {
  return samples.map(({ sentAt, arrivedAt }) => arrivedAt - sentAt).sort((a, b) => a - b)
}

/** Whether small frames come late, or together. `openingMs` is how long an answer takes that nothing delays: that of the handshake. */
export function paceWords(pace: Pace, openingMs: number): readonly Finding[] {
  const trips = roundTrips(pace)
  const median = trips[Math.floor(trips.length / 2)]
  if (median === undefined)
    return [
      wrong(
        'no_pongs',
        'The server did not answer a single ping within 5 s.',
        'Something between takes messages and does not pass them on, or the process hangs.',
      ),
    ]
  const together = togetherOf(pace)
  const slowest = trips.at(-1) ?? median
  if (together > trips.length / 2 && slowest > openingMs * 2 + CLUMPED_MS)
    return [
      wrong(
        'buffering',
        `Small frames are held back: answers to pings that were sent ${EVERY_MS} ms apart came together, ${Math.round(slowest)} ms late, where the handshake took ${Math.round(openingMs)} ms.`,
        SEND_AT_ONCE,
      ),
    ]
  if (median > openingMs * LATE_TIMES + LATE_MS)
    return [
      wrong(
        'late_frames',
        `Small frames are late: an answer takes ${Math.round(median)} ms, where the handshake took ${Math.round(openingMs)} ms. Either something holds them back, or the server is too busy.`,
        `${SEND_AT_ONCE}  Of the server, look at roomful_event_loop_delay_seconds in /metrics.`,
      ),
    ]
  return []
}

/** How many answers came together with the one before, although they were asked for one after the other. */
function togetherOf({ samples }: Pace): number {
  const inOrder = [...samples].sort((a, b) => a.arrivedAt - b.arrivedAt)
  return inOrder.filter(({ arrivedAt }, index) => {
    const before = inOrder[index - 1]
    return before !== undefined && arrivedAt - before.arrivedAt < TOGETHER_MS
  }).length
}

/** How far the server's clock is ahead of this one, in ms: by the fastest answer, in whose middle the server looked at it. */
export function clockOffset({ samples }: Pace, timeOrigin: number): number | undefined {
  const [best] = [...samples]
    .filter(({ serverTime }) => Number.isFinite(serverTime))
    .sort((a, b) => a.arrivedAt - a.sentAt - (b.arrivedAt - b.sentAt))
  return best && best.serverTime - timeOrigin - (best.sentAt + best.arrivedAt) / 2
}

export function clockWords(offset: number | undefined): readonly Finding[] {
  if (offset === undefined || Math.abs(offset) < CLOCK_MS) return []
  const how = offset > 0 ? 'ahead of' : 'behind'
  return [
    wrong(
      'clock',
      `The server's clock is ${seconds(Math.abs(offset))} ${how} the one of this machine: timestamps and the expiry of tokens are off by as much on one of the two.`,
      'Find out which is wrong (timedatectl), and have it follow NTP.',
    ),
  ]
}
