import {
  type ClientMessageOf,
  type Decoded,
  type DecodeResult,
  decodeClientMessage,
  RoomfulError,
} from '@roomful/protocol'
import type { AnyProtocol } from '../../api/api.js'
import type { Clock } from '../../api/contracts/clock.js'
import type { MessageTrace } from '../../api/contracts/traces.js'
import type { Limits } from '../../api/options/limits.js'
import type { ApplicationCalls } from '../application/calls.js'
import type { Contexts } from '../application/contexts.js'
import type { HookCalls } from '../application/hook-calls.js'
import type { Arrival } from '../connection/arrival.js'
import { closeWith } from '../connection/closing.js'
import type { Connection } from '../connection/connection.js'
import { refsOf } from '../connection/refs.js'
import type { Replies } from '../connection/replies.js'
import type { Metrics } from '../process/metrics.js'
import { channels, isTraced, traced } from '../process/tracing.js'
import { type Decision, type DecisionLimits, decide } from './decide.js'
import type { Dispatcher } from './dispatcher.js'
import { type Charged, charge } from './throttle.js'

export interface InboundDeps {
  readonly protocol: AnyProtocol | undefined
  readonly hooks: HookCalls
  readonly calls: ApplicationCalls
  readonly replies: Replies
  readonly dispatcher: Dispatcher
  readonly clock: Clock
  readonly limits: Limits
  readonly decisionLimits: DecisionLimits
  readonly metrics: Metrics
  readonly contexts: Contexts
}

interface WaitingText extends Arrival {
  readonly decoded: DecodeResult
  readonly bytes: number
}

interface WaitingBinary extends Arrival {
  readonly binary: Uint8Array
}

type Waiting = WaitingText | WaitingBinary

const PACE_MS = 20
const PING_FRAME = 'WebSocket ping'
/** Messages that are refused for their rate without an answer. */
const UNANSWERED: ReadonlySet<string | undefined> = new Set(['typing_start', 'typing_stop', PING_FRAME])

/**
 * The path of a connection's messages into the server: decode → charge → decide → carry out, one at a time, in order.
 */
export class Inbound {
  /** Removed when it is empty, because most connections are idle. */
  #queue: Waiting[] | undefined
  /** True at the start: messages wait until the connection has been greeted. */
  #busy = true

  constructor(
    private readonly connection: Connection,
    private readonly deps: InboundDeps,
  ) {}

  /** Starts handling the messages that waited for the greeting. */
  open(): void {
    void this.#work()
  }

  /** `bytes` is the text's length in UTF-8. */
  receive(text: string, bytes: number): void {
    const { deps, connection } = this
    if (!connection.isOpen) return
    deps.metrics.messagesIn++
    const decoded = this.#decode(text)
    const waiting = { decoded, bytes, at: deps.clock.now(), traceparent: decoded.traceparent }
    if (isPing(waiting.decoded)) this.#answerPing(waiting)
    else this.#enqueue(waiting)
  }

  receiveBinary(binary: Uint8Array): void {
    const { deps, connection } = this
    deps.metrics.messagesIn++
    if (!deps.hooks.names.has('binary')) closeWith(connection, 'unsupported_data')
    else if (connection.isOpen) this.#enqueue({ binary, at: deps.clock.now(), traceparent: undefined })
  }

  /** Charges a WebSocket ping like a message; returns false if it exceeds the rate. */
  chargePing(bytes: number): boolean {
    return (
      this.connection.isOpen &&
      this.#affords({ type: PING_FRAME, bytes, roomId: undefined, since: undefined })
    )
  }

  /** When the queue is full, reading from the socket stops, so that the peer waits and our memory does not fill. */
  #enqueue(waiting: Waiting): void {
    const { connection, deps } = this
    connection.activeAt = Math.trunc(waiting.at)
    this.#queue ??= []
    this.#queue.push(waiting)
    if (this.#queue.length >= deps.limits.inboundQueue) connection.pause()
    if (!this.#busy) void this.#work()
  }

  #decode(text: string): DecodeResult {
    const { deps, connection } = this
    const { protocol, limits } = deps
    const maxDepth = limits.messageDepth
    const decoded = decodeClientMessage(text, protocol ? { protocol, maxDepth } : { maxDepth })
    if (!decoded.ok && decoded.code === 'internal') {
      deps.calls.report(`The schema of '${decoded.type}' failed`, decoded.cause, deps.contexts.of(connection))
    }
    return decoded
  }

  /** Handles waiting messages, one after the other. */
  async #work(): Promise<void> {
    this.#busy = true
    for (let next = this.#queue?.shift(); next; next = this.#queue?.shift()) {
      await this.#take(next)
      if ((this.#queue?.length ?? 0) < this.deps.limits.inboundQueue / 2) this.connection.resume()
    }
    this.#queue = undefined
    this.#busy = false
  }

  #take(next: Waiting): Promise<void> {
    if (!isTraced(channels.message)) return this.#answer(next)
    return traced(channels.message, this.#traceOf(next), () => this.#answer(next))
  }

  #traceOf(next: Waiting): MessageTrace {
    const { id, session } = this.connection
    const { traceparent } = next
    const base = { connectionId: id, userId: session.user?.id, traceparent }
    if ('binary' in next) return { ...base, type: 'binary', roomId: undefined, bytes: next.binary.byteLength }
    const { decoded, bytes } = next
    const { type } = decoded.ok ? decoded.message : decoded
    return { ...base, type, roomId: refsOf(decoded).roomId, bytes }
  }

