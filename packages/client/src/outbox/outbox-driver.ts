import type { Cursor, Durability, ServerMessageOf } from '@roomful/protocol'
import { RoomfulError } from '@roomful/protocol/wire'
import type { ConnectionDriver, EncodedFrame } from '../connection/connection-driver.js'
import { errorOf } from '../connection/pending-requests.js'
import type { Cost, FrameSource } from '../connection/rate-limiter.js'
import type { Settings } from '../options/resolve-options.js'
import type { Draft, Head, OutboxEntry, OutboxStore } from '../options/stored-outbox.js'
import { Timer } from '../runtime/clock.js'
import type { Runtime } from '../runtime/runtime.js'
import * as strings from '../runtime/strings.js'
import { Outbox, type SendResult, type Settled } from './outbox.js'

/**
 * A message that was passed to `send`, or an edit, a deletion or a reaction. Await it to get its position in the log or a
 * {@link RoomfulError}; ignoring it never causes an unhandled rejection.
 */
export interface Sent extends PromiseLike<SendResult> {
  readonly clientId: string
  readonly state: 'pending' | 'sent' | 'failed'
  /** Sends what has failed again, as a new one. What has not failed is returned unchanged. */
  retry(): Sent
  /** Takes it back; returns false if it was already transmitted. */
  cancel(): boolean
  catch<T>(failed: (error: RoomfulError) => T): Promise<SendResult | T>
}

/** The part of a room that its unacknowledged messages need. */
export interface RoomView {
  readonly isLive: boolean
  /** The newest entry that the room has received. */
  readonly head: Head | undefined
  submit(draft: Draft): Sent
  readonly timeline: (OutboxView & { removed(clientId: string): boolean }) | undefined
  /** Only a room for which `chat()` was called has it. */
  readonly amendments: (OutboxView & { submit(draft: Draft): Sent }) | undefined
}

/** Follows what becomes of a room's entries. */
export interface OutboxView {
  /** The entry is new, or says something else now. */
  queued(entry: OutboxEntry): void
  settled(entry: OutboxEntry, outcome: SendResult | RoomfulError, timestamp: string | undefined): void
}

interface PendingSend {
  readonly sent: Sent
  entry: OutboxEntry
  state: Sent['state']
  settle(outcome: SendResult | RoomfulError): void
}

/** Time-out for a server that never answers a transmission. It is longer than the server's handlers may take. */
const ANSWER_MS = 45_000
/** How long a server remembers ids if its `system` does not say. */
const DEDUPE_WINDOW_MS = 120_000
/**
 * The share of that time in which the client retries: a frame may travel for a while, and the server must still know
 * the id when it arrives.
 */
const RETRY_SHARE = 0.9

/**
 * Runs the outbox: transmits messages that may go, paced by the server's limits, and settles those that were
 * answered.
 */
export class OutboxDriver implements FrameSource {
  readonly #outbox: Outbox
  readonly #settings: Settings
  readonly #runtime: Runtime
  readonly #driver: ConnectionDriver
  readonly #rooms: { get(id: string): RoomView | undefined }
  readonly #store: OutboxStore | undefined
  readonly #handles = new Map<string, PendingSend>()
  readonly #abandoned = new Set<string>()
  readonly #wake: Timer
  readonly #answer: Timer
  /** The frame that is next to be sent. */
  #prepared:
    | { readonly entry: OutboxEntry; readonly frame: EncodedFrame; readonly seen: Head | undefined }
    | undefined
  /** The socket accepts nothing more, though it has not reported its end yet. */
  #isClosing = false
  #durability: Durability | undefined

