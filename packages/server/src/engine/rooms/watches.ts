import { type ClientMessageOf, OWN_STREAM } from '@roomful/protocol'
import type { Backplane, Subscription } from '../../api/contracts/backplane.js'
import type { Clock } from '../../api/contracts/clock.js'
import type { Logger } from '../../api/contracts/logger.js'
import type { MarkStore } from '../../api/contracts/marks.js'
import { RoomfulError } from '../../api/contracts/roomful-error.js'
import type { Limits } from '../../api/options/limits.js'
import type { Access } from '../application/access.js'
import type { Connection } from '../connection/connection.js'
import { refsOfMessage } from '../connection/refs.js'
import type { Replies } from '../connection/replies.js'
import { bannedIn } from './bans.js'
import { streamOf } from './room.js'
import { type Moved, WatchedRoom } from './watched-room.js'

export interface WatchesDeps {
  readonly backplane: Backplane
  /** Types of published messages that count as unread. */
  readonly counts: readonly string[]
  readonly access: Access
  readonly replies: Replies
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: Pick<Limits, 'watchedRooms'>
}

type WatchRooms = ClientMessageOf<'watch_rooms'>

/** What a connection watches, by the names that it uses. */
interface Watcher {
  readonly rooms: Map<string, WatchedRoom>
  /** Those of which the application has not said yet that the user may watch them: nothing may be told of these. */
  readonly unanswered: Set<string>
  /** Those of its list that the user may not watch, for now. */
  readonly denied: Set<string>
  /** Rooms of which it has to hear. */
  readonly news: Set<string>
  /** When the application is asked again. */
  askAt: number
}

/** In how many looks all rooms are counted anew: what was missed stays wrong for that many seconds. */
const LOOKS = 120
const ASK_AGAIN_MS = 300_000
/** How many rooms are read at once. */
const AT_ONCE = 20
const FULL_RETRY_MS = 5_000
/** How often a reader is counted for if the room's log goes on meanwhile. */
const ATTEMPTS = 3

/**
 * Tells connections of rooms that they are not in: the head of each, and what is unread there. Once a second, the node
 * looks at the rooms that have changed; watching costs no subscription.
 */
export class Watches {
  readonly #rooms = new Map<string, WatchedRoom>()
  readonly #watchers = new Map<Connection, Watcher>()
  /** Streams that may have new entries. */
  #changed = new Set<string>()
  /** Rooms that are still to be counted anew in this round. */
  #round: WatchedRoom[] = []
  #listening: Promise<Subscription> | undefined
  #isLooking = false
  #isAsking = false
  #size = 0

  constructor(private readonly deps: WatchesDeps) {}

