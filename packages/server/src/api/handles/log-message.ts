import type { BuiltIn, ChatDataInput, JsonObject, Publishable, Target } from '@roomful/protocol'
import type { AnyProtocol } from '../protocol.js'

/** The position of a message in its log. */
export interface Logged {
  /** The room's id; `@me` for a user's own stream. */
  readonly room_id: string
  readonly id: string
  readonly epoch: string
  readonly offset: number
}

/** A chat message in its present state. */
export interface LoggedChatMessage<P extends AnyProtocol = BuiltIn> extends Logged {
  readonly type: 'chat_message'
  readonly message: string
  /** ISO 8601. */
  readonly timestamp: string
  /** `@server` if the server sent it in nobody's name. */
  readonly user_id: string
  /** Absent if the client sent none, or if the server sent the message. */
  readonly client_id?: string
  readonly data?: ChatData<P>
  /** The message that it answers, which may be gone. */
  readonly reply_to?: Target
  /** The ids of the users that it mentions. */
  readonly mentions?: readonly string[]
  /** When it was edited last, in ISO 8601; absent if it never was. */
  readonly edited_at?: string
  /** Who edited it last, if that is not its author. */
  readonly edited_by?: string
  /** The offset of the last entry that changed it. */
  readonly version?: number
  /** True once it was deleted or erased: `message` is empty then, and there is no `data`. */
  readonly deleted?: boolean
  /** How many users reacted in which way; whatever was added first comes first. */
  readonly reactions?: readonly { readonly reaction: string; readonly count: number }[]
}

type ChatData<P extends AnyProtocol> = [ChatDataInput<P>] extends [never] ? JsonObject : ChatDataInput<P>

interface LoggedAmendment extends Logged {
  /** The message that it changed. */
  readonly target: Target
  readonly user_id: string
  /** ISO 8601. */
  readonly timestamp: string
  readonly client_id?: string
}

/** Says that a chat message was edited. */
export interface LoggedEdit<P extends AnyProtocol = BuiltIn> extends LoggedAmendment {
  readonly type: 'message_edited'
  readonly message: string
  readonly data?: ChatData<P>
  /** True once its text was deleted or erased. */
  readonly deleted?: boolean
}

/** Says that a chat message was deleted. */
export interface LoggedDeletion extends LoggedAmendment {
  readonly type: 'message_deleted'
}

/** Says that a user reacted to a chat message, or took that back. */
export interface LoggedReaction extends LoggedAmendment {
  readonly type: 'reaction_added' | 'reaction_removed'
  /** Empty once it was erased. */
  readonly reaction: string
  readonly deleted?: boolean
}

/** Says that the reactions of `user_id` to a chat message were erased, and which ones it has since. */
export interface LoggedReactionErasure extends LoggedAmendment {
  readonly type: 'reactions_erased'
  readonly reactions: readonly { readonly reaction: string; readonly count: number }[]
}

/** Says that what a user had written in the room, up to the offset `through`, was erased. */
export interface LoggedErasure extends Logged {
  readonly type: 'messages_erased'
  readonly user_id: string
  readonly through: number
  /** ISO 8601. */
  readonly timestamp: string
}

/** An entry that changes others. Pages leave it out, since the messages in them are already changed. */
export type LogAmendment<P extends AnyProtocol = BuiltIn> =
  | LoggedEdit<P>
  | LoggedDeletion
  | LoggedErasure
  | LoggedReaction
  | LoggedReactionErasure

/**
 * A message of a log, distinguished by `type`: a chat message in its present state, or a message that was passed to
 * `publish`. It holds the input of `publish` as JSON: clients run it through the schema, the log does not. A log that
 * outlives a deployment may hold messages that only an earlier protocol declared.
 */
export type LogMessage<P extends AnyProtocol = BuiltIn> =
  | LoggedChatMessage<P>
  | (Publishable<P> extends infer M ? (M extends unknown ? Readonly<M> & Logged : never) : never)
