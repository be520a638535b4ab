import type { Amendment, LogEntry } from '../../api/contracts/backplane.js'
import { type Amended, amend, isChatText, isReacting, versionOf } from '../log/amending.js'
import { erasedText, unmentionedText } from '../log/erasure.js'
import type { RoomLog } from '../log/log.js'
import { forgottenText, notedBy, type ReactionCount } from '../log/reactions.js'
import type { Answer } from './repeats.js'

export type AmendOutcome =
  | Exclude<Amended, { readonly status: 'changed' | 'unchanged' }>
  /** The entry that made the state that is asked for. */
  | { readonly status: 'unchanged'; readonly answer: Answer }

/** Carries out what a draft changes, just before it is appended; returns why it must not be. */
export function amendTarget(
  log: RoomLog,
  amends: Amendment,
  timestampMs: number,
  now: number,
): AmendOutcome | undefined {
  const { target } = amends
  log.expire(now)
  const found = log.entryAt(target.offset)
  const entry = { offset: log.head.offset + 1, timestampMs }
  const reacting = isReacting(amends) ? amends : undefined
  const reacted = reacting && log.reactors?.find(target.offset, amends.userId, reacting.reaction)
  const amended = amend(found, amends, entry, reacted)
  switch (amended.status) {
    case 'unchanged':
      return { status: 'unchanged', answer: answerOf(log.entryAt(amended.madeAt) ?? (found as LogEntry)) }
    case 'changed':
      log.replace(target.offset, amended.text)
      log.redactEdits(target, amended.redactThrough)
      if (reacting) log.note(target.offset, notedBy(reacting, entry.offset))
      else if (amends.kind === 'delete') log.reactors?.drop(target.offset)
      return undefined
    default:
      return amended
  }
}

function answerOf({ offset, id, text }: LogEntry): Answer {
  return { offset, id, timestampMs: Date.parse(JSON.parse(text).timestamp) }
}

/** Erases what a user wrote, and that others mention them. Returns the newest offset of what they wrote; 0 if there is none. */
export function eraseIn(log: RoomLog, userId: string): number {
  const gone = new Set<number>()
  let through = 0
  log.rewrite((text, offset) => {
    const erased = erasedText(text, userId, log.head.offset, (message) => gone.has(message))
    if (erased === undefined) return unmentionedText(text, userId)
    if (isChatText(text)) {
      gone.add(offset)
      log.reactors?.drop(offset)
    }
    through = Math.max(through, offset, versionOf(JSON.parse(text)))
    return erased
  })
  return through
}

/** Takes back what a user reacted to a message. The entry that says so must be appended next; it tells what is left. */
export function forgetReactions(log: RoomLog, userId: string, target: LogEntry): readonly ReactionCount[] {
  const noted = log.reactors?.forget(target.offset, userId) ?? []
  const { text, reactions } = forgottenText(target.text, noted, log.head.offset + 1)
  log.replace(target.offset, text)
  return reactions
}
