import type {
  Author,
  Cursor,
  JsonObject,
  Mark,
  Member,
  ServerMessage,
  ServerMessageOf,
  Target,
} from '@roomful/protocol'
import { isRequest } from '@roomful/protocol/define'
import { RoomfulError, type ServerDecodeResult, validate } from '@roomful/protocol/wire'
import type { Answer } from '../connection/pending-requests.js'
import { checkCall } from '../options/check-options.js'
import type { AnyProtocol } from '../options/options.js'
import type { Draft } from '../options/stored-outbox.js'
import type { OutboxDriver, OutboxView, Sent } from '../outbox/outbox-driver.js'
import { Timer } from '../runtime/clock.js'
import { type Observable, type Report, Value } from '../runtime/observable.js'
import * as strings from '../runtime/strings.js'
import { isAmendment } from './amendment.js'
import { applicationFrame, definitionOf } from './application-frames.js'
import { dataFault, textFault } from './chat-fault.js'
import type { ClientServices } from './client-services.js'
import { type Coverage, type Loggable, Place } from './loggable.js'
import { Marks } from './marks.js'
import { MemberList } from './member-list.js'
import { MembershipRequests } from './membership-requests.js'
import type { LogMessage } from './messages.js'
import { Presence } from './presence.js'
import type {
  HistoryOptions,
  HistoryPage,
  JoinOptions,
  JoinResult,
  MessageReference,
  RequestOptions,
} from './room-api.js'
import { RoomEvents } from './room-events.js'
import {
  initialRoom,
  isWanted,
  type RoomEffect,
  type RoomEvent,
  type RoomMachine,
  type RoomStatus,
  roomStep,
} from './room-state.js'
import type { RoomTimeline } from './room-timeline.js'
import { Typing } from './typing.js'

interface Waiter {
  resolve(result: JoinResult<AnyProtocol>): void
  reject(error: RoomfulError): void
}

/** The options of `send`, whatever the protocol. */
interface AnySendOptions {
  readonly data?: JsonObject | undefined
  readonly replyTo?: MessageReference | undefined
  readonly mentions?: readonly string[] | undefined
}

/** What `chat()` knows of a room. */
export interface Amendments extends OutboxView {
  submit(draft: Draft): Sent
  /** Each message that handlers get. */
  heard(message: Loggable): void
  /** What the server says of the room beside them. */
  told(message: ServerMessage): void
  /** Forgets everything, as the next user must not see it. */
  clear(): void
}

export class RoomCore {
  /** By this field `chat()` finds the room, also from the handles that the hooks make of a room's fields. */
  readonly core = this
  /** Follows amendments; set by `chat()`. */
  amendments: Amendments | undefined
  /** Follows what users are called; set by `profiles()`. */
  profiles: { learn(users: readonly (Member | Author)[] | undefined): void; clear(): void } | undefined
  readonly id: string
  readonly report: Report
  readonly status: Value<RoomStatus>
  /** Only the main entry has timelines; the core has none. */
  readonly timeline: RoomTimeline | undefined
  readonly typing: Typing
  readonly members: Observable<readonly Member[]>
  readonly occupancy: Observable<number>
  readonly presence: Presence
  readonly outbox: OutboxDriver
  /** Counts calls of `join` and `leave`: the last one holds. */
  #turn = 0
  /** For `chat()`. */
  readonly services: ClientServices<RoomCore>
  /** For `chat()`. */
  readonly marks = new Marks()
  readonly #client: ClientServices<RoomCore>
  readonly #events: RoomEvents
  readonly #members: MemberList
  readonly #retryTimer: Timer
  readonly #requests: MembershipRequests
  #machine: RoomMachine = initialRoom
  #waiters: Waiter[] = []
  /**
   * The pages of a join that the application awaits: they are its result, not events. If the join is abandoned, the
   * next one gets them.
   */
  #pages: Loggable[] | undefined
  #isReleased = false

  /** Who uses the client now. */
  get user(): string | undefined {
    return this.#client.driver.user.get()
  }

