/** What a client does after a connection was closed with a code. */
export type CloseAction =
  /** Connect again after the usual back-off, or after `minDelayMs` if that is longer. */
  | 'retry'
  /** Fetch a fresh token, then connect again. */
  | 'refresh'
  /** Try once more if the token getter now gives another token, else stop. */
  | 'retry_new_token'
  /** Stop: trying again cannot succeed. */
  | 'stop'

export interface CloseCode {
  readonly code: number
  readonly reason: string
  readonly action: CloseAction
  /** Shortest wait before the next attempt, in ms. */
  readonly minDelayMs?: number
  /** Attempts in a row that may end with this code before the client stops. */
  readonly attempts?: number
}

/** Every close code with a meaning of its own. Codes that are not listed follow {@link closeAction}'s ranges. */
export const CLOSE_CODES = {
  normal: { code: 1000, reason: 'Closed', action: 'retry' },
  going_away: { code: 1001, reason: 'Going away', action: 'retry' },
  protocol_error: { code: 1002, reason: 'WebSocket protocol error', action: 'stop' },
  unsupported_data: { code: 1003, reason: 'Binary frames are not accepted', action: 'stop' },
  no_status: { code: 1005, reason: 'Closed without a code', action: 'retry' },
  abnormal: { code: 1006, reason: 'Connection lost', action: 'retry' },
  invalid_payload: { code: 1007, reason: 'Invalid UTF-8', action: 'stop' },
  policy_violation: { code: 1008, reason: 'Policy violation', action: 'stop' },
  too_big: { code: 1009, reason: 'Frame too large', action: 'retry' },
  missing_extension: { code: 1010, reason: 'Missing extension', action: 'stop' },
  server_error: { code: 1011, reason: 'Internal server error', action: 'retry' },
  service_restart: { code: 1012, reason: 'Server is restarting', action: 'retry' },
  try_again_later: { code: 1013, reason: 'Temporary failure, try again later', action: 'retry' },
  bad_gateway: { code: 1014, reason: 'Bad gateway', action: 'retry' },
  heartbeat_missed: { code: 4001, reason: 'Heartbeat missed', action: 'retry' },
  slow_consumer: { code: 4002, reason: 'Slow consumer', action: 'retry' },
  token_expired: { code: 4004, reason: 'Token expired', action: 'refresh' },
  rate_limited: { code: 4005, reason: 'Rate limited', action: 'retry', minDelayMs: 5_000 },
  overloaded: { code: 4006, reason: 'Overloaded', action: 'retry', minDelayMs: 5_000 },
  auth_timeout: { code: 4008, reason: 'Authentication timed out', action: 'retry', attempts: 5 },
  invalid_token: { code: 4500, reason: 'Invalid token', action: 'retry_new_token' },
  forbidden: { code: 4501, reason: 'Forbidden', action: 'stop' },
  unparseable: { code: 4502, reason: 'Repeated unparseable frames', action: 'stop' },
  unsupported_version: { code: 4503, reason: 'Unsupported protocol version', action: 'stop' },
  replaced: { code: 4504, reason: 'Replaced by a newer connection', action: 'stop' },
} as const satisfies Record<string, CloseCode>

export type CloseName = keyof typeof CLOSE_CODES

const byCode = new Map<number, CloseCode>(Object.values(CLOSE_CODES).map((entry) => [entry.code, entry]))

/**
 * The meaning of a close code. An unlisted code in 4500–4999 stops, any other retries,
 * so that an application may add codes of its own on either side of 4500.
 */
export function closeCode(code: number): CloseCode {
  const listed = byCode.get(code)
  if (listed) return listed
  return { code, reason: `Closed with code ${code}`, action: code >= 4500 && code <= 4999 ? 'stop' : 'retry' }
}
