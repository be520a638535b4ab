import type { AnyProtocol } from '../options/options.js'
import type { LogMessage, Snapshot } from '../room/messages.js'
import type { Room } from '../room/room-api.js'
import type { RoomTimeline } from '../room/room-timeline.js'
import type { TimelineEntry } from '../room/timeline-entry.js'
import type { Observable } from '../runtime/observable.js'

/**
 * A room that shows what a server rendered while it is empty and not joined yet. On a server, and until the page is
 * hydrated, it shows nothing else.
 */
export function renderedRoom<P extends AnyProtocol>(room: Room<P>, initial: Snapshot): Room<P> {
  const { status, timeline, members, occupancy } = room
  let hasJoined = false
  const isWaiting = () => !hasJoined || ['joining', 'recovering'].includes(status.get().state)

  function after<T>(observable: Observable<T>, first: T, isEmpty: (value: T) => boolean): Observable<T> {
    const get = () => {
      const value = observable.get()
      return isEmpty(value) && isWaiting() ? first : value
    }
    const subscribe = (listener: (value: T) => void) => {
      const ends = [observable, status].map((one) => one.subscribe(() => listener(get())))
      return () => {
        for (const end of ends) end()
      }
    }
    return { get, subscribe, getInitial: () => first }
  }
  return {
    // Everything else that the room has, also for `chat()`.
    ...room,
    timeline: timeline && after(timeline, entriesOf(timeline, initial), ({ length }) => length === 0),
    members: after(members, initial.members ?? [], ({ length }) => length === 0),
    occupancy: after(occupancy, initial.count, (count) => count === 0),
    join(options) {
      hasJoined = true
      return room.join({ ...options, initial })
    },
    leave: (options) => room.leave(options),
    release: () => room.release(),
    send: (message, options) => room.send(message, options),
    emit: (type, body) => room.emit(type, body),
    request: (type, body, options) => room.request(type, body, options),
    history: (options) => room.history(options),
    on: (type, handler) => room.on(type, handler),
  }
}

/** What a timeline will show of a snapshot. It is not put in here: on a server, all users share one client. */
function entriesOf<P extends AnyProtocol>(
  timeline: Room<P>['timeline'],
  initial: Snapshot,
): readonly TimelineEntry<LogMessage<P>>[] {
  const never = () => false
  const entries = (timeline as unknown as RoomTimeline)
    .read(initial)
    // Of an entry that cannot be read, only the position is known.
    .filter((message) => 'room_id' in message)
    .map((message) => {
      const key = String(message.id)
      return { kind: 'message', key, message, state: 'sent', retry: never, cancel: never } as const
    })
  return entries as readonly TimelineEntry<unknown>[] as readonly TimelineEntry<LogMessage<P>>[]
}
