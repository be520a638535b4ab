import { type ErrorCode, RoomfulError } from '@roomful/protocol'

/** The status of each code that the API answers with. Others are faults: 500. */
const STATUSES = {
  invalid_json: 400,
  invalid_message: 400,
  invalid_room: 400,
  message_too_long: 400,
  message_empty: 400,
  invalid_text: 400,
  cancelled: 400,
  not_authenticated: 401,
  timeout: 408,
  id_conflict: 409,
  too_large: 413,
  internal: 500,
  outcome_unknown: 500,
  unavailable: 503,
  closed: 503,
} as const satisfies Partial<Record<ErrorCode, number>>

/** The codes that only HTTP has. */
const HTTP_STATUSES = { invalid_request: 400, not_found: 404, method_not_allowed: 405 } as const

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Content Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

const statuses: ReadonlyMap<string, number> = new Map(Object.entries({ ...STATUSES, ...HTTP_STATUSES }))

/** An error of the request itself, with the same shape as all others. */
export function requestError(code: keyof typeof HTTP_STATUSES, message: string): RoomfulError {
  return new RoomfulError(code, { message })
}

/** An error as `application/problem+json` (RFC 9457) says it. */
export function problem(error: RoomfulError, headers: Readonly<Record<string, string>> = {}): Response {
  const { code, issues, retryAfterMs } = error
  const status = statuses.get(code) ?? 500
  const body = {
    type: 'about:blank',
    title: TITLES[status],
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
function detailOf({ message, issues }: RoomfulError): string {
  if (issues.length === 0 || issues.some((issue) => message.includes(issue.message))) return message
  const words = issues.map((issue) => (issue.path === '' ? issue.message : `${issue.path}: ${issue.message}`))
  return `${message}: ${words.join('; ')}`
}
