import type { ServerMessageOf } from '@roomful/protocol'
import type { Loggable } from './loggable.js'

/** An entry of a log that changes chat messages before it. */
export type Amendment = TextAmendment | ReactionEntry

type TextAmendment = ServerMessageOf<'message_edited' | 'message_deleted' | 'messages_erased'>
export type ReactionEntry = ServerMessageOf<'reaction_added' | 'reaction_removed' | 'reactions_erased'>

type Chat = ServerMessageOf<'chat_message'>

/** What an amendment says, whether or not it has a position in the log yet. */
export interface Change {
  readonly type: TextAmendment['type']
  readonly user_id: string | undefined
  readonly timestamp: string
  readonly version?: number | undefined
  readonly message?: string
  readonly data?: object | undefined
  readonly deleted?: boolean | undefined
}

const AMENDMENTS: readonly string[] = [
  'message_edited',
  'message_deleted',
  'messages_erased',
  'reaction_added',
  'reaction_removed',
  'reactions_erased',
] satisfies Amendment['type'][]

export function isAmendment(entry: Loggable): entry is Amendment {
  return AMENDMENTS.includes(entry.type)
}

/** Reactions are counted by `chat()` alone. */
export function isReaction({ type }: Pick<Amendment, 'type'>): boolean {
  return type.startsWith('reaction')
}

export function isChat(message: Loggable): message is Chat {
  return message.type === 'chat_message'
}

/**
 * The state of a message to show, of the one that is shown and one that was read. A page may have been read before an
 * amendment that has arrived since. The tombstone of an erased message has the version of what was the log's end then,
 * which may be that of the message's last edit.
 */
export function newerOf(shown: Loggable, read: Loggable): Loggable {
  if (!isChat(shown) || !isChat(read)) return read
  const lead = versionOf(shown) - versionOf(read)
  return lead > 0 || (lead === 0 && shown.deleted) ? shown : read
}

/**
 * The message after an amendment, or the same object if the amendment does not change it.
 * @param version lower than the amendment's offset if its own frame is still to come, and may say something else
 */
export function amended(message: Loggable, amendment: Amendment, version = amendment.offset): Loggable {
  if (!isChat(message) || message.epoch !== amendment.epoch) return message
  const isLater = amendment.offset > Math.max(versionOf(message), message.offset ?? 0)
  return isLater && concerns(amendment, message)
    ? changed(message, { ...(amendment as TextAmendment), version })
    : message
}

/** The message as an amendment changes it. */
export function changed(message: Loggable, change: Change): Loggable {
  const { type, id, epoch, offset, client_id, user_id, timestamp, room_id } = message as Chat
  const { version } = change
  const shown =
    change.type === 'message_edited'
      ? {
          ...message,
          message: change.message,
          data: change.data,
          deleted: change.deleted,
          edited_at: change.timestamp,
          edited_by: change.user_id === user_id ? undefined : change.user_id,
          version,
        }
      : // Nothing that somebody wrote remains.
        {
          type,
          id,
          epoch,
          offset,
          client_id,
          user_id,
          timestamp,
          room_id,
          message: '',
          deleted: true,
          version,
        }
  return shown as Loggable
}

/** After a fork, versions mean nothing: the next state that is read counts, whatever its version. */
export function withoutVersion(message: Loggable): Loggable {
  const isAmended = isChat(message) && (message.version !== undefined || message.deleted)
  return isAmended ? ({ ...message, version: -1 } as Chat) : message
}

/** The offset of the last amendment that a state contains. */
function versionOf({ version = 0 }: Chat): number {
  return version
}

function concerns(amendment: Amendment, { id, user_id, offset = 0, edited_by, version = 0 }: Chat): boolean {
  if (amendment.type !== 'messages_erased') return !isReaction(amendment) && amendment.target.id === id
  const { user_id: erased, through } = amendment
  return (user_id === erased && offset <= through) || (edited_by === erased && version <= through)
}
