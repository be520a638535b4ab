import type { AnyProtocol, ConnectionContext, RoomContext, RoomHandle, User } from '../../api/api.js'
import { disconnect } from '../connection/closing.js'
import type { Connection } from '../connection/connection.js'
import type { Replies } from '../connection/replies.js'
import type { ServerMessages } from './server-messages.js'

/** What hooks know of a connection. */
export function connectionContext(
  connection: Connection,
  messages: ServerMessages,
  replies: Replies,
): ConnectionContext<AnyProtocol, unknown> {
  return {
    connection: {
      id: connection.id,
      remoteAddress: connection.request.remoteAddress,
      broadcast: (message: { readonly type: string }) => connection.send(messages.volatile(message)),
    },
    request: connection.request,
    user: connection.session.user,
    close: (code, reason) => disconnect(connection, replies, code, reason),
  }
}

/** What handlers know of the room that their message goes to. `signal` is asked for once, when the application first does. */
export function roomContext(
  base: ConnectionContext<AnyProtocol, unknown>,
  user: User,
  room: RoomHandle<AnyProtocol>,
  signal: () => AbortSignal,
): RoomContext<AnyProtocol, unknown> {
  let asked: AbortSignal | undefined
  return {
    ...base,
    user,
    room,
    get signal() {
      asked ??= signal()
      return asked
    },
  }
}

/** A handler's context, and what makes its signal abort when the handler's time is up. */
export interface CancellableContext {
  readonly context: RoomContext<AnyProtocol, unknown>
  abort(): void
}

/** A context whose signal aborts when the time is up or the connection ends. */
export function cancellable(
  connection: Connection,
  contextWith: (signal: () => AbortSignal) => RoomContext<AnyProtocol, unknown>,
): CancellableContext {
  const timedOut = new AbortController()
  // Made when it is asked for: the connection's signal remembers each one for as long as it lives.
  const context = contextWith(() => AbortSignal.any([timedOut.signal, connection.signal]))
  return { context, abort: () => timedOut.abort() }
}
