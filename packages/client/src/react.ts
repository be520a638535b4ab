'use client'

import type { Member } from '@roomful/protocol'
import { useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import type { Client, CoreClient } from './client.js'
import type { ConnectionStatus } from './connection/connection-state.js'
import type { AnyProtocol } from './options/options.js'
import { renderedRoom } from './react/rendered-room.js'
import { hold, isUsed } from './react/uses.js'
import type { ClientEvents, LogMessage, RoomEvents, Snapshot } from './room/messages.js'
import type { CoreRoom, JoinOptions, Room } from './room/room-api.js'
import type { RoomStatus } from './room/room-state.js'
import type { TimelineEntry } from './room/timeline-entry.js'
import type { Observable } from './runtime/observable.js'

/** The hooks of a client whose rooms have no timeline. */
export interface CoreHooks<P extends AnyProtocol, R extends CoreRoom<P> = CoreRoom<P>> {
  /**
   * Returns the handle of a room, which stays joined while a component uses it; several components may use the same
   * room. `useStatus(room)` says whether the join succeeded.
   * @throws RoomfulError `invalid_room`
   */
  readonly useRoom: (id: string, options?: JoinOptions) => R
  /** The users in the room and their state, in rooms of up to 200 users. */
  readonly useMembers: (room: R) => readonly Member[]
  /** The ids of the users who are typing, except this one. */
  readonly useTyping: (room: R) => readonly string[]
  /** The state of the connection, or of a room. */
  readonly useStatus: { (): ConnectionStatus; (room: R): RoomStatus }
  /** Calls the newest `handler` for each event of the room. */
  readonly useRoomEvent: <K extends keyof RoomEvents<P>>(
    room: R,
    type: K,
    handler: (event: RoomEvents<P>[K]) => void,
  ) => void
  /** Calls the newest `handler` for each event of the client. */
  readonly useClientEvent: <K extends keyof ClientEvents<P>>(
    type: K,
    handler: (event: ClientEvents<P>[K]) => void,
  ) => void
}

/** The hooks of a client. */
export interface Hooks<P extends AnyProtocol> extends CoreHooks<P, Room<P>> {
  /** The messages of the room as a list to render. */
  readonly useTimeline: (room: Room<P>) => readonly TimelineEntry<LogMessage<P>>[]
}

/**
 * Creates the hooks of a client. Call it beside `createClient`, at module scope: it keeps no state and connects
 * nothing. A component that mounts a room connects.
 */
export function createHooks<P extends AnyProtocol>(client: Client<P>): Hooks<P>
export function createHooks<P extends AnyProtocol>(client: CoreClient<P>): CoreHooks<P>
export function createHooks<P extends AnyProtocol>(client: CoreClient<P>): CoreHooks<P> | Hooks<P> {
  // A client without timelines gets the hooks without `useTimeline`, by their type.
  return bind(client as Client<P>)
}

function bind<P extends AnyProtocol>(client: Client<P>): Hooks<P> {
  function useStatus(): ConnectionStatus
  function useStatus(room: Room<P>): RoomStatus
  function useStatus(room?: Room<P>): ConnectionStatus | RoomStatus {
    return useObservable<ConnectionStatus | RoomStatus>((room ?? client).status)
  }
  return {
    useRoom: (id, options) => useJoined(client, id, options),
    useTimeline: (room) => useObservable(room.timeline),
    useMembers: (room) => useObservable(room.members),
    useTyping: (room) => useObservable(room.typing),
    useStatus,
    useRoomEvent: (room, type, handler) => useEvent(room, type, handler),
    useClientEvent: (type, handler) => useEvent(client, type, handler),
  }
}

/**
 * Returns an observable's value and re-renders when it changes: for those that have no hook of their own, such as
 * `client.user` and `room.occupancy`. A server renders its initial value, and so does the browser until the page is
 * hydrated.
 */
export function useObservable<T>(observable: Observable<T>): T {
  const { subscribe, get, getInitial = get } = observable
  return useSyncExternalStore(subscribe, get, getInitial)
}

/**
 * Creates a client once, for a component that needs one of its own. Connects it when the component is mounted, and
 * closes it after the last component that uses it is gone. Nothing connects while a server renders.
 */
export function useClient<C extends Pick<CoreClient, 'status' | 'connect' | 'wake' | 'close'>>(
  create: () => C,
): C {
  const [client] = useState(create)
  useEffect(() => {
    // An earlier unmount closed it, for example under StrictMode.
    if (client.status.get().state === 'closed') client.connect()
    else client.wake()
    return hold(client, () => client.close())
  }, [client])
  return client
}

function useJoined<P extends AnyProtocol>(
  client: Client<P>,
  id: string,
  { history, initial }: JoinOptions = {},
): Room<P> {
  const room = client.room(id)
  // biome-ignore lint/correctness/useExhaustiveDependencies: a room that is shown goes on by itself
  const shown = useMemo(() => (isOf(id, initial) ? renderedRoom(room, initial) : room), [room])
  useEffect(() => {
    void shown.join(history === undefined ? {} : { history })
    const rest = () => isUsed(client) || client.rest()
    // What was written in the room must leave first, although the user looks at another one, or has closed the dialog.
    const leave = () => void room.leave({ whenSent: true }).then(rest)
    const letGo = [hold(room, leave), hold(client, rest)]
    return () => {
      for (const end of letGo) end()
    }
  }, [client, room, shown, history])
  return shown
}

/** A component that shows one room after the other may pass on what was rendered for the first one. */
function isOf(id: string, initial: Snapshot | undefined): initial is Snapshot {
  return initial?.messages.every(({ room_id }) => room_id === id) ?? false
}

/** Subscribes once, however often a component passes a new `handler`. */
function useEvent<K, E>(
  source: { on(type: K, handler: (event: E) => void): () => void },
  type: K,
  handler: (event: E) => void,
): void {
  const [latest] = useState(() => ({ handler }))
  useEffect(() => {
    latest.handler = handler
  })
  useEffect(() => source.on(type, (event) => latest.handler(event)), [source, type, latest])
}
