import type { ServerMessageOf } from '@roomful/protocol'
import { baseErrorCode, type Frame, RoomfulError } from '@roomful/protocol/wire'
import { Alarm, type Clock } from '../runtime/clock.js'
import type { Encoded, Link } from './driver.js'
import type { Budget, Cost, Source } from './pace.js'

/** A frame that answers a request: whatever carries its `ref`. */
export interface Answer {
  readonly type: string
  readonly ref?: string | undefined
}

export interface CallOptions {
  /** From when it is sent. @default the client's */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** What a call is that was sent when the connection broke. @default 'not_connected' */
  readonly onDrop?: 'not_connected' | 'outcome_unknown' | undefined
  /** What the server charges it to. @default 'messages' */
  readonly budget?: Budget | 'none' | undefined
}

/** A call that was started. */
export interface Started {
  /** Whether it still waits for its turn. */
  readonly isQueued: boolean
  /** Takes it back, which is `cancelled`; false if it was sent already. */
  withdraw(): boolean
  /** Sends it before its turn, where what follows must not overtake it. */
  hasten(): void
}

interface Call {
  readonly ref: string
  /** Made when it is sent, so that a newer state takes the place of one that waits. */
  readonly frame: () => Frame
  readonly timeoutMs: number
  readonly onDrop: string
  readonly budget: Budget | undefined
  readonly alarm: Alarm
  isQueued: boolean
  settle(outcome: Answer | RoomfulError): void
}

/** Requests that wait for their turn, or for the frame with their `ref`. */
export class Calls {
  readonly #clock: Clock
  readonly #link: Link
  readonly #timeoutMs: number
  readonly #waiting = new Map<string, Call>()
  readonly #queues: readonly CallQueue[]
  #lastRef = 0

  constructor(clock: Clock, link: Link, timeoutMs: number) {
    this.#clock = clock
    this.#link = link
    this.#timeoutMs = timeoutMs
    // One a budget, so that a page of history waits for no other request.
    this.#queues = (['messages', 'joins', 'history', undefined] as const).map(
      (budget) => new CallQueue(budget, link),
    )
    for (const queue of this.#queues) link.pace.add(queue)
  }

  /** The answer to a frame, as a promise. */
  ask(frame: Frame, options: CallOptions = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const done = (outcome: Answer | RoomfulError) =>
        outcome instanceof RoomfulError ? reject(outcome) : resolve(outcome)
      this.start(() => frame, done, options)
    })
  }

  /**
   * `done` is called once, at once with the answer: by way of a promise, frames that came in the same task
   * would overtake it.
   */
  start(
    frame: () => Frame,
    done: (outcome: Answer | RoomfulError) => void,
    { timeoutMs = this.#timeoutMs, signal, onDrop = 'not_connected', budget = 'messages' }: CallOptions = {},
  ): Started {
    const ref = String(++this.#lastRef)
    const abort = () => call.settle(new RoomfulError('cancelled', { cause: signal?.reason }))
    const call: Call = {
      ref,
      frame,
      timeoutMs,
      onDrop,
      budget: budget === 'none' ? undefined : budget,
      alarm: new Alarm(this.#clock),
      isQueued: true,
      settle: (outcome) => {
        this.#waiting.delete(ref)
        call.isQueued = false
        call.alarm.clear()
        signal?.removeEventListener('abort', abort)
        done(outcome)
      },
    }
    if (signal?.aborted) abort()
    else if (this.#link.mode === undefined) call.settle(this.#link.ended ?? new RoomfulError('not_connected'))
    else {
      this.#waiting.set(ref, call)
      signal?.addEventListener('abort', abort)
      this.#queues.find((queue) => queue.budget === call.budget)?.add(call)
      this.#link.pace.pump()
    }
    const queue = this.#queues.find((one) => one.budget === call.budget)
    return {
      hasten: () => queue?.hasten(call),
      get isQueued() {
        return call.isQueued
      },
      withdraw() {
        const wasQueued = call.isQueued
        if (wasQueued) call.settle(new RoomfulError('cancelled'))
        return wasQueued
      },
    }
  }

  /** Settles the call that the frame answers, if there is one. */
  answer(frame: Answer): boolean {
    const call = frame.ref === undefined ? undefined : this.#waiting.get(frame.ref)
    if (!call) return false
    const outcome = isError(frame) ? errorOf(frame) : frame
    if (outcome instanceof RoomfulError && outcome.code === 'rate_limited' && call.budget)
      this.#link.pace.refused(call.budget, outcome.retryAfterMs)
    call.settle(outcome)
    return true
  }

  /** The connection broke: no answer will come. */
  drop(): void {
    for (const { settle, isQueued, onDrop } of [...this.#waiting.values()])
      settle(new RoomfulError(isQueued ? 'not_connected' : onDrop))
  }
}

/** The calls of one budget that wait for their turn, in order. */
class CallQueue implements Source {
  readonly budget: Budget | undefined
  readonly #link: Link
  #calls: Call[] = []
  #encoded: Encoded | undefined

  constructor(budget: Budget | undefined, link: Link) {
    this.budget = budget
    this.#link = link
  }

  add(call: Call): void {
    this.#calls.push(call)
  }

  next(): Cost | undefined {
    for (let call = this.#calls[0]; call; call = this.#calls[0]) {
      const encoded = call.isQueued ? this.#encode(call) : undefined
      if (encoded) {
        this.#encoded = encoded
        return { budget: this.budget, bytes: encoded.bytes }
      }
      // Settled meanwhile, or now.
      this.#calls.shift()
    }
    return undefined
  }

  send(): void {
    const call = this.#calls.shift()
    if (call && this.#encoded) this.#transmit(call, this.#encoded)
  }

  hasten(call: Call): void {
    const encoded = call.isQueued ? this.#encode(call) : undefined
    if (!encoded) return
    this.#link.pace.spend({ budget: this.budget, bytes: encoded.bytes })
    this.#transmit(call, encoded)
  }

  #transmit(call: Call, encoded: Encoded): void {
    call.isQueued = false
    if (this.#link.transmit(encoded))
      call.alarm.set(call.timeoutMs, () => call.settle(new RoomfulError('timeout')))
    else call.settle(new RoomfulError('not_connected'))
  }

  /** What cannot be sent, since it is too large or JSON cannot hold it, is settled. */
  #encode(call: Call): Encoded | undefined {
    try {
      return this.#link.encode({ ...call.frame(), ref: call.ref })
    } catch (cause) {
      call.settle(cause instanceof RoomfulError ? cause : new RoomfulError('invalid_message', { cause }))
      return undefined
    }
  }
}

function isError(frame: Answer): frame is ServerMessageOf<'error'> {
  return frame.type === 'error'
}

/** The error that an `error` frame tells. A base server sends the text without a code. */
export function errorOf(frame: ServerMessageOf<'error'>): RoomfulError {
  const { message, retry_after_ms, room_id, issues } = frame
  const code = frame.code ?? baseErrorCode(message) ?? 'unknown_error'
  return new RoomfulError(code, { message, retryAfterMs: retry_after_ms, roomId: room_id, issues })
}
