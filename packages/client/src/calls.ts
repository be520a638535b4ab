import type { ServerMessageOf } from '@roomful/protocol'
import { baseErrorCode, type Frame, RoomfulError } from '@roomful/protocol/wire'
import { Alarm, type Clock } from './clock.js'

/** A frame that answers a request: whatever carries its `ref`. */
export interface Answer {
  readonly type: string
  readonly ref?: string | undefined
}

export interface CallOptions {
  /** @default the client's */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** What a call is that was sent when the connection broke. @default 'not_connected' */
  readonly onDrop?: 'not_connected' | 'outcome_unknown' | undefined
}

interface Call {
  settle(outcome: Answer | RoomfulError): void
  readonly onDrop: string
}

/** Requests that wait for the frame with their `ref`. */
export class Calls {
  readonly #clock: Clock
  readonly #send: (frame: Frame) => boolean
  readonly #timeoutMs: number
  readonly #waiting = new Map<string, Call>()
  #lastRef = 0

  /** `send` returns false if the frame could not be sent. */
  constructor(clock: Clock, send: (frame: Frame) => boolean, timeoutMs: number) {
    this.#clock = clock
    this.#send = send
    this.#timeoutMs = timeoutMs
  }

  /** The answer to a frame, as a promise. */
  ask(frame: Frame, options: CallOptions = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const done = (outcome: Answer | RoomfulError) =>
        outcome instanceof RoomfulError ? reject(outcome) : resolve(outcome)
      this.start(frame, done, options)
    })
  }

  /**
   * `done` is called once, at once with the answer: by way of a promise, frames that came in the same task
   * would overtake it.
   */
  start(
    frame: Frame,
    done: (outcome: Answer | RoomfulError) => void,
    { timeoutMs = this.#timeoutMs, signal, onDrop = 'not_connected' }: CallOptions = {},
  ): void {
    const ref = String(++this.#lastRef)
    const alarm = new Alarm(this.#clock)
    const abort = () => settle(new RoomfulError('cancelled', { cause: signal?.reason }))
    const settle = (outcome: Answer | RoomfulError) => {
      this.#waiting.delete(ref)
      alarm.clear()
      signal?.removeEventListener('abort', abort)
      done(outcome)
    }
    if (signal?.aborted) {
      abort()
      return
    }
    const failure = failureOf(() => this.#send({ ...frame, ref }))
    if (failure) {
      settle(failure)
      return
    }
    this.#waiting.set(ref, { settle, onDrop })
    alarm.set(timeoutMs, () => settle(new RoomfulError('timeout')))
    signal?.addEventListener('abort', abort)
  }

  /** Settles the call that the frame answers, if there is one. */
  answer(frame: Answer): boolean {
    const call = frame.ref === undefined ? undefined : this.#waiting.get(frame.ref)
    call?.settle(isError(frame) ? errorOf(frame) : frame)
    return call !== undefined
  }

  /** The connection broke: no answer will come. */
  drop(): void {
    for (const { settle, onDrop } of [...this.#waiting.values()]) settle(new RoomfulError(onDrop))
  }
}

/** Why a frame could not be sent: it is too large, JSON cannot hold it, or there is no connection. */
function failureOf(send: () => boolean): RoomfulError | undefined {
  try {
    return send() ? undefined : new RoomfulError('not_connected')
  } catch (cause) {
    return cause instanceof RoomfulError ? cause : new RoomfulError('invalid_message', { cause })
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
