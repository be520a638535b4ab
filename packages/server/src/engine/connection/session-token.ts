import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * Signs and verifies the opaque session by which an anonymous user keeps their id after a reconnect. Nodes with the
 * same secret accept each other's sessions.
 */
export function signSession(userId: string, secret: string): string {
  const payload = Buffer.from(userId).toString('base64url')
  return `${payload}.${signature(payload, secret)}`
}

/** The user id, or `undefined` if this secret did not sign it. */
export function verifySession(session: string, secret: string): string | undefined {
  const [payload, given, ...rest] = session.split('.')
  if (!payload || !given || rest.length > 0) return undefined
  const expected = Buffer.from(signature(payload, secret))
  const actual = Buffer.from(given)
  if (actual.length !== expected.length || !timingSafeEqual(actual, expected)) return undefined
  return Buffer.from(payload, 'base64url').toString()
}

function signature(payload: string, secret: string): string {
  return createHmac('sha256', secret).update(`roomful session ${payload}`).digest('base64url')
}
