import type { RoomHead, ServerMessageOf } from '@roomful/protocol'
import { RoomfulError } from '@roomful/protocol/wire'
import type { RoomCore } from '../room/room.js'
import { Timer } from '../runtime/clock.js'
import { type Observable, Value } from '../runtime/observable.js'

/** What is new in a room. */
export interface Head {
  /** The position of its newest entry. */
  readonly epoch: string
  readonly offset: number
  /** How many messages of others are unread, up to 100. */
  readonly unread: number
  /** Whether there are that many or more. */
  readonly more: boolean
  /** How many of them mention the user. */
  readonly mentions: number
}

export type Heads = ReadonlyMap<string, Head>

/** The part of a client that watching needs. */
export interface WatchingClient {
  /** How many need the connection beside its rooms. */
  holds: number
  readonly me: RoomCore
  readonly status: Observable<{ readonly state: string }>
  readonly user: Observable<string | undefined>
  wake(): void
  rest(): void
  on(type: string, handler: (event: never) => void): () => void
}

type Ids = readonly string[] | Observable<readonly string[]>
type RoomHeads = ServerMessageOf<'room_heads'>

const RETRY_MS = 1_000

/** The rooms that a client watches: those of all its lists together, in one request. */
export class Watcher {
  readonly #client: WatchingClient
  readonly #lists = new Set<HeadList>()
  readonly #timer: Timer
  #heads: Heads = new Map()
  #request: ReturnType<RoomCore['services']['requests']['start']> | undefined
  #isUp = false
  #user: string | undefined
  #ends: (() => void)[] = []

  constructor(client: WatchingClient) {
    this.#client = client
    this.#timer = new Timer(client.me.services.runtime.clock)
  }

  list(ids: Ids): Observable<Heads> {
    return new HeadList(this, ids, this.#client.me.services.report)
  }

  add(list: HeadList): void {
    const { status, user } = this.#client
    if (this.#lists.size === 0) {
      this.#client.holds++
      this.#ends = [
        status.subscribe(() => this.#statusChanged()),
        user.subscribe((id) => this.#become(id)),
        this.#client.on('room_heads', (frame: RoomHeads) => this.#received(frame)),
      ]
      this.#statusChanged()
    }
    this.#lists.add(list)
    this.#client.wake()
    this.changed()
  }

  remove(list: HeadList): void {
    this.#lists.delete(list)
    this.changed()
    if (this.#lists.size > 0) return
    for (const end of this.#ends.splice(0)) end()
    this.#client.holds--
    this.#client.rest()
  }

  /** The rooms of a list are others. */
  changed(): void {
    for (const list of this.#lists) list.show(this.#heads)
    this.#sendSoon(0)
  }

  #statusChanged(): void {
    const isUp = this.#client.me.services.driver.mode === 'full'
    const isNew = isUp && !this.#isUp
    this.#isUp = isUp
    if (isNew) this.#sendSoon(0)
    const { state } = this.#client.status.get()
    if (state === 'idle' || state === 'closed') this.#set(new Map())
  }

  /** Another user sees nothing of what this one saw. */
  #become(id: string | undefined): void {
    if (this.#user !== undefined && id !== this.#user) this.#set(new Map())
    this.#user = id
  }

  /** What changes in one task goes in one request. */
  #sendSoon(ms: number): void {
    this.#timer.set(ms, () => this.#send())
  }

  #send(): void {
    const { driver, requests } = this.#client.me.services
    if (driver.mode !== 'full' || this.#request?.isQueued) return
    this.#request = requests.start(
      () => ({ type: 'watch_rooms', room_ids: this.#ids }),
      (outcome) => {
        if (!(outcome instanceof RoomfulError)) this.#answered(outcome as RoomHeads)
        else if (outcome.temporary) this.#sendSoon(outcome.retryAfterMs ?? RETRY_MS)
        else if (outcome.code !== 'not_connected') this.#client.me.services.failed(outcome)
      },
      { budget: 'history' },
    )
  }

  get #ids(): string[] {
    return [...new Set([...this.#lists].flatMap((list) => list.ids))]
  }

  /** The answer has all rooms, and so says which are not there any more. */
  #answered({ rooms }: RoomHeads): void {
    this.#set(new Map(rooms.map((head) => [head.room_id, headOf(head)])))
  }

  #received({ rooms, denied = [] }: RoomHeads): void {
    const heads = new Map(this.#heads)
    for (const head of rooms) heads.set(head.room_id, headOf(head))
    for (const id of denied) heads.delete(id)
    this.#set(heads)
  }

  #set(heads: Heads): void {
    this.#heads = heads
    for (const list of this.#lists) list.show(heads)
  }
}

/** The heads of some rooms. They are watched while somebody subscribes. */
class HeadList implements Observable<Heads> {
  readonly #watcher: Watcher
  readonly #source: Ids
  readonly #value: Value<Heads>
  #endIds = () => {}

  constructor(watcher: Watcher, ids: Ids, report: ConstructorParameters<typeof Value>[1]) {
    this.#watcher = watcher
    this.#source = ids
    this.#value = new Value<Heads>(new Map(), report)
  }

  get ids(): readonly string[] {
    return 'get' in this.#source ? this.#source.get() : this.#source
  }

  readonly get = (): Heads => this.#value.get()

  readonly getInitial = (): Heads => this.#value.getInitial()

  readonly subscribe = (listener: (heads: Heads) => void): (() => void) => {
    const isFirst = !this.#value.isWatched
    const end = this.#value.subscribe(listener)
    if (isFirst) this.#begin()
    return () => {
      const wasWatched = this.#value.isWatched
      end()
      if (wasWatched && !this.#value.isWatched) this.#stop()
    }
  }

  /** Shows its own rooms, if one of them has changed. */
  show(all: Heads): void {
    const shown = this.#value.get()
    const heads = new Map(this.ids.flatMap((id) => entryOf(all, id)))
    const isSame = heads.size === shown.size && [...heads].every(([id, head]) => shown.get(id) === head)
    if (!isSame) this.#value.set(heads)
  }

  #begin(): void {
    if ('get' in this.#source) this.#endIds = this.#source.subscribe(() => this.#watcher.changed())
    this.#watcher.add(this)
  }

  #stop(): void {
    this.#endIds()
    this.#watcher.remove(this)
  }
}

function entryOf(heads: Heads, id: string): [string, Head][] {
  const head = heads.get(id)
  return head ? [[id, head]] : []
}

function headOf({ epoch, offset, unread, more = false, mentions = 0 }: RoomHead): Head {
  return { epoch, offset, unread, more, mentions }
}
