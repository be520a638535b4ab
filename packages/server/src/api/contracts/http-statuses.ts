import type { ErrorCode } from '@roomful/protocol'

/** The HTTP status of each code. Those that only a client creates mean that the server's own code has failed. */
const STATUSES = {
  invalid_json: 400,
  unknown_type: 400,
  invalid_message: 400,
  room_id_required: 400,
  invalid_room: 400,
  message_required: 400,
  message_too_long: 400,
  message_empty: 400,
  invalid_text: 400,
  unsupported_version: 400,
  cancelled: 400,
  not_authenticated: 401,
  invalid_token: 401,
  token_expired: 401,
  forbidden: 403,
  muted: 403,
  banned: 403,
  not_in_room: 403,
  room_limit: 403,
  reaction_limit: 403,
  not_found: 404,
  auth_timeout: 408,
  timeout: 408,
  id_conflict: 409,
  out_of_order: 409,
  deleted: 410,
  epoch_changed: 410,
  cursor_gone: 410,
  too_large: 413,
  rate_limited: 429,
  too_many_connections: 429,
  internal: 500,
  outcome_unknown: 500,
  outbox_full: 500,
  storage_failed: 500,
  unsupported: 500,
  unavailable: 503,
  draining: 503,
  closed: 503,
  not_connected: 503,
} as const satisfies Record<ErrorCode, number>

/** Codes of HTTP requests alone. */
export const REQUEST_STATUSES = { invalid_request: 400, method_not_allowed: 405 } as const

const statuses: ReadonlyMap<string, number> = new Map(Object.entries({ ...STATUSES, ...REQUEST_STATUSES }))

/** The HTTP status of an error. An application's own code refuses: for now, if it says when to retry. */
export function httpStatus(code: string, retryAfterMs: number | undefined): number {
  return statuses.get(code) ?? (retryAfterMs === undefined ? 403 : 503)
}
