import { STATUS_CODES } from 'node:http'
import type { RoomfulError as AnyRoomfulError } from '@roomful/protocol'
import { httpStatus, type REQUEST_STATUSES } from '../api/contracts/http-statuses.js'
import { RoomfulError } from '../api/contracts/roomful-error.js'

/** An error of the request itself, with the same shape as all others. */
export function requestError(
  code: keyof typeof REQUEST_STATUSES | 'not_found',
  message: string,
): RoomfulError {
  return new RoomfulError(code, { message })
}

/** A path that has no call with the method of the request. */
export function methodNotAllowed(allowed: readonly string[]): Response {
  const methods = allowed.join(', ')
  return problem(requestError('method_not_allowed', `This path allows ${methods}`), { allow: methods })
}

/** An error as `application/problem+json` (RFC 9457) says it. */
export function problem(error: AnyRoomfulError, headers: Readonly<Record<string, string>> = {}): Response {
  const { code, issues, retryAfterMs } = error
  const status = httpStatus(code, retryAfterMs)
  const body = {
    type: 'about:blank',
    title: STATUS_CODES[status],
    status,
    detail: detailOf(error),
    code,
    ...(issues.length > 0 && { issues }),
    ...(retryAfterMs !== undefined && { retry_after_ms: retryAfterMs }),
  }
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(status === 401 && { 'www-authenticate': 'Bearer' }),
      ...(retryAfterMs !== undefined && { 'retry-after': String(Math.ceil(retryAfterMs / 1_000)) }),
      ...headers,
    },
  })
}

/** Includes the issues in words, for callers that print only the detail. */
function detailOf({ message, issues }: AnyRoomfulError): string {
  if (issues.length === 0 || issues.some((issue) => message.includes(issue.message))) return message
  const words = issues.map((issue) => (issue.path === '' ? issue.message : `${issue.path}: ${issue.message}`))
  return `${message}: ${words.join('; ')}`
}
