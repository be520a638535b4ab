import type { ClientMessageOf } from '@roomful/protocol'
import type { Backplane, LogEntry, Relay } from '../../api/contracts/backplane.js'
import type { Clock } from '../../api/contracts/clock.js'
import type { Logger } from '../../api/contracts/logger.js'
import type { MarkStore, Reader, Reading } from '../../api/contracts/marks.js'
import { RoomfulError } from '../../api/contracts/roomful-error.js'
import { type Unread, unreadAfter, weigher } from '../../backplane/log/unread.js'
import { isStillMember } from '../application/access.js'
import type { Connection } from '../connection/connection.js'
import { TextFrame } from '../connection/frames.js'
import { refsOfMessage } from '../connection/refs.js'
import type { Registry } from '../connection/registry.js'
import type { Replies } from '../connection/replies.js'
import type { Membership } from '../connection/session.js'
import type { LifeCycle } from '../process/life-cycle.js'
import { CatchUp } from './catch-up.js'
import type { Receipts } from './receipts.js'
import { type Room, roomOf, streamOf } from './room.js'
import type { Rooms } from './rooms.js'
import type { Moved } from './watched-room.js'
import type { Watches } from './watches.js'

export interface MarksDeps {
  readonly backplane: Backplane
  /** Types of published messages that count as unread. */
  readonly counts: readonly string[]
  readonly registry: Registry
  readonly rooms: Rooms
  readonly receipts: Receipts
  readonly watches: Watches
  readonly replies: Replies
  readonly lifeCycle: LifeCycle
  readonly clock: Clock
  readonly logger: Logger
}

/** A mark that was moved, as nodes tell each other. */
interface Told extends Moved {
  /** The connection that has its answer already. */
  readonly exceptConnection?: string
}

/** How many users' marks are read at once after nodes have missed each other's messages. */
const AT_ONCE = 20

/** Moves the marks of users, and tells their own devices and the other members of it. */
export class Marks {
  readonly #catchUp: CatchUp

  constructor(private readonly deps: MarksDeps) {
    const { clock, logger } = deps
    this.#catchUp = new CatchUp(
      clock,
      () => this.#heal(),
      (err) => logger.warn({ err }, 'marks of users could not be read again; trying again'),
    )
  }

  stop(): void {
    this.#catchUp.stop()
  }

  async take(
    connection: Connection,
    membership: Membership,
    message: ClientMessageOf<'mark_read'>,
  ): Promise<void> {
    const { replies, lifeCycle, backplane } = this.deps
    const { user } = connection.session
    if (!user || !this.#store) return
    const { roomId } = membership
    const { epoch, offset, id, ref } = message
    const stream = streamOf(roomId, user.id)
    const reading = await this.#store.move(stream, this.readerOf(user.id), { epoch, offset, id })
    if (!isStillMember(connection, membership))
      return replies.fail(connection, new RoomfulError('not_in_room'), refsOfMessage(message, membership))
    const moved = movedOf(stream, reading)
    // The log has ended since: what comes next says so.
    if (!moved)
      return replies.fail(connection, new RoomfulError('unavailable'), refsOfMessage(message, membership))
    replies.send(connection, { ...frameOf(user.id, moved), ref })
    if (!reading.moved) return
    const relay = relayOf(user.id, { ...moved, exceptConnection: connection.id })
    this.deliver(relay)
    lifeCycle.soon(() => backplane.relay(relay))
  }

  /** Delivers to this node's connections. A lost one would leave a device with a wrong badge, so none is volatile. */
  deliver({ targets: [userId = ''], payload }: Relay): void {
    const { registry, receipts, rooms, watches } = this.deps
    const moved = payload as unknown as Told
    watches.marked(userId, moved)
    const frame = TextFrame.of(frameOf(userId, moved))
    for (const connection of registry.ofUser(userId))
      if (connection.session.extended && connection.id !== moved.exceptConnection) connection.write(frame)
    const room = rooms.get(moved.stream)
    if (room) receipts.add(room, userId, moved.mark)
  }

  /** What a user has not read, if the store keeps marks. */
  async reading(room: Room, userId: string): Promise<Reading | undefined> {
    return this.#store?.reading(room.stream, this.readerOf(userId))
  }

  /** What a user has not read at the head of a room, with what came since. `undefined` if only the store can tell. */
  current(reading: Reading, { tail }: Room, userId: string): Omit<Reading, 'head'> | undefined {
    const { mark, head, unread, mentions } = reading
    const late = tail.filter(({ offset }) => offset > (head?.offset ?? 0))
    if (late.length === 0) return { mark, unread, mentions }
    const now = this.#after({ readTo: mark?.offset ?? 0, unread, mentions }, late, userId)
    const own = late.find(({ offset }) => offset === now?.readTo)
    const moved = own && head ? { epoch: head.epoch, offset: own.offset, id: own.id } : mark
    return now && { mark: moved, unread: now.unread, mentions: now.mentions }
  }

  /** Messages of other nodes were lost, and marks may have been among them: each device learns its user's again. */
  missed(): void {
    if (this.#store) this.#catchUp.missed()
  }

  readerOf(userId: string): Reader {
    return { userId, counts: this.deps.counts }
  }

  get #store(): MarkStore | undefined {
    return this.deps.backplane.marks
  }

  #after(counted: Unread, entries: readonly LogEntry[], userId: string): Unread | undefined {
    const weigh = weigher(this.readerOf(userId))
    let unread: Unread | undefined = counted
    for (const entry of entries) unread = unread && unreadAfter(unread, entry, weigh(entry.text))
    return unread
  }

  async #heal(): Promise<void> {
    const users = [...this.#devices().values()]
    const next = async () => {
      for (let one = users.pop(); one; one = users.pop()) await this.#tellAgain(...one)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, next))
  }

  /** The extended connections of each user in each room. */
  #devices(): Map<string, [stream: string, userId: string, Connection[]]> {
    const found = new Map<string, [string, string, Connection[]]>()
    for (const connection of this.deps.registry.connections()) {
      const { user, extended, rooms } = connection.session
      if (!user || !extended) continue
      for (const roomId of rooms.keys()) {
        const stream = streamOf(roomId, user.id)
        const name = JSON.stringify([stream, user.id])
        const [, , connections] = found.get(name) ?? [stream, user.id, []]
        found.set(name, [stream, user.id, [...connections, connection]])
      }
    }
    return found
  }

  async #tellAgain(stream: string, userId: string, connections: readonly Connection[]): Promise<void> {
    const reading = await this.#store?.reading(stream, this.readerOf(userId))
    const moved = reading?.mark && movedOf(stream, reading)
    if (!moved) return
    const frame = TextFrame.of(frameOf(userId, moved))
    for (const connection of connections) connection.write(frame)
  }
}

/** Without a mark, a user is at the beginning of the log. */
function movedOf(stream: string, { mark, head, unread, mentions }: Reading): Moved | undefined {
  if (!head) return undefined
  const { epoch } = head
  return { stream, mark: mark ?? { epoch, offset: 0, id: epoch }, counted: head.offset, unread, mentions }
}

function relayOf(userId: string, moved: Told): Relay {
  return { to: 'marks', targets: [userId], payload: { ...moved } }
}

function frameOf(userId: string, { stream, mark, counted, unread, mentions }: Moved): object {
  const { epoch, offset, id } = mark
  const { roomId } = roomOf(stream)
  const head = { type: 'read_marked', room_id: roomId, user_id: userId, epoch, offset, id }
  return { ...head, counted, unread, ...(mentions > 0 && { mentions }) }
}
