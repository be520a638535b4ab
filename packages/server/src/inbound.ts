import {
  type ApplicationMessage,
  type ClientMessageOf,
  type DecodeResult,
  decodeClientMessage,
  isRequest,
  RoomfulError,
} from '@roomful/protocol'
import type { Admission } from './admission.js'
import type { Answers, Refs } from './answers.js'
import type { AnyProtocol, ConnectionContext, Hooks, RoomContext } from './api.js'
import type { ApplicationCalls, Outcome } from './application.js'
import type { Backplane, PublishResult } from './backplane.js'
import type { Batches } from './batches.js'
import type { Clock } from './clock.js'
import { closeWith } from './closing.js'
import type { Connection } from './connection.js'
import { type Decision, decide, refsOf, refsOfMessage } from './core/decide.js'
import { ackText } from './core/frame-texts.js'
import { isoTime } from './core/iso-time.js'
import { entryText } from './core/log.js'
import { andThen, type MaybePromise } from './core/maybe-promise.js'
import type { Membership } from './core/session.js'
import { type Charged, charge } from './core/throttle.js'
import type { HandlerTable } from './handlers.js'
import type { Limits } from './limits.js'
import type { Members } from './members.js'
import type { Metrics } from './metrics.js'
import { type ChatBody, type ChatDraft, type Publisher, refusalOf } from './publisher.js'
import type { Registry } from './registry.js'
import { streamOf } from './room.js'
import type { Rooms } from './rooms.js'

export interface InboundDeps {
  readonly protocol: AnyProtocol | undefined
  readonly hooks: Hooks<AnyProtocol, unknown>
  readonly handlers: HandlerTable
  readonly calls: ApplicationCalls
  readonly answers: Answers
  readonly admission: Admission
  readonly members: Members
  readonly batches: Batches
  readonly backplane: Backplane
  readonly publisher: Publisher
  readonly registry: Registry
  readonly rooms: Rooms
  readonly clock: Clock
  readonly limits: Limits
  readonly metrics: Metrics
  isDraining(): boolean
  contextOf(connection: Connection): ConnectionContext<AnyProtocol, unknown>
  roomContextOf(
    connection: Connection,
    roomId: string,
    signal?: () => AbortSignal,
  ): RoomContext<AnyProtocol, unknown>
}

interface WaitingText {
  readonly decoded: DecodeResult
  readonly bytes: number
}

type Chat = ClientMessageOf<'chat_message'>
type Accepted = PublishResult & { readonly status: 'accepted' }

type Waiting = WaitingText | { readonly binary: Uint8Array }

const PACE_MS = 20

/** The way of a connection's messages through the server: decode → decide → carry out, one at a time, in order. */
export class Inbound {
  /** Given up when it is empty: most connections are idle. */
  #queue: Waiting[] | undefined
  /** True from the start: messages wait until the connection has been greeted. */
  #busy = true

  constructor(
    private readonly connection: Connection,
    private readonly deps: InboundDeps,
  ) {}

  /** Lets the messages in that waited for the greeting. */
  open(): void {
    this.#work()
  }

