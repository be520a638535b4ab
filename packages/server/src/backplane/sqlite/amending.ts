import { amend, redactedEdit } from '../log/amending.js'
import type { PublishRequest } from './requests.js'
import type { Room } from './rooms.js'
import type { StoredText, Texts } from './texts.js'

export type AmendOutcome =
  | { readonly status: 'not_found' | 'deleted' | 'forbidden' }
  /** Nothing would change: this entry made the state that is asked for. */
  | { readonly status: 'unchanged'; readonly answer: StoredText }
  /** There is more to change than one transaction should: it has to be tried again in the next. */
  | { readonly status: 'unfinished' }

/** Carries out what a message changes, just before it is appended; returns why it must not be. */
export function amendTarget(
  texts: Texts,
  room: Room,
  { amends, timestampMs }: PublishRequest,
): AmendOutcome | undefined {
  if (!amends) return undefined
  const found = texts.message(room, amends.target.offset)
  if (!found) return { status: 'not_found' }
  const amended = amend(found, amends, { offset: room.head.offset + 1, timestampMs })
  switch (amended.status) {
    case 'unchanged':
      return { status: 'unchanged', answer: texts.amendment(room, amended.madeAt) ?? found }
    case 'changed': {
      if (amended.redactThrough > 0 && !texts.redactEdits(found, redacted)) return { status: 'unfinished' }
      const { author } = found
      const editor = amends.kind === 'edit' && amends.userId !== author ? amends.userId : null
      texts.replace(found, { text: amended.text, author, editor })
      return undefined
    }
    default:
      return amended
  }
}

function redacted({ text, author }: StoredText) {
  return { text: JSON.stringify(redactedEdit(JSON.parse(text))), author }
}
