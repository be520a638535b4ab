import type { ServerMessageOf } from '@roomful/protocol'
import { baseErrorCode, type Frame, RoomfulError } from '@roomful/protocol/wire'
import { type Clock, Timer } from '../runtime/clock.js'
import type { ConnectionDriver, EncodedFrame } from './connection-driver.js'
import type { Budget, Cost, FrameSource } from './rate-limiter.js'

/** A frame that answers a request: any frame with the request's `ref`. */
export interface Answer {
  readonly type: string
  readonly ref?: string | undefined
}

export interface PendingRequestOptions {
  /** Counted from when the request is sent. @default the client's `timeouts.requestMs` */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** The error of a request that was sent before the connection broke. @default 'not_connected' */
  readonly onDrop?: 'not_connected' | 'outcome_unknown' | undefined
  /** The rate limit that the server charges it to. @default 'messages' */
  readonly budget?: Budget | 'none' | undefined
}

/** A request that has been started. */
export interface StartedRequest {
  /** Whether it is still waiting for its turn. */
  readonly isQueued: boolean
  /** Withdraws the request, which rejects with `cancelled`, unless it was already sent. */
  withdraw(): void
  /** Sends it out of turn, when later frames must not overtake it. */
  sendNow(): void
}

interface PendingRequest extends StartedRequest {
  readonly ref: string
  /** Called when the request is sent, so that a newer state replaces a waiting one. */
  readonly frame: () => Frame
  readonly timeoutMs: number
  readonly onDrop: string
  readonly budget: Budget | undefined
  readonly timer: Timer
  isQueued: boolean
  settle(outcome: Answer | RoomfulError): void
}

/** Requests that wait for their turn to be sent, or for the frame with their `ref`. */
export class PendingRequests {
  readonly #clock: Clock
  readonly #driver: ConnectionDriver
  readonly #timeoutMs: number
  readonly #waiting = new Map<string, PendingRequest>()
  readonly #queues: readonly RequestQueue[]
  #lastRef = 0

  constructor(clock: Clock, driver: ConnectionDriver, timeoutMs: number) {
    this.#clock = clock
    this.#driver = driver
    this.#timeoutMs = timeoutMs
    // One queue per budget, so that a page of history does not wait for other requests.
    this.#queues = (['messages', 'joins', 'history', undefined] as const).map(
      (budget) => new RequestQueue(budget, driver),
    )
    for (const queue of this.#queues) driver.rateLimiter.add(queue)
  }

  /** Resolves with the answer to a frame. */
  ask(frame: Frame, options: PendingRequestOptions = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const done = (outcome: Answer | RoomfulError) =>
        outcome instanceof RoomfulError ? reject(outcome) : resolve(outcome)
      this.start(() => frame, done, options)
    })
  }

  /**
   * Calls `done` once, synchronously with the answer. With a promise, frames that arrived in the same task would
   * overtake the answer.
   */
  start(
    frame: () => Frame,
    done: (outcome: Answer | RoomfulError) => void,
    {
      timeoutMs = this.#timeoutMs,
      signal,
      onDrop = 'not_connected',
      budget = 'messages',
    }: PendingRequestOptions = {},
  ): StartedRequest {
    const ref = String(++this.#lastRef)
    const abort = () => request.settle(new RoomfulError('cancelled', { cause: signal?.reason }))
    const charged = budget === 'none' ? undefined : budget
    const queue = this.#queues.find((one) => one.budget === charged)
    const request: PendingRequest = {
      ref,
      frame,
      timeoutMs,
      onDrop,
      budget: charged,
      timer: new Timer(this.#clock),
      isQueued: true,
      settle: (outcome) => {
        this.#waiting.delete(ref)
        request.isQueued = false
        request.timer.clear()
        signal?.removeEventListener('abort', abort)
        done(outcome)
      },
      withdraw: () => {
        if (request.isQueued) request.settle(new RoomfulError('cancelled'))
      },
      sendNow: () => queue?.sendNow(request),
    }
    if (signal?.aborted) abort()
    else if (this.#driver.mode === undefined)
      request.settle(this.#driver.ended ?? new RoomfulError('not_connected'))
    else {
      // First, because it throws if the signal is not an AbortSignal.
      signal?.addEventListener('abort', abort)
      this.#waiting.set(ref, request)
      queue?.add(request)
      this.#driver.rateLimiter.pump()
    }
    return request
  }

  /** Settles the request that this frame answers, if there is one. Returns whether there was. */
  answer(frame: Answer): boolean {
    const request = frame.ref === undefined ? undefined : this.#waiting.get(frame.ref)
    if (!request) return false
    const outcome = isError(frame) ? errorOf(frame) : frame
    if (outcome instanceof RoomfulError && outcome.code === 'rate_limited' && request.budget)
      this.#driver.rateLimiter.refused(request.budget, outcome.retryAfterMs)
    request.settle(outcome)
    return true
  }

  /** The connection broke, so no answer will come. */
  drop(): void {
    for (const { settle, isQueued, onDrop } of [...this.#waiting.values()])
      settle(new RoomfulError(isQueued ? 'not_connected' : onDrop))
  }
}

/** The requests of one budget that wait for their turn, in order. */
class RequestQueue implements FrameSource {
  readonly budget: Budget | undefined
  readonly #driver: ConnectionDriver
  #requests: PendingRequest[] = []
  #encoded: EncodedFrame | undefined

  constructor(budget: Budget | undefined, driver: ConnectionDriver) {
    this.budget = budget
    this.#driver = driver
  }

  add(request: PendingRequest): void {
    this.#requests.push(request)
  }

  next(): Cost | undefined {
    for (let request = this.#requests[0]; request; request = this.#requests[0]) {
      const encoded = request.isQueued ? this.#encode(request) : undefined
      if (encoded) {
        this.#encoded = encoded
        return { budget: this.budget, bytes: encoded.bytes }
      }
      // The request is settled, either earlier or just now.
      this.#requests.shift()
    }
    return undefined
  }

  send(): void {
    const request = this.#requests.shift()
    if (request && this.#encoded) this.#transmit(request, this.#encoded)
  }

  sendNow(request: PendingRequest): void {
    const encoded = request.isQueued ? this.#encode(request) : undefined
    if (!encoded) return
    this.#driver.rateLimiter.spend({ budget: this.budget, bytes: encoded.bytes })
    this.#transmit(request, encoded)
  }

  #transmit(request: PendingRequest, encoded: EncodedFrame): void {
    request.isQueued = false
    if (this.#driver.transmit(encoded))
      request.timer.set(request.timeoutMs, () => request.settle(new RoomfulError('timeout')))
    else request.settle(new RoomfulError('not_connected'))
  }

  /** Returns `undefined` and settles the request if it is too large or JSON cannot hold it. */
  #encode(request: PendingRequest): EncodedFrame | undefined {
    try {
      return this.#driver.encode({ ...request.frame(), ref: request.ref })
    } catch (cause) {
      request.settle(cause instanceof RoomfulError ? cause : new RoomfulError('invalid_message', { cause }))
      return undefined
    }
  }
}

function isError(frame: Answer): frame is ServerMessageOf<'error'> {
  return frame.type === 'error'
}

/** The error in an `error` frame. A base server sends only the text, without a code. */
export function errorOf(frame: ServerMessageOf<'error'>): RoomfulError {
  const { message, retry_after_ms, room_id, issues } = frame
  const code = frame.code ?? baseErrorCode(message) ?? 'unknown_error'
  return new RoomfulError(code, { message, retryAfterMs: retry_after_ms, roomId: room_id, issues })
}