  /** `bytes` is the text's length in UTF-8. */
  receive(text: string, bytes: number): void {
    const { deps, connection } = this
    if (!connection.isOpen) return
    deps.metrics.messagesIn++
    const waiting = { decoded: this.#decode(text), bytes }
    if (isPing(waiting.decoded)) this.#answerPing(waiting)
    else this.#enqueue(waiting)
  }

  receiveBinary(binary: Uint8Array): void {
    this.deps.metrics.messagesIn++
    if (!this.deps.hooks.binary) closeWith(this.connection, 'unsupported_data')
    else if (this.connection.isOpen) this.#enqueue({ binary })
  }

  #enqueue(waiting: Waiting): void {
    if (this.#busy) {
      this.#wait(waiting)
    } else {
      this.#busy = true
      if (this.#start(waiting)) this.#work()
    }
  }

  /** A full queue stops the reading of the socket, so that the peer waits instead of our memory filling. */
  #wait(waiting: Waiting): void {
    if (this.#queue) this.#queue.push(waiting)
    else this.#queue = [waiting]
    if (this.#queue.length >= this.deps.limits.inboundQueue) this.connection.pause()
  }

  #decode(text: string): DecodeResult {
    const { deps, connection } = this
    const { protocol, limits } = deps
    const maxDepth = limits.messageDepth
    const decoded = decodeClientMessage(text, protocol ? { protocol, maxDepth } : { maxDepth })
    if (!decoded.ok && decoded.code === 'internal') {
      deps.calls.report(`The schema of '${decoded.type}' failed`, decoded.cause, deps.contextOf(connection))
    }
    return decoded
  }

  /** Takes what waits, one after the other. */
  #work(): void {
    this.#busy = true
    for (let next = this.#queue?.shift(); next; next = this.#queue?.shift()) if (!this.#start(next)) return
    this.#queue = undefined
    this.#busy = false
  }

  /** True if it was done at once, which leaves no promise behind; else what waits is taken when it is done. */
  #start(next: Waiting): boolean {
    const work = this.#take(next)
    if (!work) {
      this.#resume()
      return true
    }
    void work.then(() => {
      this.#resume()
      this.#work()
    })
    return false
  }

  #resume(): void {
    if ((this.#queue?.length ?? 0) < this.deps.limits.inboundQueue / 2) this.connection.resume()
  }

  /** Never fails: what went wrong is answered. */
  #take(next: Waiting): void | Promise<void> {
    try {
      const work = this.connection.isCongested ? this.#performLater(next) : this.#perform(next)
      return work?.catch((error: unknown) => this.#failInternally(error, next))
    } catch (error) {
      this.#failInternally(error, next)
    }
  }

  #perform(next: Waiting): void | Promise<void> {
    return 'binary' in next ? this.#handleBinary(next.binary) : this.#handle(next)
  }