  /** Replaces what a connection watches. */
  async take(connection: Connection, message: WatchRooms): Promise<void> {
    const { replies, limits } = this.deps
    const { user } = connection.session
    const { marks } = this.deps.backplane
    if (!user || !marks) return
    const wanted = new Set(message.room_ids)
    const watcher = this.#watchers.get(connection) ?? newWatcher()
    if (this.#size - watcher.rooms.size + wanted.size > limits.watchedRooms) {
      const full = new RoomfulError('unavailable', { retryAfterMs: FULL_RETRY_MS })
      return replies.fail(connection, full, refsOfMessage(message))
    }
    this.#watchers.set(connection, watcher)
    watcher.askAt = this.deps.clock.now() + ASK_AGAIN_MS
    await this.#listen(marks)
    // Whoever is gone is removed only once, which may have been meanwhile.
    if (!connection.isOpen) return this.remove(connection)
    for (const roomId of watcher.rooms.keys())
      if (!wanted.has(roomId)) this.#drop(connection, watcher, roomId)
    watcher.denied.clear()
    const added = [...wanted].filter((roomId) => !watcher.rooms.has(roomId))
    // First, so that a kick or what is logged meanwhile finds them.
    for (const roomId of added) this.#add(connection, watcher, roomId, user.id)
    const denied = await this.#deniedOfNew(connection, watcher, added)
    // All of them: an earlier request may have failed before they were counted.
    await this.#each([...watcher.rooms.values()], async (room) => {
      await this.#count(marks, room, user.id)
      this.#notice(room)
    })
    if (!connection.isOpen) return this.remove(connection)
    watcher.news.clear()
    replies.send(connection, this.#frame(watcher, user.id, watcher.rooms.keys(), denied, message.ref))
  }

  /** A connection may no longer know of a room. */
  end(connection: Connection, roomId: string): void {
    const watcher = this.#watchers.get(connection)
    const { user } = connection.session
    if (!user || !watcher?.rooms.has(roomId)) return
    this.#drop(connection, watcher, roomId)
    watcher.denied.add(roomId)
    this.deps.replies.send(connection, this.#frame(watcher, user.id, [], [roomId], undefined))
  }

  /** Whoever has joined a room that was denied may perhaps watch it again. */
  joined(connection: Connection, roomId: string): void {
    const watcher = this.#watchers.get(connection)
    if (watcher?.denied.has(roomId)) void this.#reconsider(connection, watcher, roomId)
  }

  /** The connection is gone. */
  remove(connection: Connection): void {
    const watcher = this.#watchers.get(connection)
    if (!watcher) return
    for (const roomId of watcher.rooms.keys()) this.#drop(connection, watcher, roomId)
    this.#watchers.delete(connection)
    if (this.#watchers.size === 0) this.#stopListening()
  }

  /** A mark was moved, here or on another node. */
  marked(userId: string, moved: Moved): void {
    const room = this.#rooms.get(moved.stream)
    if (!room) return
    if (room.marked(userId, moved)) this.#notice(room)
    else this.#changed.add(moved.stream)
  }

  /** Called once a second. */
  async look(): Promise<void> {
    const { marks } = this.deps.backplane
    if (this.#isLooking || !marks || this.#watchers.size === 0) return
    this.#isLooking = true
    try {
      await this.#lookAround(marks)
    } catch (err) {
      this.deps.logger.warn({ err }, 'watched rooms could not be read; trying again')
    } finally {
      this.#isLooking = false
    }
    this.#tell()
  }

  /** Called once a second. Apart from `look`, so that nobody's news wait for a slow answer of the application. */
  async askAgain(): Promise<void> {
    if (this.#isAsking) return
    this.#isAsking = true
    const now = this.deps.clock.now()
    for (const [connection, watcher] of this.#watchers)
      if (now >= watcher.askAt) await this.#askAbout(connection, watcher)
    this.#isAsking = false
  }

  stop(): void {
    this.#stopListening()
  }

  async #lookAround(marks: MarkStore): Promise<void> {
    const changed = this.#changed
    this.#changed = new Set()
    try {
      await this.#each([...changed], (stream) => this.#refresh(marks, this.#rooms.get(stream)))
    } catch (error) {
      for (const stream of changed) this.#changed.add(stream)
      throw error
    }
    if (this.#round.length === 0) this.#round = [...this.#rooms.values()]
    const some = this.#round.splice(0, Math.ceil(this.#rooms.size / LOOKS))
    await this.#each(some, async (room) => {
      room.doubt()
      await this.#refresh(marks, room)
    })
  }

  /** Adds what a room has logged to the counts, or counts anew where that is not enough. */
  async #refresh(marks: MarkStore, room: WatchedRoom | undefined): Promise<void> {
    if (!room) return
    const range = room.missing()
    if (range) room.add(await this.deps.backplane.read(room.stream, range.range, range.since))
    for (const userId of room.uncounted()) await this.#count(marks, room, userId)
    this.#notice(room)
  }

  /** Counts for one reader, unless that is done. Many who come at once must not count for each other. */
  async #count(marks: MarkStore, room: WatchedRoom, userId: string): Promise<void> {
    const { counts } = this.deps
    for (let attempt = 0; attempt < ATTEMPTS && !room.isCounted(userId); attempt++) {
      const { doubts } = room
      room.counted(userId, await marks.reading(room.stream, { userId, counts }), doubts)
    }
    if (!room.isCounted(userId)) this.#changed.add(room.stream)
  }

  #notice(room: WatchedRoom): void {
    for (const userId of room.takeNews())
      for (const [connection, roomId] of room.watchersOf(userId)) {
        const watcher = this.#watchers.get(connection)
        if (watcher && !watcher.unanswered.has(roomId)) watcher.news.add(roomId)
      }
  }

  /** A slow reader keeps its news for later: only the latest matter. */
  #tell(): void {
    for (const [connection, watcher] of this.#watchers) {
      const { user } = connection.session
      if (!user || watcher.news.size === 0 || connection.isCongested) continue
      const frame = this.#frame(watcher, user.id, watcher.news, [], undefined)
      watcher.news.clear()
      this.deps.replies.send(connection, frame)
    }
  }

  #frame(
    { rooms }: Watcher,
    userId: string,
    roomIds: Iterable<string>,
    denied: readonly string[],
    ref: string | undefined,
  ): object {
    const heads = [...roomIds].flatMap((roomId) => {
      const head = rooms.get(roomId)?.headFor(userId)
      return head ? [{ room_id: roomId, ...head }] : []
    })
    return { type: 'room_heads', rooms: heads, ...(denied.length > 0 && { denied }), ref }
  }

  /** If the application cannot say now, what is watched stays. */
  async #askAbout(connection: Connection, watcher: Watcher): Promise<void> {
    watcher.askAt = this.deps.clock.now() + ASK_AGAIN_MS
    const before = [...watcher.denied]
    const { denied } = await this.#ask(connection, watcher, [...watcher.rooms.keys()])
    await this.#each(before, (roomId) => this.#reconsider(connection, watcher, roomId))
    const { user } = connection.session
    if (user && denied.length > 0)
      this.deps.replies.send(connection, this.#frame(watcher, user.id, [], denied, undefined))
  }

  /** Asks the application about new rooms. If it cannot say now, all of them fail. */
  async #deniedOfNew(
    connection: Connection,
    watcher: Watcher,
    roomIds: readonly string[],
  ): Promise<readonly string[]> {
    for (const roomId of roomIds) watcher.unanswered.add(roomId)
    const { denied, failure } = await this.#ask(connection, watcher, roomIds)
    // In one turn with the end of the answers, so that nothing is told of them in between.
    if (failure) for (const roomId of roomIds) this.#drop(connection, watcher, roomId)
    watcher.unanswered.clear()
    if (failure) throw failure
    return denied
  }

  /** Drops the rooms that the user may not watch. `failure` is what it threw if it could not say of all. */
  async #ask(
    connection: Connection,
    watcher: Watcher,
    roomIds: readonly string[],
  ): Promise<{ readonly denied: readonly string[]; readonly failure: unknown }> {
    const denied: string[] = []
    let failure: unknown
    await this.#each(roomIds, async (roomId) => {
      // One that fails with another need not be asked about.
      if (failure && watcher.unanswered.has(roomId)) return
      try {
        if (!(await this.#isDenied(connection, roomId))) return
        this.#drop(connection, watcher, roomId)
        watcher.denied.add(roomId)
        denied.push(roomId)
      } catch (error) {
        failure = error
      }
    })
    return { denied, failure }
  }

  /** @throws RoomfulError that is temporary, if that cannot be said now */
  async #isDenied(connection: Connection, roomId: string): Promise<boolean> {
    const { access, backplane } = this.deps
    const { user } = connection.session
    if (user && roomId !== OWN_STREAM && (await bannedIn(backplane, roomId, user.id))) return true
    const refusal = await access.authorize(connection, 'watch', roomId)
    if (refusal?.temporary) throw refusal
    return refusal !== undefined
  }

  /** Watches a room again that was denied, if it is not any more. What is unread in it is told after the next look. */
  async #reconsider(connection: Connection, watcher: Watcher, roomId: string): Promise<void> {
    const isDenied = await this.#isDenied(connection, roomId).catch(() => true)
    const { user } = connection.session
    if (isDenied || !user || !connection.isOpen || this.#size >= this.deps.limits.watchedRooms) return
    if (!watcher.denied.delete(roomId)) return
    this.#add(connection, watcher, roomId, user.id)
    this.#changed.add(streamOf(roomId, user.id))
    watcher.news.add(roomId)
  }

  #add(connection: Connection, watcher: Watcher, roomId: string, userId: string): void {
    const stream = streamOf(roomId, userId)
    const room = this.#rooms.get(stream) ?? new WatchedRoom(stream, this.deps.counts)
    this.#rooms.set(stream, room)
    room.watch(userId, connection, roomId)
    watcher.rooms.set(roomId, room)
    this.#size++
  }

  #drop(connection: Connection, watcher: Watcher, roomId: string): void {
    const room = watcher.rooms.get(roomId)
    const userId = connection.session.user?.id
    if (!room || userId === undefined) return
    watcher.rooms.delete(roomId)
    watcher.unanswered.delete(roomId)
    watcher.news.delete(roomId)
    this.#size--
    room.unwatch(userId, connection)
    if (room.isUnused) this.#rooms.delete(room.stream)
  }

  async #listen(marks: MarkStore): Promise<void> {
    this.#listening ??= marks.watch((stream) => {
      if (this.#rooms.has(stream)) this.#changed.add(stream)
    })
    try {
      await this.#listening
    } catch (error) {
      this.#listening = undefined
      throw error
    }
  }

  #stopListening(): void {
    this.#listening?.then(
      (subscription) => subscription.close(),
      () => {},
    )
    this.#listening = undefined
  }

  /** A few at a time, so that other work of the store does not wait for hundreds. */
  async #each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    const left = items.values()
    const next = async () => {
      for (const item of left) await work(item)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, next))
  }
}

function newWatcher(): Watcher {
  return { rooms: new Map(), unanswered: new Set(), denied: new Set(), news: new Set(), askAt: 0 }
}
