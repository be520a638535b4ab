import type { Issue } from '@roomful/protocol/wire'
import { RoomfulError } from '../api/contracts/roomful-error.js'

/** The outcome of one attempt. */
export type Answer = { readonly ok: true; readonly value: object | undefined } | Failure

export interface Failure {
  readonly ok: false
  readonly error: RoomfulError
  /** Whether the call may nevertheless have been carried out. */
  readonly isInDoubt: boolean
  /** Whether the same call may succeed in a moment. */
  readonly isPassing: boolean
}

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

/** Reads an answer to its end. `target` names the call in errors. */
export async function readAnswer(response: Response, target: string): Promise<Answer> {
  const { status, headers } = response
  const body = objectIn(await response.text())
  if (response.ok && (body || status === 204)) return { ok: true, value: body }
  const code = body?.code
  const isProblem = !response.ok && typeof code === 'string'
  return {
    ok: false,
    error: isProblem ? problemOf(code, body ?? {}) : foreign(status, headers, target),
    // With a status below 500, or with `closed`, the API has done nothing.
    isInDoubt: response.ok || (status >= 500 && code !== 'closed'),
    isPassing: PASSING.includes(status),
  }
}

/** No answer arrived, or it broke off. */
export function unanswered(target: string, cause: unknown): Failure {
  const why = cause instanceof Error ? `: ${cause.message}` : ''
  const error = new RoomfulError('unavailable', { message: `${target} was not answered${why}`, cause })
  return { ok: false, error, isInDoubt: true, isPassing: true }
}

function problemOf(code: string, body: Readonly<Record<string, unknown>>): RoomfulError {
  const { detail, retry_after_ms: retryAfterMs, issues } = body
  return new RoomfulError(code, {
    message: typeof detail === 'string' ? detail : undefined,
    retryAfterMs: typeof retryAfterMs === 'number' ? retryAfterMs : undefined,
    issues: Array.isArray(issues) ? issues.filter(isIssue) : undefined,
  })
}

/** The error for an answer that the API did not send. */
function foreign(status: number, headers: Headers, target: string): RoomfulError {
  const location = headers.get('location')
  const what = location ? `with a redirect to ${location}` : `with ${status}`
  const code = CODES[status] ?? (status >= 500 ? 'unavailable' : 'not_found')
  return new RoomfulError(code, {
    message: `${target} was answered ${what}, and not by the API: check the url`,
    retryAfterMs: retryAfter(headers),
  })
}

/** In ms. A date is compared with the clock of this machine. */
function retryAfter(headers: Headers): number | undefined {
  const asked = headers.get('retry-after')
  if (asked === null) return undefined
  const ms = /^\d+$/.test(asked) ? Number(asked) * 1_000 : Date.parse(asked) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}

/** The object in a JSON text; `undefined` if it has none. */
function objectIn(text: string): Readonly<Record<string, unknown>> | undefined {
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

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