  async #performLater(next: Waiting): Promise<void> {
    await this.#untilRead()
    await this.#perform(next)
  }

  /** Whoever does not read its answers gets no further ones: a hundred resumes at once would overflow the backlog. */
  async #untilRead(): Promise<void> {
    const { connection, deps } = this
    while (connection.isOpen && connection.isCongested)
      await new Promise<void>((resolve) => deps.clock.after(PACE_MS, resolve))
  }

  #failInternally(error: unknown, failed: Waiting): void {
    const { deps, connection } = this
    const refs = 'binary' in failed ? {} : refsOf(failed.decoded)
    const isKnown = error instanceof RoomfulError
    if (!isKnown) deps.calls.report('A message could not be handled', error, deps.contextOf(connection))
    deps.answers.fail(connection, isKnown ? error : new RoomfulError('internal'), refs)
  }

  /** Returns a promise only where something must be awaited: most messages are done within one turn. */
  #handle({ decoded, bytes }: WaitingText): void | Promise<void> {
    const { connection, deps } = this
    if (!connection.isOpen) return
    if (!this.#passes(decoded, bytes)) return
    const decision = decide(connection.session, decoded, deps.limits)
    if (decision.do === 'refuse') return this.#refuse(decision)
    const { message } = deps.hooks
    if (!message || !decoded.ok || decision.do === 'authenticate' || decision.do === 'answer_ping')
      return this.#carryOut(decision)
    return this.#afterMessageHook(decoded)
  }

  async #handleBinary(data: Uint8Array): Promise<void> {
    const { connection, deps } = this
    const { binary } = deps.hooks
    if (!binary || !connection.isOpen) return
    const charged = { type: 'binary', bytes: data.byteLength, roomId: undefined, since: undefined }
    if (!this.#affords(charged, {})) return
    const context = deps.contextOf(connection)
    const outcome = await deps.calls.run('on.binary', context, () => binary(context, data))
    if (!outcome.ok) deps.answers.fail(connection, outcome.error)
  }

  async #afterMessageHook(decoded: DecodeResult & { readonly ok: true }): Promise<void> {
    const { connection, deps } = this
    const context = deps.contextOf(connection)
    const outcome = await deps.calls.run('on.message', context, () =>
      deps.hooks.message?.(context, decoded.message),
    )
    if (!outcome.ok) return deps.answers.fail(connection, outcome.error, refsOf(decoded))
    // Decided again: the hook may have taken its time, and the connection its leave.
    const again = decide(connection.session, decoded, deps.limits)
    if (again.do === 'refuse') return deps.answers.refuse(connection, again.refusal)
    if (connection.isOpen) await this.#carryOut(again)
  }

  #refuse({ refusal }: Decision & { readonly do: 'refuse' }): void {
    const { connection, deps } = this
    deps.answers.refuse(connection, refusal)
    if (refusal.code !== 'invalid_json') return
    if (connection.session.unparseable.add(deps.clock.now(), deps.limits.unparseablePerMinute))
      closeWith(connection, 'unparseable')
  }

  #passes(decoded: DecodeResult, bytes: number): boolean {
    // Those have a limit of their own, and an answer that a rate must not hide.
    if (!decoded.ok && decoded.code === 'invalid_json') return true
    const refs = refsOf(decoded)
    const { type } = decoded.ok ? decoded.message : decoded
    return this.#affords({ type, bytes, roomId: refs.roomId, since: sinceOf(decoded) }, refs)
  }

  /** Rations; a refused message is answered with what it was and when to come back, a typing notice with nothing. */
  #affords(charged: Charged, refs: Refs): boolean {
    const { connection, deps } = this
    const { session } = connection
    const { type } = charged
    const verdict = charge(session, charged, deps.clock.now(), deps.limits.strikesPerMinute)
    if (verdict.ok) return true
    const { retryAfterMs } = verdict
    if (type !== 'typing_start' && type !== 'typing_stop')
      deps.answers.fail(connection, new RoomfulError('rate_limited', { retryAfterMs }), refs)
    if (verdict.isLast) closeWith(connection, 'rate_limited')
    return false
  }

  #carryOut(decision: Exclude<Decision, { do: 'refuse' }>): void | Promise<void> {
    const { connection, deps } = this
    switch (decision.do) {
      case 'authenticate':
        return deps.admission.authenticate(connection, decision.message)
      case 'answer_ping':
        return deps.answers.send(connection, {
          type: 'pong',
          timestamp: deps.answers.timestamp(),
          id: decision.id,
        })
      case 'join':
        return deps.members.join(connection, decision.message)
      case 'leave':
        return this.#leave(decision.membership, decision.ref)
      case 'chat':
        return this.#chat(decision.membership, decision.message)
      case 'typing':
        return this.#type(decision.membership, decision.typing)
      case 'history':
        return this.#sendHistory(decision.membership, decision.message)
      case 'presence':
        return this.#setPresence(decision.membership, decision.message)
      case 'application':
        return this.#callHandler(decision.membership, decision.message)
    }
  }

  /** Answered outside the queue: a slow handler must not look like a dead server. */
  #answerPing({ decoded, bytes }: WaitingText): void {
    const { connection, deps } = this
    if (!this.#passes(decoded, bytes)) return
    const decision = decide(connection.session, decoded, deps.limits)
    if (decision.do === 'refuse') this.#refuse(decision)
    else void this.#carryOut(decision)
  }

  async #leave({ roomId }: Membership, ref: string | undefined): Promise<void> {
    const { connection, deps } = this
    await deps.members.leave(connection, roomId, false)
    deps.answers.send(connection, { type: 'left', room_id: roomId, ref })
  }

  #chat(membership: Membership, message: Chat): void | Promise<void> {
    const { connection, deps } = this
    const { roomId } = membership
    const refs = refsOfMessage(message, membership)
    if (deps.isDraining() && deps.backplane.durability === 'memory') {
      return deps.answers.fail(connection, new RoomfulError('draining', { retryAfterMs: 1_000 }), refs)
    }
    const denied = deps.members.authorize(connection, 'chat_message', roomId)
    if (!denied) return this.#acceptChat(membership, message, refs)
    return denied.then((error) => {
      if (this.#isAllowed(membership, error, refs)) return this.#acceptChat(membership, message, refs)
    })
  }

  #acceptChat(membership: Membership, message: Chat, refs: Refs): void | Promise<void> {
    const { message: text, data } = message
    const sent: ChatBody = data ? { message: text, data } : { message: text }
    return andThen(this.#handleChat(membership.roomId, sent), (outcome) => {
      if (!outcome.ok) return this.deps.answers.fail(this.connection, outcome.error, refs)
      return this.#publishChat(membership, message, { sent, body: outcome.value }, refs)
    })
  }

  #publishChat(
    membership: Membership,
    message: Chat,
    bodies: Pick<ChatDraft, 'sent' | 'body'>,
    refs: Refs,
  ): void | Promise<void> {
    const { connection, deps } = this
    const { roomId } = membership
    const { user } = connection.session
    if (!user || !this.#isStillIn(membership))
      return deps.answers.fail(connection, new RoomfulError('not_in_room'), refs)
    const stream = streamOf(roomId, user.id)
    const room = deps.rooms.get(stream)
    if (room) deps.members.stopTyping(room, user.id, connection.id)
    const { client_id: clientId, seen } = message
    const after = message.after === undefined ? undefined : membership.lastAccepted?.position
    const draft = { stream, roomId, userId: user.id, clientId, seen, after, ...bodies }
    return andThen(deps.publisher.publishChat(draft), (result) => {
      if (result.status === 'accepted') this.#acknowledge(membership, message, result)
      else deps.answers.fail(connection, refusalOf(result), refs)
    })
  }

  #acknowledge(membership: Membership, message: Chat, accepted: Accepted): void {
    const { client_id: clientId, ref } = message
    if (clientId === undefined) return
    const { position, wall, duplicate, durability } = accepted
    membership.lastAccepted = { clientId, position }
    const { roomId } = membership
    const timestamp = isoTime(wall)
    const text = ackText({ ref, clientId, roomId, ...position, timestamp, duplicate, durability })
    this.deps.answers.sendText(this.connection, text)
  }

  #handleChat(roomId: string, chat: ChatBody): MaybePromise<Outcome<ChatBody>> {
    const { connection, deps } = this
    const handler = deps.handlers.get('chat_message')
    if (typeof handler !== 'function') return { ok: true, value: chat }
    const { context, abort } = this.#roomContext(roomId)
    return deps.calls.run(
      'handle.chat_message',
      deps.contextOf(connection),
      () => andThen(handler(context, chat) as MaybePromise<unknown>, (result) => rewritten(result, chat)),
      abort,
    )
  }

  #type({ roomId }: Membership, typing: boolean): void {
    const { connection, deps } = this
    const { user } = connection.session
    const room = user && deps.rooms.get(streamOf(roomId, user.id))
    if (!room) return
    if (typing) deps.members.startTyping(room, user.id, connection)
    else deps.members.reportStopped(room, user.id, connection.id)
  }

  async #sendHistory(membership: Membership, message: ClientMessageOf<'history'>): Promise<void> {
    const { connection, deps } = this
    const { roomId } = membership
    const refs = refsOfMessage(message, membership)
    const { user } = connection.session
    const denied = await deps.members.authorize(connection, 'history', roomId)
    if (denied) return deps.members.deny(connection, roomId, denied, refs)
    if (!user || !this.#isStillIn(membership))
      return deps.answers.fail(connection, new RoomfulError('not_in_room'), refs)
    const bounds = { limit: message.limit ?? 50, maxBytes: deps.limits.pageBytes }
    const range =
      message.after === undefined
        ? { before: message.before, ...bounds }
        : { after: message.after, ...bounds }
    const page = await deps.backplane.read(streamOf(roomId, user.id), range)
    if (!this.#isStillIn(membership))
      return deps.answers.fail(connection, new RoomfulError('not_in_room'), refs)
    if (message.epoch !== undefined && message.epoch !== page.epoch) {
      return deps.answers.fail(connection, new RoomfulError('epoch_changed'), refs)
    }
    const frame = JSON.stringify({
      type: 'history',
      room_id: roomId,
      epoch: page.epoch,
      more: page.more,
      oldest_offset: page.oldestOffset,
      truncated: page.truncated,
      ref: message.ref,
    })
    const messages = page.entries.map((entry) => entryText(entry, page.epoch)).join(',')
    connection.sendText(`${frame.slice(0, -1)},"messages":[${messages}]}`)
  }

  async #setPresence(membership: Membership, message: ClientMessageOf<'presence'>): Promise<void> {
    const { connection, deps } = this
    const { user } = connection.session
    const { roomId } = membership
    if (!user) return
    const denied = await deps.members.authorize(connection, 'presence', roomId)
    if (!this.#isAllowed(membership, denied, refsOfMessage(message, membership))) return
    await deps.backplane.update(streamOf(roomId, user.id), user.id, message.state)
  }

  async #callHandler(membership: Membership, { type, envelope, body }: ApplicationMessage): Promise<void> {
    const { connection, deps } = this
    const { roomId } = membership
    const refs = refsOfMessage(envelope, membership)
    const denied = await deps.members.authorize(connection, type as 'join', roomId)
    if (!this.#isAllowed(membership, denied, refs)) return
    const handler = deps.handlers.get(type)
    if (!handler) return
    const { context, abort } = this.#roomContext(roomId)
    const message = { type, ...body }
    if (typeof handler !== 'function') {
      deps.batches.add(type, streamOf(roomId, context.user.id), handler, { context, message })
      return
    }
    const outcome = await deps.calls.run(`handle.${type}`, context, () => handler(context, message), abort)
    if (!outcome.ok) deps.answers.fail(connection, outcome.error, refs)
    else if (envelope.ref !== undefined) this.#reply(type, envelope.ref, outcome.value)
  }

  /** Answers a member that may not act, or is no member any more now that the application has spoken. */
  #isAllowed(membership: Membership, denied: RoomfulError | undefined, refs: Refs): boolean {
    const { connection, deps } = this
    if (!denied && this.#isStillIn(membership)) return true
    deps.answers.fail(connection, denied ?? new RoomfulError('not_in_room'), refs)
    return false
  }

  /** False once it was kicked, or sent away, while the application was asked. */
  #isStillIn(membership: Membership): boolean {
    const { isOpen, session } = this.connection
    return isOpen && session.rooms.get(membership.roomId) === membership
  }

  #reply(type: string, ref: string, data: unknown): void {
    const { connection, deps } = this
    const definition = (deps.protocol?.client as Record<string, never> | undefined)?.[type]
    if (isRequest(definition)) deps.answers.send(connection, { type: 'reply', ref, data })
  }

  /** A context whose signal aborts when the time is up or the connection ends. */
  #roomContext(roomId: string): { context: RoomContext<AnyProtocol, unknown>; abort: () => void } {
    const { connection, deps } = this
    const timedOut = new AbortController()
    // Made when it is asked for: the connection's signal remembers each one for as long as it lives.
    const signal = () => AbortSignal.any([timedOut.signal, connection.signal])
    return { context: deps.roomContextOf(connection, roomId, signal), abort: () => timedOut.abort() }
  }
}

/** What a handler made of a chat message. @throws TypeError if it returned something else, which no type has stopped */
function rewritten(result: unknown, chat: ChatBody): ChatBody {
  if (result === undefined || result === null) return chat
  const { message, data } = result as Partial<ChatBody>
  if (typeof message !== 'string') {
    throw new TypeError("handle.chat_message must return the chat message, but its 'message' is no string")
  }
  if (data !== undefined && (typeof data !== 'object' || data === null || Array.isArray(data))) {
    throw new TypeError("handle.chat_message returned 'data' that is no object")
  }
  return data ? { message, data } : { message }
}

function sinceOf(decoded: DecodeResult): number | undefined {
  if (!decoded.ok || decoded.kind !== 'built_in' || decoded.message.type !== 'join') return undefined
  return decoded.message.since?.offset
}

function isPing(decoded: DecodeResult): boolean {
  return decoded.ok && decoded.kind === 'built_in' && decoded.message.type === 'ping'
}
