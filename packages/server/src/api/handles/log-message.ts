import type { BuiltIn, ChatDataInput, JsonObject, Publishable } from '@roomful/protocol'
import type { AnyProtocol } from '../protocol.js'

/** The position of a message in its log. */
export interface Logged {
  /** The room's id; `@me` for a user's own stream. */
  readonly room_id: string
  readonly id: string
  readonly epoch: string
  readonly offset: number
}

/** A chat message, as stored in a log. */
export interface LoggedChatMessage<P extends AnyProtocol = BuiltIn> extends Logged {
  readonly type: 'chat_message'
  readonly message: string
  /** ISO 8601. */
  readonly timestamp: string
  /** `@server` if the server sent it in nobody's name. */
  readonly user_id: string
  /** Absent if the client sent none, or if the server sent the message. */
  readonly client_id?: string
  readonly data?: [ChatDataInput<P>] extends [never] ? JsonObject : ChatDataInput<P>
  /** True once it was erased: `message` is empty then, and there is no `data`. */
  readonly deleted?: boolean
}

/** Says that what a user had written in the room, up to the offset `through`, was erased. */
export interface LoggedErasure extends Logged {
  readonly type: 'messages_erased'
  readonly user_id: string
  readonly through: number
  /** ISO 8601. */
  readonly timestamp: string
}

/**
 * An entry of a log, distinguished by `type`: a chat message, a note that messages were erased, or a message that was passed to `publish`. It holds the
 * input of `publish` as JSON: clients run it through the schema, the log does not. A log that outlives a deployment
 * may hold messages that only an earlier protocol declared.
 */
export type LogMessage<P extends AnyProtocol = BuiltIn> =
  | LoggedChatMessage<P>
  | LoggedErasure
  | (Publishable<P> extends infer M ? (M extends unknown ? Readonly<M> & Logged : never) : never)
