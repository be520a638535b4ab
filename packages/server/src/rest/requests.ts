import type { Check } from '@roomful/protocol/wire'
import { RoomfulError } from '../api/contracts/roomful-error.js'
import { type Answer, type Failure, readAnswer, unanswered } from './answers.js'

/** A call of the API. */
export interface Request {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Below the API's URL, with its query. */
  readonly path: string
  readonly body?: object
  /** Sent as `Idempotency-Key`, which makes a repeat safe. */
  readonly key?: string
  /** Whether the caller knows the key, and so can repeat the call safely. */
  readonly isCallersKey?: boolean
  /** Whether a second time changes nothing. */
  readonly isIdempotent?: boolean
  /** Checks the answer; `undefined` for a call that is answered with 204. */
  readonly shape?: Check
}

export interface RequestOptions {
  readonly url: string
  readonly key: string
  readonly retries: number
  readonly timeoutMs: number
  readonly answerBytes: number
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
}

const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 10_000

/** Makes requests, and repeats those that are safe to repeat. */
export class Requests {
  constructor(private readonly options: RequestOptions) {}

  /** @throws RoomfulError, or TypeError for a body that JSON cannot hold */
  async make(request: Request): Promise<unknown> {
    const isRepeatable = request.method === 'GET' || request.key !== undefined || request.isIdempotent
    // Once: if the caller changed it between two attempts, the second would be another message with the same key.
    const content = request.body && JSON.stringify(request.body)
    let isInDoubt = false
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#attempt(request, content)
      if (answer.ok) return answer.value
      isInDoubt ||= answer.isInDoubt
      const wait = waitBefore(attempt, answer)
      if (!isRepeatable || attempt > this.options.retries || wait === undefined)
        throw isInDoubt ? inDoubt(request, answer.error) : answer.error
      await new Promise((resolve) => setTimeout(resolve, wait))
    }
  }

  async #attempt(request: Request, content: string | undefined): Promise<Answer> {
    const { url, timeoutMs } = this.options
    const target = `${request.method} ${url}${request.path}`
    const signal = AbortSignal.timeout(Math.ceil(timeoutMs))
    let stop = () => {}
    // A `fetch` of the caller's may ignore the signal.
    const late = new Promise<never>((_, reject) => {
      stop = () => reject(new Error(`no answer within ${timeoutMs} ms`))
      signal.addEventListener('abort', stop)
    })
    try {
      return await Promise.race([this.#exchange(request, content, target, signal), late])
    } catch (cause) {
      return unanswered(target, cause)
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  async #exchange(
    { method, path, key, shape }: Request,
    content: string | undefined,
    target: string,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { url, answerBytes, fetch } = this.options
    const headers = {
      authorization: `Bearer ${this.options.key}`,
      ...(content !== undefined && { 'content-type': 'application/json' }),
      ...(key !== undefined && { 'idempotency-key': key }),
    }
    const response = await fetch(`${url}${path}`, {
      method,
      headers,
      ...(content !== undefined && { body: content }),
      // `fetch` would turn a redirected POST into a GET.
      redirect: 'manual',
      signal,
    })
    return readAnswer(response, { target, shape, answerBytes })
  }
}

/** How long to wait before the next attempt, in ms; `undefined` if there should be none. */
function waitBefore(attempt: number, { error, isPassing }: Failure): number | undefined {
  const asked = error.retryAfterMs ?? 0
  if (!isPassing || asked > LONGEST_WAIT_MS) return undefined
  const most = Math.min(FIRST_WAIT_MS * 2 ** attempt, LONGEST_WAIT_MS)
  return Math.max(asked, most * (0.5 + Math.random() / 2))
}

/**
 * The error of a call that may have been carried out. A read, a publish with the caller's own key, and what changes nothing
 * the second time are safe to repeat.
 */
function inDoubt(
  { method, isCallersKey = false, isIdempotent = false }: Request,
  error: RoomfulError,
): RoomfulError {
  if (method === 'GET' || isCallersKey || isIdempotent) return error
  return new RoomfulError('outcome_unknown', {
    message: `${error.message}. It may have been carried out`,
    retryAfterMs: error.retryAfterMs,
    cause: error,
  })
}