  constructor(
    settings: Settings,
    runtime: Runtime,
    driver: ConnectionDriver,
    rooms: { get(id: string): RoomView | undefined },
    failed: (error: RoomfulError) => void,
  ) {
    this.#settings = settings
    this.#runtime = runtime
    this.#driver = driver
    this.#rooms = rooms
    this.#outbox = new Outbox(settings.outbox)
    this.#store = settings.storage?.({
      name: settings.storageName,
      runtime,
      opened: () => {
        this.#restore()
        this.pump()
      },
      failed: (cause) =>
        failed(new RoomfulError('storage_failed', { cause, message: strings.notStored(cause) })),
    })
    this.#wake = new Timer(runtime.clock)
    this.#answer = new Timer(runtime.clock)
    driver.rateLimiter.add(this)
  }

  open(): void {
    this.#store?.open()
  }

  close(error: RoomfulError): void {
    // First, so that messages that are given up here remain stored: the next page sends them.
    this.#store?.close()
    this.#wake.clear()
    this.#settleAll(this.#outbox.fail(() => true, error))
  }

  /** For log-out: leaves nothing of this user behind. */
  forget(): void {
    this.#store?.clear()
    for (const { clientId } of this.#outbox.entries) this.#store?.remove(clientId)
    this.#settleAll(this.#outbox.fail(() => true, new RoomfulError('cancelled')))
  }

  entriesOf(room: string): readonly OutboxEntry[] {
    return this.#outbox.entries.filter(({ roomId }) => roomId === room)
  }

  /** Resolves once nothing waits in a room, whatever has become of it. */
  async settled(room: string): Promise<void> {
    for (let [entry] = this.entriesOf(room); entry; [entry] = this.entriesOf(room))
      await Promise.allSettled([this.sentOf(entry)])
  }

  submit(roomId: string, draft: Draft): Sent {
    const entry = this.#write(roomId, draft)
    const sent = this.sentOf(entry)
    try {
      this.put(entry)
    } catch (error) {
      this.#refuse(entry, error as RoomfulError)
    }
    return sent
  }

  /**
   * Adds an entry, or puts it in the place of the one with its client id, which must never have been transmitted.
   * @throws RoomfulError `outbox_full`; `invalid_message` if JSON cannot hold the data
   */
  put(entry: OutboxEntry): void {
    try {
      this.#outbox.add(entry)
    } catch (cause) {
      throw cause instanceof RoomfulError ? cause : new RoomfulError('invalid_message', { cause })
    }
    this.#store?.put(entry)
    this.#show(entry)
    this.pump()
  }

  #show(entry: OutboxEntry): void {
    for (const view of this.#views(entry)) view?.queued(entry)
  }

  #views(entry: OutboxEntry): readonly (OutboxView | undefined)[] {
    const room = this.#room(entry)
    return [room?.timeline, room?.amendments]
  }

  /** The client id of a message that waits for its ack, and that a broadcast has shown with this id. */
  waitingAs(id: string): string | undefined {
    return this.#outbox.waitingAs(id)
  }

  /** Shows what is refused before it enters the outbox as failed, like anything else. */
  refuse(roomId: string, draft: Draft, error: RoomfulError): Sent {
    return this.#refuse(this.#write(roomId, draft), error)
  }

  #write(roomId: string, draft: Draft): OutboxEntry {
    const { message, data, fields, amends } = draft
    const userId = this.#driver.user.get()
    const meta = this.#settings.meta?.()
    const clientId = this.#runtime.id()
    return {
      clientId,
      roomId,
      message,
      data,
      fields,
      amends,
      meta,
      userId,
      doubtSince: undefined,
    }
  }

  #refuse(entry: OutboxEntry, error: RoomfulError): Sent {
    const sent = this.sentOf(entry)
    this.#show(entry)
    this.#settle({ entry, outcome: error })
    return sent
  }

  cancel(clientId: string): boolean {
    return this.#settle(this.#outbox.cancel(clientId))
  }

  up(): void {
    const me = this.#driver.user.get()
    if (me !== undefined) this.#becomes(me)
    this.#restore()
    this.pump()
  }

  /**
   * With a token, another user id is another person. Without one it is the same person, whose session the server no
   * longer recognises. Messages that were never transmitted are sent under the new id; repeating a transmitted one
   * could duplicate it.
   */
  #becomes(me: string): void {
    const isAnonymous = this.#settings.token === undefined
    const stranger = new RoomfulError('cancelled', { message: strings.anotherUser })
    const isForeign = ({ userId, doubtSince }: OutboxEntry) =>
      userId !== undefined && userId !== me && !(isAnonymous && doubtSince === undefined)
    this.#settleAll(this.#outbox.fail(isForeign, stranger))
    for (const entry of this.#outbox.adopt(me)) {
      this.#store?.put(entry)
      this.#show(entry)
    }
  }

  down(code: number): void {
    this.#isClosing = false
    if (code === 1009) this.#settle(this.#outbox.failLargest(new RoomfulError('too_large')))
    this.#outbox.disconnected()
    this.#settleAll(
      this.#outbox.fail(({ clientId }) => this.#abandoned.has(clientId), new RoomfulError('not_in_room')),
    )
    this.#abandoned.clear()
    this.#wake.clear()
    this.#answer.clear()
  }

  /** The room is gone for good: messages in flight will not be sent again. */
  abandon(room: string): void {
    for (const { clientId } of this.entriesOf(room)) this.#abandoned.add(clientId)
  }

  broke(room: string, head: Head | undefined): void {
    this.#outbox.broke(room, head)
  }

  leftRoom(room: string, error: RoomfulError): void {
    this.#settleAll(this.#outbox.fail(({ roomId }) => roomId === room, error))
    this.#outbox.left(room)
  }

  acked({ client_id, id, epoch, offset, durability, timestamp }: ServerMessageOf<'ack'>): void {
    this.#durability = durability
    this.#settle(this.#outbox.accepted(client_id, { id, epoch, offset, durability }), timestamp)
    this.#answered()
  }

  /**
   * Handles the client's own broadcast. Once an ack has shown that acks promise no more than the log, a broadcast
   * settles a message as well.
   * @param head the position of the room: a broadcast beyond it, which came after a leave, may be lost unnoticed
   */
  echoed(clientId: string, { epoch, offset, id }: Cursor, head: Head | undefined): void {
    const isPromisedMore = this.#durability === 'replicated'
    // The broadcast proves that the primary has the message, but says nothing about its replicas.
    const durability = isPromisedMore ? 'primary' : (this.#durability ?? 'memory')
    const settles = this.#durability !== undefined && !isPromisedMore
    const isFollowed = epoch === head?.epoch && offset <= head.offset
    if (settles || isFollowed)
      this.#settle(this.#outbox.echoed(clientId, { id, epoch, offset, durability }, settles))
  }

  refused(clientId: string, frame: ServerMessageOf<'error'>): void {
    const error = errorOf(frame)
    // Amendments have a rate of their own, which must not hold up messages.
    const isAmendment = this.#outbox.entries.some((entry) => entry.clientId === clientId && entry.amends)
    if (error.code === 'rate_limited' && !isAmendment)
      this.#driver.rateLimiter.refused('messages', error.retryAfterMs)
    this.#settle(this.#outbox.refused(clientId, error, this.#runtime.clock.now()))
    // Sent one by one, all that waits there would use up the rate for other rooms.
    if (error.code === 'muted')
      this.#settleAll(
        this.#outbox.fail(
          ({ roomId, amends, doubtSince }) =>
            roomId === error.roomId && amends === undefined && doubtSince === undefined,
          error,
        ),
      )
    this.#answered()
  }

  pump(): void {
    const { limits, mode } = this.#driver
    if (!mode) return
    const now = this.#runtime.clock.now()
    this.#settleAll(
      this.#outbox.expire(
        now,
        RETRY_SHARE *
          (limits.dedupe_window_ms === null ? Infinity : (limits.dedupe_window_ms ?? DEDUPE_WINDOW_MS)),
      ),
    )
    this.#driver.rateLimiter.pump()
  }

  next(): Cost | undefined {
    if (!this.#driver.mode || this.#isClosing) return undefined
    const now = this.#runtime.clock.now()
    const isOpen = (roomId: string) => this.#rooms.get(roomId)?.isLive ?? false
    for (let entry = this.#outbox.next(now, isOpen); entry; entry = this.#outbox.next(now, isOpen)) {
      const head = this.#room(entry)?.head
      const known = entry.seen?.epoch === head?.epoch ? entry.seen : undefined
      // A log that has forked gives offsets again. A message at one of them would look older than what was seen before.
      const seen = known && head && head.offset < known.offset ? head : known
      const frame = this.#encode(entry, seen)
      if (frame) {
        this.#prepared = { entry, frame, seen: seen ?? head }
        return { budget: 'messages', bytes: frame.bytes }
      }
    }
    const next = this.#outbox.nextTime(now)
    if (next !== undefined) this.#wake.set(next - now, () => this.pump())
    return undefined
  }

  /** Returns `undefined` and settles the message if it is too large. */
  #encode(entry: OutboxEntry, seen: Head | undefined): EncodedFrame | undefined {
    const { clientId, roomId, message, fields, amends, meta } = entry
    const base = { type: 'chat_message', room_id: roomId, message: message || undefined }
    const after = amends ? undefined : this.#outbox.predecessor(roomId)
    try {
      if (this.#driver.mode === 'base') {
        if (amends) throw new RoomfulError('unsupported')
        return this.#driver.encode(base)
      }
      const frame = { ...base, ...fields, client_id: clientId, after, seen: seen?.offset, meta }
      return this.#driver.encode(frame, this.#outbox.dataOf(clientId))
    } catch (error) {
      this.#settle(this.#outbox.settle(clientId, error as RoomfulError))
      return undefined
    }
  }

  send(): void {
    if (!this.#prepared) return
    const { entry, frame, seen } = this.#prepared
    if (this.#driver.mode === 'base') {
      this.#isClosing = !this.#driver.transmit(frame)
      if (!this.#isClosing) this.#settle(this.#outbox.settle(entry.clientId, { durability: 'none' }))
      return
    }
    // Stored first: a page that dies in between must not treat the message as never transmitted.
    const doubtful = this.#outbox.transmitted(entry.clientId, this.#runtime.clock.now(), seen)
    if (doubtful && (entry.doubtSince === undefined || doubtful.seen !== entry.seen))
      this.#store?.put(doubtful)
    this.#driver.transmit(frame)
    if (!this.#answer.isSet) this.#awaitAnswer()
  }

  #awaitAnswer(): void {
    this.#answer.set(ANSWER_MS, () => this.#driver.reconnect(strings.unanswered))
  }

  #answered(): void {
    this.#answer.clear()
    if (this.#outbox.isInFlight) this.#awaitAnswer()
    this.pump()
  }

  /** What `send` returned for the entry. An entry of an earlier page has none before somebody asks for it. */
  sentOf(entry: OutboxEntry): Sent {
    return this.#handles.get(entry.clientId)?.sent ?? this.#handle(entry)
  }

  #handle(entry: OutboxEntry): Sent {
    let settle: PendingSend['settle'] = () => {}
    const promise = new Promise<SendResult>((resolve, reject) => {
      settle = (outcome) => (outcome instanceof RoomfulError ? reject(outcome) : resolve(outcome))
    })
    promise.catch(() => {})
    const sent: Sent = {
      clientId: entry.clientId,
      get state() {
        return handle.state
      },
      retry: () => (handle.state === 'failed' ? this.#resend(handle.entry) : sent),
      cancel: () => this.cancel(entry.clientId),
      // biome-ignore lint/suspicious/noThenProperty: awaiting a message gives its position in the log
      then: (resolved, rejected) => promise.then(resolved, rejected),
      catch: (failed) => promise.catch(failed),
    }
    const handle: PendingSend = { sent, entry, state: 'pending', settle }
    this.#handles.set(entry.clientId, handle)
    return sent
  }

  #resend(entry: OutboxEntry): Sent {
    const room = this.#room(entry)
    const sender = entry.amends === undefined ? room : room?.amendments
    if (!sender)
      return this.#refuse({ ...entry, clientId: this.#runtime.id() }, new RoomfulError('not_in_room'))
    room?.timeline?.removed(entry.clientId)
    return sender.submit(entry)
  }

  /** The amendments of a message that got its position can go now; those of one that failed never will. */
  #release({ clientId }: OutboxEntry, outcome: SendResult | RoomfulError): void {
    const target = 'id' in outcome && outcome.id ? { offset: outcome.offset, id: outcome.id } : undefined
    for (const entry of this.#outbox.entries) {
      if (entry.amends !== clientId) continue
      if (target) this.put({ ...entry, amends: target.id, fields: { ...entry.fields, target } })
      else this.cancel(entry.clientId)
    }
  }

  #settleAll(settled: readonly Settled[]): void {
    for (const one of settled) this.#settle(one)
  }

  #settle(settled: Settled | undefined, timestamp?: string): boolean {
    if (!settled) return false
    const { entry, outcome } = settled
    const handle = this.#handles.get(entry.clientId)
    this.#handles.delete(entry.clientId)
    if (handle) Object.assign(handle, { entry, state: outcome instanceof RoomfulError ? 'failed' : 'sent' })
    for (const view of this.#views(entry)) view?.settled(entry, outcome, timestamp)
    this.#release(entry, outcome)
    // Last: an amendment that waited for this message must be stored with its target first.
    this.#store?.remove(entry.clientId)
    handle?.settle(outcome)
    return true
  }

  /** Takes over the messages that an earlier page of the same user left, and stores those that are not stored yet. */
  #restore(): void {
    const entries = this.#store?.take(this.#driver.user.get()) ?? []
    this.#outbox.restore(entries)
    for (const entry of entries) this.#show(entry)
    this.#store?.keep(this.#outbox.entries)
  }

  #room({ roomId }: OutboxEntry): RoomView | undefined {
    return this.#rooms.get(roomId)
  }
}
