import type { Broadcastable, BuiltIn, ClientMessage, Target } from '@roomful/protocol'
import type { ConnectionRequest } from '../contracts/transport.js'
import type { RoomHandle } from '../handles/handles.js'
import type { AnyProtocol } from '../protocol.js'
import type { User } from './authentication.js'

export interface ConnectionHandle<P extends AnyProtocol = BuiltIn> {
  readonly id: string
  readonly remoteAddress: string
  /** Sends a volatile message to this connection only. @throws RoomfulError `invalid_message` */
  broadcast(message: Broadcastable<P>): void
}

/** The context of every hook: its connection. */
export interface ConnectionContext<P extends AnyProtocol = BuiltIn, D = unknown> {
  readonly connection: ConnectionHandle<P>
  readonly request: ConnectionRequest
  /** `undefined` until the connection has authenticated. */
  readonly user: User<D> | undefined
  /**
   * The trace that the client's message belongs to, as in {@link https://www.w3.org/TR/trace-context/ | W3C Trace
   * Context}. `undefined` if it sent none, and in hooks that no message causes.
   */
  readonly traceparent: string | undefined
  /** Closes the connection. After codes from 4500 to 4999, the client does not reconnect. @default 4501 */
  close(code?: number, reason?: string): void
}

/** The context of handlers for messages to a room. */
export interface RoomContext<P extends AnyProtocol = BuiltIn, D = unknown> extends ConnectionContext<P, D> {
  readonly user: User<D>
  readonly room: RoomHandle<P>
  /** The message that this one replaces, if `handle.chat_message` is called for an edit; else `undefined`. */
  readonly edit: Target | undefined
  /** Aborted when the handler's time is up, or when the connection has ended. */
  readonly signal: AbortSignal
}

export interface Hooks<P extends AnyProtocol = BuiltIn, D = unknown> {
  /**
   * Runs after the greeting, before any message is handled. Throwing {@link refuse} refuses the connection (4501);
   * any other throw is a fault (1011).
   */
  connect?(context: ConnectionContext<P, D>): void | Promise<void>
  /**
   * Runs before each valid message except `ping` and `auth`. If it throws, the message is not handled, and the answer
   * is an error.
   */
  message?(
    context: ConnectionContext<P, D>,
    message: ClientMessage | { readonly type: string; readonly body: object },
  ): void | Promise<void>
  /** Receives a binary frame. Without this hook, binary frames close the connection with 1003. */
  binary?(context: ConnectionContext<P, D>, data: Uint8Array): void | Promise<void>
  /** Runs after a WebSocket ping frame from the client, which has already been answered. */
  ping?(context: ConnectionContext<P, D>, data: Uint8Array): void | Promise<void>
  /** Runs after a WebSocket pong frame from the client. */
  pong?(context: ConnectionContext<P, D>, data: Uint8Array): void | Promise<void>
  /**
   * Runs before a member is admitted, after `authorize`. A throw refuses the join, as in {@link refuse}`('game_full',
   * 'The game is full')`.
   */
  join?(context: RoomContext<P, D>): void | Promise<void>
  /** Runs after a connection left a room: by itself, by a kick, or because it ended. */
  leave?(context: RoomContext<P, D>): void | Promise<void>
  /**
   * Runs after a connection ended, for whatever reason, and has left its rooms. Code and reason are those that the
   * server sent, or the peer's if it closed first.
   */
  close?(context: ConnectionContext<P, D>, code: number, reason: string): void | Promise<void>
  /** Runs after a fault in the socket, a hook or a handler, which has already been logged. */
  error?(error: unknown, context: ConnectionContext<P, D> | undefined): void | Promise<void>
}
