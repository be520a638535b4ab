import type { Amendment } from '../../api/contracts/backplane.js'
import { amend, isReacting, redactedEdit } from '../log/amending.js'
import { type Reactors, rowBytes } from './reactors.js'
import type { PublishRequest } from './requests.js'
import type { Room } from './rooms.js'
import type { StoredText, Texts } from './texts.js'

export type AmendOutcome =
  | { readonly status: 'not_found' | 'deleted' | 'forbidden' | 'reaction_limit' }
  /** Nothing would change: this entry made the state that is asked for. */
  | { readonly status: 'unchanged'; readonly answer: StoredText }
  /** There is more to change than one transaction should: it has to be tried again in the next. */
  | { readonly status: 'unfinished' }

/** Carries out what a message changes, just before it is appended; returns why it must not be. */
export function amendTarget(
  texts: Texts,
  reactors: Reactors,
  room: Room,
  { amends, timestampMs }: PublishRequest,
): AmendOutcome | undefined {
  if (!amends) return undefined
  const found = texts.message(room, amends.target.offset)
  if (!found) return { status: 'not_found' }
  const entry = { offset: room.head.offset + 1, timestampMs }
  const reacting = isReacting(amends) ? amends : undefined
  const reacted = reacting && reactors.find(room, found.offset, amends.userId, reacting.reaction)
  const amended = amend(found, amends, entry, reacted)
  switch (amended.status) {
    case 'unchanged':
      return { status: 'unchanged', answer: texts.amendment(room, amended.madeAt) ?? found }
    case 'changed': {
      if (amended.redactThrough > 0 && !texts.redactEdits(found, redacted)) return { status: 'unfinished' }
      if (amends.kind === 'delete') reactors.drop(found)
      const added = reacting && !reacted ? rowBytes(amends.userId, reacting.reaction) : 0
      texts.replace(found, {
        text: amended.text,
        author: found.author,
        editor: editorAfter(found, amends),
        reacted: amends.kind === 'delete' ? 0 : found.reacted + added,
      })
      return undefined
    }
    default:
      return amended
  }
}

function editorAfter({ author, editor }: StoredText, { kind, userId }: Amendment): string | null {
  if (kind === 'edit') return userId === author ? null : userId
  return kind === 'delete' ? null : editor
}

function redacted({ text, author }: StoredText) {
  return { text: JSON.stringify(redactedEdit(JSON.parse(text))), author }
}
