import type {
  BuiltIn,
  ChatDataOutput,
  Cursor,
  JsonObject,
  Member,
  ServerMessageFor,
  ServerMessageOf,
  VolatileName,
} from '@roomful/protocol'
import type { RoomfulError } from '@roomful/protocol/wire'
import type { ConnectionStatus } from '../connection/connection-state.js'
import type { AnyProtocol } from '../options/options.js'
import type { OwnReactions } from './loggable.js'
import type { RoomStatus } from './room-state.js'

/** A chat message, as handlers receive it. From a base server it has no `id`, `epoch`, `offset` and `client_id`. */
export type ChatMessage<P extends AnyProtocol = BuiltIn> = Omit<ServerMessageOf<'chat_message'>, 'data'> & {
  readonly data?: [ChatDataOutput<P>] extends [never] ? JsonObject : ChatDataOutput<P>
}

/** An entry that replaces the text and the data of a chat message, as handlers receive it. */
export type MessageEdited<P extends AnyProtocol> = Omit<ServerMessageOf<'message_edited'>, 'data'> &
  Pick<ChatMessage<P>, 'data'>

/** The position of a published message in its room's log. */
export interface Published {
  readonly room_id: string
  readonly id: string
  readonly epoch: string
  readonly offset: number
  readonly client_id?: string
}

/** An application's server message, with the envelope of its kind. */
export type Received<P extends AnyProtocol, K extends keyof P['server'] & string> = ServerMessageFor<P, K> &
  (K extends VolatileName<P> ? { readonly room_id?: string } : Published)

/** An entry of a room's log: chat, or a message that the application's server published. */
export type LogMessage<P extends AnyProtocol> =
  | ChatMessage<P>
  | { [K in Exclude<keyof P['server'] & string, VolatileName<P>>]: Received<P, K> }[Exclude<
      keyof P['server'] & string,
      VolatileName<P>
    >]

/** A room at one moment, as the server's `room(id).snapshot()` returns it: plain JSON, to be rendered with a page. */
export interface Snapshot {
  /** The newest entries of the log, in ascending order of offset. */
  readonly messages: readonly (Published & { readonly type: string })[]
  /** The users in the room; `undefined` in a large one. */
  readonly members?: readonly Member[] | undefined
  /** The number of users in the room. */
  readonly count: number
  /** The position after which the client continues: that of the last entry of the log. */
  readonly cursor: Cursor
  /** What the user reacted to these messages, by their offsets. */
  readonly own_reactions?: readonly OwnReactions[] | undefined
}

export interface StatusChange<S> {
  readonly from: S
  readonly to: S
  readonly reason: string
}

/** Continuity was broken: entries between those seen so far and those that follow may be missing. */
export interface Resync {
  readonly room_id: string
  readonly reason: string
}

type BuiltInRoomEvent =
  | 'message_deleted'
  | 'messages_erased'
  | 'reaction_added'
  | 'reaction_removed'
  | 'reactions_erased'
  | 'user_joined'
  | 'user_left'
  | 'user_typing'
  | 'user_stopped_typing'
  | 'presence'

export type RoomEvents<P extends AnyProtocol> = {
  [K in BuiltInRoomEvent]: ServerMessageOf<K>
} & {
  chat_message: ChatMessage<P>
  message_edited: MessageEdited<P>
  resync: Resync
  status: StatusChange<RoomStatus>
} & { [K in keyof P['server'] & string]: Received<P, K> }

export type ClientEvents<P extends AnyProtocol> = {
  status: StatusChange<ConnectionStatus>
  /**
   * An error that no caller receives: an `error` frame without a request, a frame that violates the protocol, a
   * storage that failed.
   */
  error: RoomfulError
  /** The server is about to restart; the client moves to another connection after this many ms. */
  draining: { readonly reconnect_after_ms: number }
  /** The token expires in this many ms; the client asks a token getter for another one. */
  expiring: { readonly in_ms: number }
} & { [K in VolatileName<P>]: Received<P, K> }
