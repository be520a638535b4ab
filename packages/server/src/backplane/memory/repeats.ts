import type { Draft, Sender } from '../../api/contracts/backplane.js'
import { hasLost } from '../log/log.js'
import type { Remembered } from '../log/record-table.js'
import type { Stream, Streams } from './memory-streams.js'

/** The outcome of an earlier message in this stream with the draft's client id or key. */
export function findRepeat(stream: Stream, draft: Draft, now: number): Remembered | undefined {
  const { sender, idempotency } = draft
  if (sender) return stream.dedupe?.find(sender.userId, sender.clientId, now)
  if (!idempotency || !stream.keys) return undefined
  stream.log.expire(now)
  const known = stream.keys.find(NOBODY, rowKey(idempotency.key), now)
  return known && known.offset >= stream.log.oldestOffset ? known : undefined
}

/** The entry that answers a draft, and when it was accepted. */
export interface Answer {
  readonly offset: number
  readonly id: string
  readonly timestampMs: number
}

export function remember(streams: Streams, stream: Stream, draft: Draft, answer: Answer, now: number): void {
  const { sender, idempotency } = draft
  const { offset, id, timestampMs } = answer
  if (sender) {
    const { userId, clientId, fingerprint } = sender
    const record = { userId, fingerprint, offset, id, timestampMs }
    streams.dedupeOf(stream).remember(clientId, record, now)
  } else if (idempotency) {
    const { key, fingerprint } = idempotency
    const record = { userId: NOBODY, fingerprint, offset, id, timestampMs }
    streams.keysOf(stream).remember(rowKey(key), record, now)
  }
}

/** Why a message that is not a known repeat cannot be appended. */
export function refusal(
  { log, dedupe }: Stream,
  { seen, after }: Sender,
): 'forgotten' | 'out_of_order' | undefined {
  if (dedupe && seen !== undefined && seen < dedupe.forgotten) return 'forgotten'
  return after && hasLost(log, after) ? 'out_of_order' : undefined
}

const NOBODY = ''

/** The key of a record must be ASCII. */
const rowKey = (key: string): string => encodeURIComponent(key)
