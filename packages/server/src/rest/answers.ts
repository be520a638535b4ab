import type { Check, Issue } from '@roomful/protocol/wire'
import { RoomfulError } from '../api/contracts/roomful-error.js'
import { failureReason } from '../util/failure-reason.js'
import { boundedWait, retryAfter } from '../util/retry-after.js'

/** The outcome of one attempt. */
export type Answer = { readonly ok: true; readonly value: unknown } | Failure

export interface Failure {
  readonly ok: false
  readonly error: RoomfulError
  /** Whether the call may nevertheless have been carried out. */
  readonly isInDoubt: boolean
  /** Whether the same call may succeed in a moment. */
  readonly isPassing: boolean
}

export interface Expected {
  /** Names the call in errors. */
  readonly target: string
  /** Checks what the API answers; `undefined` for a call whose only answer is 204. */
  readonly shape: Check | undefined
  /** The largest body that is read. */
  readonly answerBytes: number
}

type Body = Readonly<Record<string, unknown>>

const PASSING = [429, 502, 503, 504]

/** Codes for answers without one: a proxy sent them, or the URL is not that of the API. */
const CODES: Readonly<Record<number, string>> = {
  401: 'not_authenticated',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'timeout',
  413: 'too_large',
  429: 'rate_limited',
}

/** Reads an answer to its end, or to its limit. Only what the API itself can answer is a success. */
export async function readAnswer(response: Response, expected: Expected): Promise<Answer> {
  const { status } = response
  const { target, shape, answerBytes } = expected
  const text = await readText(response, answerBytes)
  if (text === undefined) return failure(response, tooLarge(target, answerBytes))
  const body = objectIn(text)
  if (response.ok) {
    const misfit = shape ? shape(body) : status === 204 ? undefined : ''
    if (misfit === undefined) return { ok: true, value: body }
    return failure(response, foreign(response, target, misfit && ` without a valid '${misfit}'`))
  }
  const code = body?.code
  if (body === undefined || typeof code !== 'string') return failure(response, foreign(response, target))
  return failure(response, problemOf(code, body))
}

/** No answer arrived, or it broke off. */
export function unanswered(target: string, cause: unknown): Failure {
  const message = `${target} was not answered: ${failureReason(cause)}`
  const error = new RoomfulError('unavailable', { message, cause })
  return { ok: false, error, isInDoubt: true, isPassing: true }
}

function failure({ ok, status }: Response, error: RoomfulError): Failure {
  // With a status below 500, or with `closed`, the API has done nothing.
  const isInDoubt = ok || (status >= 500 && error.code !== 'closed')
  return { ok: false, error, isInDoubt, isPassing: PASSING.includes(status) }
}

function problemOf(code: string, { detail, retry_after_ms: asked, issues }: Body): RoomfulError {
  return new RoomfulError(code, {
    message: typeof detail === 'string' ? detail : undefined,
    retryAfterMs: typeof asked === 'number' ? boundedWait(asked) : undefined,
    issues: Array.isArray(issues) ? issues.filter(isIssue) : undefined,
  })
}

/** The error for an answer that the API did not send. `but` says what a success lacks. */
function foreign({ status, headers }: Response, target: string, but = ''): RoomfulError {
  const location = headers.get('location')
  const what = location ? `with a redirect to ${location}` : `with ${status}${but}`
  const code = CODES[status] ?? (status >= 500 ? 'unavailable' : 'not_found')
  return new RoomfulError(code, {
    message: `${target} was answered ${what}, and not by the API: check the url`,
    retryAfterMs: retryAfter(headers.get('retry-after'), Date.now()),
  })
}

function tooLarge(target: string, answerBytes: number): RoomfulError {
  return new RoomfulError('too_large', {
    message: `${target}: the answer is larger than ${answerBytes} bytes`,
  })
}

/** `undefined` for a body of more than `most` bytes, of which the rest is not read. */
async function readText({ body }: Response, most: number): Promise<string | undefined> {
  if (!body) return ''
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    size += value.length
    if (size > most) break
    text += decoder.decode(value, { stream: true })
  }
  // Not awaited: a stream may never confirm it.
  reader.cancel().catch(() => {})
  return undefined
}

/** The object in a JSON text; `undefined` if it has none. */
function objectIn(text: string): Body | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isIssue(value: unknown): value is Issue {
  return isObject(value) && typeof value.path === 'string' && typeof value.message === 'string'
}

function isObject(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
