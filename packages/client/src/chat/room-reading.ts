import type { Cursor, ServerMessage, ServerMessageOf } from '@roomful/protocol'
import { RoomfulError } from '@roomful/protocol/wire'
import type { Loggable } from '../room/loggable.js'
import type { RoomCore } from '../room/room.js'
import { Timer } from '../runtime/clock.js'
import { Value } from '../runtime/observable.js'
import { type Countable, type Counted, countNow, isAfter } from './unread-count.js'

/** Shortest time between two marks that this client sends for a room, in ms. */
const THROTTLE_MS = 1_000
/** How many entries that count are kept since the server counted; more than any badge shows. */
const RECENT = 200

const NOTHING: Counted = { mark: undefined, to: 0, unread: 0, mentions: 0 }

type ReadMarked = ServerMessageOf<'read_marked'>

/** What a chat message, an edit or a deletion may have for this. */
type Heard = Loggable & {
  readonly mentions?: readonly string[] | undefined
  readonly target?: { readonly offset: number } | undefined
  readonly through?: number | undefined
}

/** Up to where this user and others have read a room, and what this user has not. */
export class RoomReading {
  readonly unread: Value<number>
  readonly mentions: Value<number>
  readonly mark: Value<Cursor | undefined>
  readonly marks: Value<ReadonlyMap<string, Cursor>>
  readonly #room: RoomCore
  readonly #timer: Timer
  #counted = NOTHING
  /** Entries that count, and that came after the server had counted. */
  #recent: Countable[] = []
  /** All such entries after this offset are in `#recent`. */
  #since = 0
  /** Where the mark is to be moved, until the server has answered. */
  #moved: Cursor | undefined
  /** Only the server knows what is unread. */
  #isStale = false
  #isAsking = false
  /** The server keeps no marks. */
  #isOff = false

  constructor(room: RoomCore) {
    const { report, runtime } = room.services
    this.#room = room
    this.#timer = new Timer(runtime.clock)
    this.unread = new Value(0, report)
    this.mentions = new Value(0, report)
    this.mark = new Value<Cursor | undefined>(undefined, report)
    // Empty first: that is what a server has rendered.
    this.marks = new Value<ReadonlyMap<string, Cursor>>(new Map(), report)
    this.#showMarks()
    if (room.isLive) this.#ask()
  }

