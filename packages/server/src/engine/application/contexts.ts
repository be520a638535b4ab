import type { Target } from '@roomful/protocol'
import type { AnyProtocol, ConnectionContext, RoomContext, RoomHandle } from '../../api/api.js'
import type { Arrival } from '../connection/arrival.js'
import { disconnect } from '../connection/closing.js'
import type { Connection } from '../connection/connection.js'
import type { Replies } from '../connection/replies.js'
import type { ServerMessages } from './server-messages.js'

/** A handler's context, and a function that aborts its signal when the handler's time is up. */
export interface CancellableContext {
  readonly context: RoomContext<AnyProtocol, unknown>
  abort(): void
}

/** Creates the contexts of hooks and handlers: the connection and the room for which they are called. */
export class Contexts {
  constructor(
    private readonly messages: ServerMessages,
    private readonly replies: Replies,
    /**
     * A room by the name that a member uses. A handle reaches the whole server, so this function is passed in from
     * above.
     */
    private readonly roomFor: (roomId: string, userId: string) => RoomHandle<AnyProtocol>,
  ) {}

  /** @param arrival of the message for which a hook is called, if it is for one */
  of(connection: Connection, arrival?: Arrival): ConnectionContext<AnyProtocol, unknown> {
    const { messages, replies } = this
    return {
      connection: {
        id: connection.id,
        remoteAddress: connection.request.remoteAddress,
        broadcast: (message: { readonly type: string }) => connection.send(messages.volatile(message)),
      },
      request: connection.request,
      user: connection.session.user,
      traceparent: arrival?.traceparent,
      close: (code, reason) => disconnect(connection, replies, code, reason),
    }
  }

  /** `signal` is called once, when the application first reads the signal. */
  inRoom(
    connection: Connection,
    roomId: string,
    arrival?: Arrival,
    signal = () => connection.signal,
    edit?: Target,
  ): RoomContext<AnyProtocol, unknown> {
    const { user } = connection.session
    if (!user) throw new Error('A connection acts in a room before it is admitted')
    let asked: AbortSignal | undefined
    return {
      ...this.of(connection, arrival),
      user,
      room: this.roomFor(roomId, user.id),
      edit,
      get signal() {
        asked ??= signal()
        return asked
      },
    }
  }

  /** Creates a context whose signal aborts when the time is up or the connection ends. */
  cancellable(connection: Connection, roomId: string, arrival: Arrival, edit?: Target): CancellableContext {
    const timedOut = new AbortController()
    // Created only on demand: the connection's signal keeps a reference to each derived signal for as long as it
    // lives.
    const signal = () => AbortSignal.any([timedOut.signal, connection.signal])
    return { context: this.inRoom(connection, roomId, arrival, signal, edit), abort: () => timedOut.abort() }
  }
}