  constructor(id: string, client: ClientServices<RoomCore>) {
    const { report, runtime } = client
    this.id = id
    this.report = report
    this.#client = client
    this.services = client
    this.outbox = client.outbox
    const watched = () => client.rooms.use(this)
    this.status = new Value(initialRoom.status, report, watched)
    this.#events = new RoomEvents(report)
    this.#members = new MemberList(report, watched)
    this.members = this.#members.list
    this.occupancy = this.#members.occupancy
    this.#retryTimer = new Timer(runtime.clock)
    this.#requests = new MembershipRequests(id, client)
    this.presence = new Presence(this, client)
    this.typing = new Typing(
      runtime.clock,
      report,
      (type) => this.isLive && client.driver.trySend({ type, room_id: id }),
      watched,
    )
    this.timeline = client.createTimeline?.(this, client, watched)
  }

  on(type: string, handler: (event: never) => void): () => void {
    this.#client.rooms.use(this)
    return this.#events.on(type, handler as (event: unknown) => void)
  }

  /** Whether anything uses the room. */
  get isHeld(): boolean {
    const { status, timeline, typing } = this
    const watched = [status, timeline, typing, this.#members, this.#events].some((one) => one?.isWatched)
    return watched || this.isWanted || this.outbox.entriesOf(this.id).length > 0
  }

  release(): void {
    void this.leave()
    this.#isReleased = true
    this.outbox.abandon(this.id)
    this.forget()
    this.#client.rooms.release(this)
  }

  join(options?: JoinOptions): Promise<JoinResult<AnyProtocol>> {
    if (this.#isReleased) return Promise.reject(this.#released())
    this.#client.rooms.use(this)
    this.#turn++
    try {
      checkCall('room.join', options)
      this.#client.wake()
    } catch (error) {
      // Unlike a refusal, which `status` also shows, this is a programming mistake that nothing else would report.
      return Promise.reject(error)
    }
    const joined = this.#join(options)
    const { ended } = this.#client.driver
    if (ended) this.close(ended)
    return joined
  }

  #join({ history, initial }: JoinOptions = {}): Promise<JoinResult<AnyProtocol>> {
    const promise = new Promise<JoinResult<AnyProtocol>>((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
    })
    // `status` shows the failure too, so a join that nobody awaits must not end the process.
    promise.catch(() => {})
    if (initial) this.timeline?.rendered(initial, this.head)
    const { state } = this.status.get()
    if (state === 'live') this.#settleJoin()
    else {
      if (state === 'idle' || state === 'left' || state === 'denied') this.#pages ??= []
      this.#client.joining(this)
      this.#step({ type: 'join', history, since: initial?.cursor })
    }
    return promise
  }

  async leave(options: { readonly whenSent?: boolean } = {}): Promise<void> {
    checkCall('room.leave', options)
    const turn = ++this.#turn
    if (options.whenSent && isWanted(this.#machine)) {
      await this.outbox.settled(this.id)
      if (turn !== this.#turn) return
    }
    const isKnown = this.#machine.isConnected && isWanted(this.#machine)
    const left = isKnown && this.#requests.leave()
    this.leaveWith('Left')
    await left
  }

  /** Ends the membership on this side only. */
  leaveWith(
    reason: string,
    error = new RoomfulError('not_in_room', { message: reason, roomId: this.id }),
  ): void {
    if (!isWanted(this.#machine)) return
    this.#requests.withdraw()
    this.#step({ type: 'leave', reason }, error)
  }

  /** Whether the server speaks only the base messages. */
  get isBase(): boolean {
    return this.#client.driver.mode === 'base'
  }

  send(message: string, options: AnySendOptions = {}): Sent {
    checkCall('room.send', options)
    const { data, replyTo, mentions } = options
    if (typeof message !== 'string') throw new TypeError(strings.noText('room.send'))
    // Whatever else the application's object has stays here.
    const reply_to = replyTo && ({ offset: replyTo.offset, id: replyTo.id } as Target)
    return this.submit({ message, data, fields: { reply_to, mentions } })
  }

  submit(draft: Draft): Sent {
    const error = this.fault(draft)
    if (error) return this.outbox.refuse(this.id, draft, error)
    if (draft.amends === undefined) this.typing.ended()
    return this.outbox.submit(this.id, draft)
  }

  emit(type: string, body: object): boolean {
    const definition = definitionOf(this.#client.settings.protocol, type)
    if (isRequest(definition)) throw new TypeError(strings.isRequest(type))
    const frame = applicationFrame(this.#client.settings, definition, type, body, this.id)
    return this.isLive && this.#client.driver.send(frame)
  }

  async request(type: string, body: object, options: RequestOptions = {}): Promise<unknown> {
    checkCall('room.request', options)
    const { timeoutMs, signal } = options
    const definition = definitionOf(this.#client.settings.protocol, type)
    if (!isRequest(definition)) throw new TypeError(strings.noRequest(type))
    const frame = applicationFrame(this.#client.settings, definition, type, body, this.id)
    if (this.isBase) throw new RoomfulError('unsupported')
    const answer = await this.#client.requests.ask(frame, {
      onDrop: 'outcome_unknown',
      signal,
      timeoutMs,
    })
    const result = validate(definition.reply, (answer as ServerMessageOf<'reply'>).data)
    if (!result.ok) throw new RoomfulError('invalid_message', { issues: result.issues, roomId: this.id })
    return result.value
  }

  /** @throws RoomfulError `unsupported` by a base server */
  async ask(request: { readonly type: string }): Promise<Answer> {
    if (this.isBase) throw new RoomfulError('unsupported')
    return this.#client.requests.ask({ room_id: this.id, ...request })
  }

  async history({
    limit = 50,
    before,
    after,
    around,
  }: HistoryOptions = {}): Promise<HistoryPage<AnyProtocol>> {
    if (this.isBase) throw new RoomfulError('unsupported')
    const epoch = this.#machine.cursor?.epoch
    const target = around && { offset: around.offset, id: around.id }
    const range = target ? { around: target } : after === undefined ? { before } : { after }
    const show = this.timeline?.expectPage(before)
    const request = { type: 'history', room_id: this.id, limit, epoch, ...range }
    const answer = (await this.#client.requests.ask(request, { budget: 'history' }).catch((error) => {
      show?.([])
      throw error
    })) as ServerMessageOf<'history'>
    this.profiles?.learn(answer.users)
    const entries = this.#client.router.readPage(answer.messages)
    if (answer.epoch === this.#machine.cursor?.epoch) show?.(entries, answer)
    else show?.([])
    const messages = entries.filter(isMessage)
    const next =
      'after' in range
        ? { limit, after: answer.messages.at(-1)?.offset ?? after }
        : { limit, before: answer.messages[0]?.offset ?? before }
    return {
      messages: messages as LogMessage<AnyProtocol>[],
      more: answer.more,
      moreAfter: answer.more_after,
      truncated: answer.truncated,
      ownReactions: answer.own_reactions ?? [],
      next: () => this.history(next),
    }
  }

  up(): void {
    this.#step({ type: 'up' })
  }

  down(reason: string): void {
    this.#requests.withdraw()
    this.typing.reset()
    this.#step({ type: 'down', reason })
    // Messages that were in flight when the room was left will not be sent again.
    const { state } = this.status.get()
    if (state === 'left' || state === 'denied') this.outbox.leftRoom(this.id, new RoomfulError('not_in_room'))
  }

  /** The client is closed: no room joins again. */
  close(error: RoomfulError): void {
    this.leaveWith(error.message, error)
  }

  /** The next user sees nothing of what this user saw, and resumes nothing. */
  forget(): void {
    this.#step({ type: 'forget' })
    this.presence.forget()
    this.#pages = undefined
    this.marks.clear()
    this.#events.drop()
    this.timeline?.clear()
    this.amendments?.clear()
    this.profiles?.clear()
  }

  get head(): Cursor | undefined {
    return this.#machine.cursor
  }

  /** Whether the application is, or wants to be, a member. */
  get isWanted(): boolean {
    return isWanted(this.#machine)
  }

  get isLive(): boolean {
    return this.status.get().state === 'live'
  }

  /** Handles a live frame with a position in the log. The cursor moves even if the frame cannot be read. */
  entry(at: Cursor, result: ServerDecodeResult): void {
    const effects = this.#step({ type: 'entry', at })
    if (!effects.some(({ type }) => type === 'deliver')) return
    if (result.ok) {
      this.timeline?.received([result.message])
      this.message(result.message)
    } else {
      this.timeline?.received([new Place(result.frame?.type ?? '', at.id, at.epoch, at.offset)])
      this.#client.router.unreadable(result)
    }
  }

  /** Passes a message to the application's handlers. */
  message(message: Loggable): void {
    if (message.type === 'chat_message' && typeof message.user_id === 'string') {
      this.marks.heard(message as Mark)
      this.typing.heard(message.user_id, false)
    }
    if (message.type === 'messages_erased') this.marks.erased(message.user_id)
    this.amendments?.heard(message)
    this.#events.tell(message.type, message)
  }

  /** Handles unsolicited messages of the server about the room. */
  received(message: ServerMessage): void {
    if (message.type === 'read_marked' && message.epoch === this.head?.epoch) this.marks.heard(message)
    if (message.type === 'resync') this.marks.cut(message)
    this.amendments?.told(message)
    switch (message.type) {
      case 'chat_message':
        this.timeline?.received([message])
        this.message(message)
        return
      case 'user_joined':
      case 'user_left':
        this.#members.moved(message)
        if (message.type === 'user_left' && message.user_id !== undefined)
          this.typing.heard(message.user_id, false)
        this.#events.tell(message.type, message)
        return
      case 'user_typing':
      case 'user_stopped_typing':
        if (message.user_id !== this.#client.driver.user.get())
          this.typing.heard(message.user_id, message.type === 'user_typing')
        this.#events.tell(message.type, message)
        return
      case 'presence':
        this.profiles?.learn(message.members)
        if (this.#members.changed(message)) this.#events.tell(message.type, message)
        else this.#step({ type: 'members_gap' })
        return
      case 'resync': {
        const { reason, epoch, offset, id } = message
        this.#step({ type: 'resync', reason, at: { epoch, offset, id } })
        return
      }
      case 'left':
        // A message with a `ref` answers a leave that nobody waits for any more.
        if (message.ref === undefined) this.#expelled(message)
    }
  }

  #expelled({ reason, retry_after_ms: retryAfterMs }: ServerMessageOf<'left'>): void {
    const error = new RoomfulError(reason === 'banned' ? 'banned' : 'forbidden', {
      message: EXPULSIONS[reason ?? ''] ?? strings.withdrawn,
      retryAfterMs,
      roomId: this.id,
    })
    this.#step({ type: 'expelled', error })
  }

  /** `since`: the position that the join named. */
  joined(frame: ServerMessageOf<'joined'>, since: Cursor | undefined): void {
    if (!frame.more) this.#members.joined(frame)
    this.profiles?.learn(frame.users)
    this.profiles?.learn(frame.members)
    // First: the server may have read the list before the messages of the page were written.
    this.marks.joined(frame)
    this.#step({ type: 'joined', frame, since })
    this.amendments?.told(frame)
  }

  /** @param error why the membership ends, if this side ends it */
  #step(event: RoomEvent, error?: RoomfulError): readonly RoomEffect[] {
    const from = this.#machine.status
    const { machine, effects } = roomStep(this.#machine, event)
    this.#machine = machine
    const { status: to } = machine
    const end = from !== to && to.state === 'denied' ? to.error : error
    // Before listeners are notified: one may join again, and that join must not be refused.
    if (end) this.#end(end)
    if (from !== to) {
      this.#retryTimer.clear()
      this.status.set(to)
      if (this.#machine === machine) this.#events.emit('status', { from, to, reason: to.reason })
    }
    for (const effect of effects) {
      // If a listener has left meanwhile, no join may follow.
      if (this.#machine !== machine) break
      this.#run(effect)
    }
    if (end && this.#machine === machine) {
      this.outbox.leftRoom(this.id, end)
      this.#client.rooms.sweep()
    }
    return effects
  }

  #run(effect: RoomEffect): void {
    switch (effect.type) {
      case 'send_join':
        this.timeline?.joining()
        this.#requests.join(effect, (outcome, isLate) => this.#joinAnswered(outcome, effect.since, isLate))
        return
      case 'deliver_page':
        this.#deliverPage(this.#client.router.readPage(effect.entries), effect.coverage, effect.knownTo)
        return
      case 'break':
        // They are of a log that is gone, and would come after the report of that.
        if (effect.reason === 'forked' || effect.reason === 'epoch_changed') this.#pages = this.#pages && []
        this.outbox.broke(this.id, effect.head)
        this.timeline?.broke(effect.reason, effect.head)
        this.#events.tell('resync', { room_id: this.id, reason: effect.reason })
        void this.timeline?.readAgain()
        return
      case 'live':
        this.timeline?.joined(this.head)
        this.#settleJoin()
        this.presence.send()
        this.outbox.pump()
        void this.timeline?.readAgain()
        return
      case 'retry':
        this.#retryTimer.set(effect.ms, () => this.#step({ type: 'timer' }))
        return
      case 'deliver':
        return
    }
  }

  #joinAnswered(outcome: Answer | RoomfulError, since: Cursor | undefined, isLate: boolean): void {
    if (isLate) this.#answeredLate(outcome)
    else if (outcome instanceof RoomfulError)
      this.#step({ type: 'refused', error: outcome, random: this.#client.runtime.random() })
    else this.joined(outcome as ServerMessageOf<'joined'>, since)
  }

  /** That join may have begun the membership which the next one repeats. Then, the list is in this answer only. */
  #answeredLate(outcome: Answer | RoomfulError): void {
    if (outcome instanceof RoomfulError || !this.isWanted) return
    const frame = outcome as ServerMessageOf<'joined'>
    if (!frame.more) this.#members.joined(frame)
  }

  #deliverPage(entries: readonly (Loggable | Place)[], coverage: Coverage, knownTo: number): void {
    this.timeline?.received(entries, coverage)
    for (const entry of entries) {
      if (entry.type === 'chat_message') this.marks.heard(entry as Mark)
      if (entry instanceof Place || (entry.offset ?? 0) <= knownTo) continue
      if (this.#pages) this.#pages.push(entry)
      else this.message(entry)
    }
  }

  #settleJoin(): void {
    const status = this.status.get()
    const pages = this.#pages ?? []
    this.#pages = undefined
    if (status.state !== 'live' || this.#waiters.length === 0) return
    const messages = pages.filter(isMessage) as LogMessage<AnyProtocol>[]
    this.#events.hold(this.#client.runtime.clock)
    for (const { resolve } of this.#waiters.splice(0)) {
      resolve({ members: this.members.get(), messages, recovered: status.recovered })
    }
    // Told after the result, which may hold the messages that they change.
    for (const entry of pages) if (!isMessage(entry)) this.message(entry)
  }

  #end(error: RoomfulError): void {
    this.typing.reset()
    this.#members.reset()
    for (const { reject } of this.#waiters.splice(0)) reject(error)
  }

  #released(): RoomfulError {
    return new RoomfulError('closed', { message: strings.released, roomId: this.id })
  }

  /** Why a draft is refused before it enters the outbox. */
  fault({ message, data, fields }: Draft): RoomfulError | undefined {
    const { ended, limits } = this.#client.driver
    if (ended) return ended
    if (this.#isReleased) return this.#released()
    const hasText = !fields?.type || fields.type === 'edit_message'
    const fault = hasText ? textFault(message, limits.text_length, this.id) : undefined
    if (fault) return fault
    // An own message has no place in the log before its acknowledgement.
    if (fields?.reply_to && fields.reply_to.offset === undefined)
      return new RoomfulError('invalid_message', { roomId: this.id, message: strings.replyTooEarly })
    const status = this.status.get()
    if (status.state === 'idle' || status.state === 'left')
      return new RoomfulError('not_in_room', { roomId: this.id, message: strings.joinFirst })
    if (status.state === 'denied') return status.error
    return dataFault(data, this.#client.settings.protocol?.chat, this.id)
  }
}

const EXPULSIONS: Readonly<Record<string, string>> = { banned: strings.banned, kicked: strings.removed }

/** Whether an entry can be read, and stands for itself: one that only tells of others is an event. */
function isMessage(entry: Loggable | Place): entry is Loggable {
  return !(entry instanceof Place) && !isAmendment(entry)
}