  /** Moves the mark to a place. Sent at once, or as soon as it may. */
  markRead(place: Cursor): void {
    if (this.#isOff || !isAfter(place, this.#moved ?? this.#counted.mark)) return
    this.#moved = place
    this.#show()
    this.#send()
  }

  /** The room is joined: this is what the server has counted up to its end. */
  #joined({ epoch, offset = 0, mark, unread, mentions = 0 }: ServerMessageOf<'joined'>): void {
    this.#isOff = unread === undefined
    if (unread === undefined) return
    this.#isStale = false
    this.#begin({ mark, to: offset, unread, mentions })
    if (this.#moved?.epoch !== epoch) this.#moved = undefined
    this.#showMarks()
    this.#timer.clear()
    this.#send()
  }

  /** An entry, after those that were counted. */
  heard(message: Heard): void {
    const { type, epoch, offset, id, user_id } = message
    if (epoch === undefined || offset === undefined || typeof id !== 'string') return
    const place = { epoch, offset, id }
    if (type === 'chat_message' && user_id !== this.#me) this.#others(user_id)
    if (type === 'chat_message' && user_id === this.#me) {
      if (isAfter(place, this.#counted.mark)) this.#begin({ ...NOTHING, mark: place, to: offset })
    } else if (this.#counts(type)) this.#add(offset, message.mentions?.includes(this.#me ?? '') ?? false)
    else this.#take(message)
  }

  received(message: ServerMessage): void {
    if (message.type === 'joined' && !message.more) this.#joined(message)
    if (message.type === 'resync') this.#resynced(message)
    if (message.type !== 'read_marked') return
    const { user_id } = message
    if (user_id !== this.#me) this.#others(user_id)
    // Two devices' marks may overtake each other on their way through several nodes.
    else if (isAfter(message, this.#counted.mark)) this.#confirmed(message)
  }

  /** What was heard beyond an entry after which the log has nothing is lost, and its offsets are given again. */
  #resynced({ reason, epoch, offset }: ServerMessageOf<'resync'>): void {
    if (epoch !== this.#counted.mark?.epoch) this.#begin({ ...NOTHING, to: offset })
    if (reason !== 'gap') {
      this.#recent = this.#recent.filter((entry) => entry.offset <= offset)
      this.#since = Math.min(this.#since, offset)
      if (this.#moved && (this.#moved.epoch !== epoch || this.#moved.offset > offset)) this.#moved = undefined
    }
    this.#showMarks()
    this.#ask()
  }

  /** Forgets everything, as the next user must not see it. */
  clear(): void {
    this.#timer.clear()
    this.#moved = undefined
    this.#begin(NOTHING)
    this.#showMarks()
  }

  get #me(): string | undefined {
    return this.#room.services.driver.user.get()
  }

  #counts(type: string): boolean {
    return type === 'chat_message' || !!this.#room.services.settings.protocol?.counts?.includes(type)
  }

  /** The room has heard first what a user has read. */
  #others(userId: unknown): void {
    const { all: marks } = this.#room.marks
    if (marks.get(userId as string) !== this.marks.get().get(userId as string)) this.#showMarks()
  }

  #showMarks(): void {
    const marks = new Map(this.#room.marks.all)
    marks.delete(this.#me ?? '')
    this.marks.set(marks)
  }

  #add(offset: number, isMention: boolean): void {
    if (offset <= Math.max(this.#since, this.#recent.at(-1)?.offset ?? 0)) return
    this.#recent.push({ offset, isMention })
    if (this.#recent.length > RECENT) this.#since = this.#recent.shift()?.offset ?? 0
    this.#show()
  }

  /** An entry that takes away what may have been counted. What was counted here is known; the rest only the server knows. */
  #take({ type, target, through = 0 }: Heard): void {
    if (type === 'messages_erased') this.#showMarks()
    if (type === 'messages_erased' && through > (this.#counted.mark?.offset ?? 0)) this.#ask()
    if (type !== 'message_deleted' || !target) return
    this.#recent = this.#recent.filter(({ offset }) => offset !== target.offset)
    this.#show()
    if (target.offset <= this.#counted.to && target.offset > (this.#counted.mark?.offset ?? 0)) this.#ask()
  }

  #begin(counted: Counted): void {
    this.#counted = counted
    this.#recent = []
    this.#since = counted.to
    this.#show()
  }

  /** The server has counted, perhaps without what this client has received since, or with what it has not yet. */
  #confirmed({ epoch, offset, id, counted = 0, unread = 0, mentions = 0 }: ReadMarked): void {
    const mark = offset > 0 ? { epoch, offset, id } : undefined
    this.#counted = { mark, to: counted, unread, mentions }
    this.#show()
    // What came between is in neither.
    if (counted < this.#since) this.#ask()
  }

  #show(): void {
    const { unread, mentions } = countNow(this.#counted, this.#recent, this.#since, this.#moved)
    this.mark.set(this.#moved ?? this.#counted.mark)
    this.mentions.set(mentions)
    this.unread.set(unread)
  }

  #ask(): void {
    this.#isStale = true
    this.#send()
  }

  /** At most once in a while, and one at a time: what comes meanwhile goes with the next. */
  #send(): void {
    const { isLive, services, id: room_id } = this.#room
    const epoch = this.#room.head?.epoch
    if (!(this.#moved || this.#isStale) || !isLive || epoch === undefined) return
    if (this.#isAsking || this.#timer.isSet) return
    this.#timer.set(THROTTLE_MS, () => this.#send())
    this.#isAsking = true
    this.#isStale = false
    // A place before all entries moves nothing, and is answered like any other.
    const place = this.#moved ?? { epoch, offset: 0, id: epoch }
    services.requests.start(
      () => ({ type: 'mark_read', room_id, ...place }),
      (outcome) => this.#answered(outcome, place),
    )
  }

  #answered(outcome: unknown, sent: Cursor): void {
    this.#isAsking = false
    // After a connection that broke, `joined` sends it again.
    const isOver =
      outcome instanceof RoomfulError ? !outcome.temporary && outcome.code !== 'not_connected' : true
    if (isOver && this.#moved === sent) this.#moved = undefined
    if (outcome instanceof RoomfulError) this.#show()
    else this.#confirmed(outcome as ReadMarked)
    if (!isOver && this.#room.isLive) this.#isStale = true
    this.#send()
  }
}
