import type { Broadcastable, BuiltIn, ClientMessage } from '@roomful/protocol'
import type { User } from './authentication.js'
import type { RoomHandle } from './handles.js'
import type { AnyProtocol } from './protocol.js'
import type { ConnectionRequest } from './transport.js'

export interface ConnectionHandle<P extends AnyProtocol = BuiltIn> {
  readonly id: string
  readonly remoteAddress: string
  /** Sends a volatile message to this connection alone. @throws RoomfulError `invalid_message` */
  broadcast(message: Broadcastable<P>): void
}

/** What every hook knows of its connection. */
export interface ConnectionContext<P extends AnyProtocol = BuiltIn, D = unknown> {
  readonly connection: ConnectionHandle<P>
  readonly request: ConnectionRequest
  /** `undefined` until the connection has authenticated. */
  readonly user: User<D> | undefined
  /** Closes the connection. Codes from 4500 to 4999 tell the client not to come back. @default 4501 */
  close(code?: number, reason?: string): void
}

/** What handlers of a room's messages know. */
export interface RoomContext<P extends AnyProtocol = BuiltIn, D = unknown> extends ConnectionContext<P, D> {
  readonly user: User<D>
  readonly room: RoomHandle<P>
  /** Aborted when the handler's time is up or the connection has ended. */
  readonly signal: AbortSignal
}

export interface Hooks<P extends AnyProtocol = BuiltIn, D = unknown> {
  /** After the greeting, before any message is handled. Throwing {@link refuse} refuses the connection (4501); any other throw is a fault (1011). */
  connect?(context: ConnectionContext<P, D>): void | Promise<void>
  /** Before each valid message but `ping` and `auth`. A throw answers an error instead of handling it. */
  message?(
    context: ConnectionContext<P, D>,
    message: ClientMessage | { readonly type: string; readonly body: object },
  ): void | Promise<void>
  /** A binary frame. Without this hook they close the connection with 1003. */
  binary?(context: ConnectionContext<P, D>, data: Uint8Array): void | Promise<void>
  /** A WebSocket ping frame from the client; it has been answered already. */
  ping?(context: ConnectionContext<P, D>, data: Uint8Array): void | Promise<void>
  /** A WebSocket pong frame from the client. */
  pong?(context: ConnectionContext<P, D>, data: Uint8Array): void | Promise<void>
  /** Before a member is let in, after `authorize`. A throw refuses the join, as in {@link refuse}`('game_full', 'The game is full')`. */
  join?(context: RoomContext<P, D>): void | Promise<void>
  /** After a connection left a room, by itself, by a kick or by its end. */
  leave?(context: RoomContext<P, D>): void | Promise<void>
  /** After a connection ended, however it did; its rooms are left already. Code and reason are those that the server sent, or the peer's where that closed first. */
  close?(context: ConnectionContext<P, D>, code: number, reason: string): void | Promise<void>
  /** A fault in the socket, a hook or a handler, which is logged already. */
  error?(error: unknown, context: ConnectionContext<P, D> | undefined): void | Promise<void>
}