  /** Never rejects: errors are answered. */
  async #answer(next: Waiting): Promise<void> {
    try {
      if (this.connection.isCongested) await this.#untilRead()
      if ('binary' in next) await this.#handleBinary(next.binary)
      else await this.#handle(next)
    } catch (error) {
      this.#failInternally(error, next)
    }
  }

  /**
   * A peer that does not read its answers gets no further ones: a hundred resumes at once would overflow the backlog.
   */
  async #untilRead(): Promise<void> {
    const { connection, deps } = this
    while (connection.isOpen && connection.isCongested)
      await new Promise<void>((resolve) => deps.clock.after(PACE_MS, resolve))
  }

  #failInternally(error: unknown, failed: Waiting): void {
    const { deps, connection } = this
    const refs = 'binary' in failed ? {} : refsOf(failed.decoded)
    const context = deps.contexts.of(connection)
    const answer = deps.calls.answerTo('A message could not be handled', error, context)
    deps.replies.fail(connection, answer, refs)
  }

  async #handle(waiting: WaitingText): Promise<void> {
    const { connection, deps } = this
    const { decoded, bytes } = waiting
    if (!connection.isOpen) return
    if (!this.#passes(decoded, bytes)) return
    const decision = decide(connection.session, decoded, deps.decisionLimits)
    if (decision.do === 'refuse') return this.#refuse(decision)
    const isAsked = deps.hooks.names.has('message')
    if (!isAsked || !decoded.ok || decision.do === 'authenticate' || decision.do === 'answer_ping')
      await deps.dispatcher.dispatch(connection, decision, waiting)
    else await this.#afterMessageHook(decoded, waiting)
  }

  async #handleBinary(data: Uint8Array): Promise<void> {
    const { connection, deps } = this
    if (!connection.isOpen) return
    const charged = { type: 'binary', bytes: data.byteLength, roomId: undefined, since: undefined }
    if (!this.#affords(charged)) return
    const context = deps.contexts.of(connection)
    const refusal = await deps.hooks.ask('on.binary', context, (set) => set.binary?.(context, data))
    if (refusal) deps.replies.fail(connection, refusal)
  }

  async #afterMessageHook(decoded: Decoded, arrival: Arrival): Promise<void> {
    const { connection, deps } = this
    const context = deps.contexts.of(connection, arrival)
    const refusal = await deps.hooks.ask('on.message', context, (set) =>
      set.message?.(context, decoded.message),
    )
    if (refusal) return deps.replies.fail(connection, refusal, refsOf(decoded))
    // Decides again, because the connection may have left the room while the hook was running.
    const again = decide(connection.session, decoded, deps.decisionLimits)
    if (again.do === 'refuse') return deps.replies.refuse(connection, again.refusal)
    if (connection.isOpen) await deps.dispatcher.dispatch(connection, again, arrival)
  }

  #refuse({ refusal }: Decision & { readonly do: 'refuse' }): void {
    const { connection, deps } = this
    deps.replies.refuse(connection, refusal)
    if (refusal.code !== 'invalid_json') return
    if (connection.session.unparseable.add(deps.clock.now(), deps.limits.unparseablePerMinute))
      closeWith(connection, 'unparseable')
  }

  #passes(decoded: DecodeResult, bytes: number): boolean {
    // These frames have a limit of their own, and an answer that a rate limit must not hide.
    if (!decoded.ok && decoded.code === 'invalid_json') return true
    const { type } = decoded.ok ? decoded.message : decoded
    const join = joinOf(decoded)
    return this.#affords({ type, bytes, roomId: join?.room_id, since: join?.since?.offset }, decoded)
  }

  /**
   * Charges the message. A refusal says which message it was and when to retry, unless nobody waits for an answer.
   */
  #affords(charged: Charged, decoded?: DecodeResult): boolean {
    const { connection, deps } = this
    const { session } = connection
    const verdict = charge(session, charged, deps.clock.now(), deps.limits.strikesPerMinute)
    if (verdict.ok) return true
    const { retryAfterMs } = verdict
    if (!UNANSWERED.has(charged.type))
      deps.replies.fail(
        connection,
        new RoomfulError('rate_limited', { retryAfterMs }),
        decoded && refsOf(decoded),
      )
    if (verdict.isLast) closeWith(connection, 'rate_limited')
    return false
  }

  /** Answered outside the queue, so that a slow handler does not look like a dead server. */
  #answerPing(waiting: WaitingText): void {
    const { connection, deps } = this
    const { decoded, bytes } = waiting
    if (!this.#passes(decoded, bytes)) return
    const decision = decide(connection.session, decoded, deps.decisionLimits)
    if (decision.do === 'refuse') this.#refuse(decision)
    else void deps.dispatcher.dispatch(connection, decision, waiting)
  }
}

function joinOf(decoded: DecodeResult): ClientMessageOf<'join'> | undefined {
  if (!decoded.ok || decoded.kind !== 'built_in' || decoded.message.type !== 'join') return undefined
  return decoded.message
}

function isPing(decoded: DecodeResult): boolean {
  return decoded.ok && decoded.kind === 'built_in' && decoded.message.type === 'ping'
}
