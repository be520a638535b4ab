import type { AnyProtocol, ConnectionContext, RoomContext, RoomHandle, User } from './api.js'
import { closeWith } from './closing.js'
import type { Connection } from './connection.js'
import type { Publisher } from './publisher.js'

/** What hooks know of a connection. */
export function connectionContext(
  connection: Connection,
  publisher: Publisher,
): ConnectionContext<AnyProtocol, unknown> {
  return {
    connection: { id: connection.id, remoteAddress: connection.request.remoteAddress },
    request: connection.request,
    user: connection.session.user,
    send: (message: { readonly type: string }) => connection.send(publisher.volatile(message)),
    close(code?: number, reason?: string) {
      if (code === undefined) closeWith(connection, 'forbidden')
      else connection.close(code, reason ?? '')
    },
  }
}

/** What handlers know of the room that their message goes to. */
export function roomContext(
  base: ConnectionContext<AnyProtocol, unknown>,
  user: User,
  room: RoomHandle<AnyProtocol>,
  signal: AbortSignal,
): RoomContext<AnyProtocol, unknown> {
  return { ...base, user, room, signal }
}
