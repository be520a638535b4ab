import { useCallback, useEffect, useState, useSyncExternalStore } from 'react'
import type { CoreClient } from './client.js'
import type { ConnectionStatus } from './connection-state.js'
import type { RoomEvents } from './messages.js'
import type { Observable } from './observable.js'
import type { AnyProtocol } from './options.js'
import type { CoreRoom, JoinOptions } from './room-api.js'

/** By then a component that was rendered has been mounted; one that comes later connects its client again. */
const ABANDONED_MS = 10_000

/** What every client has, whatever its protocol. */
type Lifecycle = Pick<CoreClient, 'status' | 'connect' | 'close'>

/** What every room has, whatever its protocol. */
interface Membership {
  join(options?: JoinOptions): Promise<unknown>
  leave(): Promise<void>
}

/** A value of the client that re-renders when it changes. */
export function useObservable<T>(observable: Observable<T>): T {
  return useSyncExternalStore(observable.subscribe, observable.get, observable.get)
}

/** Where the connection stands. */
export function useStatus(client: Lifecycle): ConnectionStatus {
  return useObservable(client.status)
}

/**
 * Creates a client once, and closes it after the last component that uses it is gone.
 * The close is deferred: StrictMode and hot reloading unmount a component and mount it again at once.
 */
export function useClient<C extends Lifecycle>(create: () => C): C {
  const [client] = useState(() => closedIfUnused(create()))
  useEffect(() => {
    // Closed before by a strict effect that came late; a running client ignores this.
    if (client.status.get().state === 'closed') client.connect()
    return hold(client, () => client.close())
  }, [client])
  return client
}

/**
 * The handle of a room, joined as long as a component uses it; several may use the same room.
 * How the join went is in `room.status`.
 */
export function useRoom<R extends Membership>(
  client: { room(id: string): R },
  id: string,
  options?: JoinOptions,
): R {
  const room = client.room(id)
  const history = options?.history
  useEffect(() => {
    void room.join(history === undefined ? {} : { history })
    return hold(room, () => void room.leave())
  }, [room, history])
  return room
}

/** Calls the newest `handler` for each event of a room. */
export function useRoomEvent<P extends AnyProtocol, K extends keyof RoomEvents<P>>(
  room: CoreRoom<P>,
  type: K,
  handler: (event: RoomEvents<P>[K]) => void,
): void {
  const [latest] = useState(() => ({ handler }))
  useEffect(() => {
    latest.handler = handler
  })
  const call = useCallback((event: RoomEvents<P>[K]) => latest.handler(event), [latest])
  useEffect(() => room.on(type, call), [room, type, call])
}

/** StrictMode makes a client too many, and a server renders components that never mount: nobody else would end those. */
function closedIfUnused<C extends Lifecycle>(client: C): C {
  setTimeout(() => {
    if (!uses.has(client)) client.close()
  }, ABANDONED_MS)
  return client
}

/** How many components use a handle. */
const uses = new WeakMap<object, number>()

/** Counts a use; the returned function ends it, and `release` runs once no component uses the handle any more. */
function hold(handle: object, release: () => void): () => void {
  uses.set(handle, (uses.get(handle) ?? 0) + 1)
  return () => {
    uses.set(handle, (uses.get(handle) ?? 1) - 1)
    setTimeout(() => {
      if (uses.get(handle) === 0) release()
    })
  }
}
