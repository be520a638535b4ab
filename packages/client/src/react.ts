'use client'

import { useCallback, useEffect, useState, useSyncExternalStore } from 'react'
import type { CoreClient } from './client.js'
import type { ConnectionStatus } from './connection/connection-state.js'
import type { AnyProtocol } from './options/options.js'
import type { RoomEvents } from './room/messages.js'
import type { CoreRoom, JoinOptions } from './room/room-api.js'
import type { Observable } from './runtime/observable.js'

/** The part of a client that does not depend on its protocol. */
type Lifecycle = Pick<CoreClient, 'status' | 'connect' | 'wake' | 'close'>

/** The part of a room that does not depend on its protocol. */
interface Joinable {
  join(options?: JoinOptions): Promise<unknown>
  leave(): Promise<void>
}

/**
 * Returns an observable's value and re-renders when it changes. A server renders its initial value, and so does the
 * browser until the page is hydrated.
 */
export function useObservable<T>(observable: Observable<T>): T {
  const { subscribe, get, getInitial = get } = observable
  return useSyncExternalStore(subscribe, get, getInitial)
}

/** The state of the connection. */
export function useStatus(client: Pick<Lifecycle, 'status'>): ConnectionStatus {
  return useObservable(client.status)
}

/**
 * Creates a client once, connects it when the component is mounted, and closes it after the last component that uses
 * it is gone. Nothing connects while a server renders.
 */
export function useClient<C extends Lifecycle>(create: () => C): C {
  const [client] = useState(create)
  useEffect(() => {
    // An earlier unmount closed it, for example under StrictMode.
    if (client.status.get().state === 'closed') client.connect()
    else client.wake()
    return hold(client, () => client.close())
  }, [client])
  return client
}

/**
 * Returns the handle of a room, which stays joined while a component uses it; several components may use the same
 * room. `room.status` says whether the join succeeded.
 */
export function useRoom<R extends Joinable>(
  client: Pick<CoreClient, 'rest'> & { room(id: string): R },
  id: string,
  options?: JoinOptions,
): R {
  const room = client.room(id)
  const history = options?.history
  useEffect(() => {
    void room.join(history === undefined ? {} : { history })
    const letGo = [hold(room, () => void room.leave()), hold(client, () => client.rest())]
    return () => {
      for (const end of letGo) end()
    }
  }, [client, room, history])
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

/** How many components use each handle. */
const uses = new WeakMap<object, number>()

/**
 * Counts a use and returns a function that ends it. `release` runs once no component uses the handle any more, but
 * not before the next task: StrictMode and hot reloading unmount a component and mount it again at once.
 */
function hold(handle: object, release: () => void): () => void {
  uses.set(handle, (uses.get(handle) ?? 0) + 1)
  return () => {
    uses.set(handle, (uses.get(handle) ?? 1) - 1)
    setTimeout(() => {
      if (uses.get(handle) === 0) release()
    })
  }
}
