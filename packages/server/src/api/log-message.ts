import type { BuiltIn, ChatDataInput, JsonObject, Publishable } from '@roomful/protocol'
import type { AnyProtocol } from './protocol.js'

/** Where a message stands in its log. */
export interface Logged {
  /** The room's id; `@me` in a user's own stream. */
  readonly room_id: string
  readonly id: string
  readonly epoch: string
  readonly offset: number
}

/** A chat message as it stands in a log. */
export interface LoggedChatMessage<P extends AnyProtocol = BuiltIn> extends Logged {
  readonly type: 'chat_message'
  readonly message: string
  /** ISO 8601. */
  readonly timestamp: string
  /** `@server` where the server sent it in nobody's name. */
  readonly user_id: string
  /** Absent where a client gave none, or the server sent it. */
  readonly client_id?: string
  readonly data?: [ChatDataInput<P>] extends [never] ? JsonObject : ChatDataInput<P>
}

/**
 * What stands in a log, told apart by `type`: chat messages, and what `publish` logged. It is as it was given to
 * `publish`, made JSON: clients run it through the schema, the log does not. A log that outlives a deploy may hold
 * messages that only an earlier protocol declared.
 */
export type LogMessage<P extends AnyProtocol = BuiltIn> =
  | LoggedChatMessage<P>
  | (Publishable<P> extends infer M ? (M extends unknown ? Readonly<M> & Logged : never) : never)
