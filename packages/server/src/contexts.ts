import type { Answers } from './answers.js'
import type { AnyProtocol, ConnectionContext, RoomContext, RoomHandle, User } from './api.js'
import { sendAway } from './closing.js'
import type { Connection } from './connection.js'
import type { Publisher } from './publisher.js'

/** What hooks know of a connection. */
export function connectionContext(
  connection: Connection,
  publisher: Publisher,
  answers: Answers,
): ConnectionContext<AnyProtocol, unknown> {
  return {
    connection: { id: connection.id, remoteAddress: connection.request.remoteAddress },
    request: connection.request,
    user: connection.session.user,
    send: (message: { readonly type: string }) => connection.send(publisher.volatile(message)),
    close: (code, reason) => sendAway(connection, answers, code, reason),
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
