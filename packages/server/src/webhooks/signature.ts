import { createHmac } from 'node:crypto'

const SECRET = /^whsec_([A-Za-z0-9+/]+)(={0,2})$/
const LEAST_BYTES = 24
const MOST_BYTES = 64

/** The key in a secret of Standard Webhooks; `undefined` if the value is not such a secret. */
export function keyOf(secret: unknown): Buffer | undefined {
  const [, digits = '', padding = ''] = (typeof secret === 'string' && SECRET.exec(secret)) || []
  // A character is missing or too many, as after copying a part. Buffer would ignore it, and no signature would match.
  if (digits.length % 4 === 1 || (padding && (digits.length + padding.length) % 4 !== 0)) return undefined
  const key = Buffer.from(digits, 'base64')
  return key.length >= LEAST_BYTES && key.length <= MOST_BYTES ? key : undefined
}

/** The headers that Standard Webhooks asks for, with one signature for each key. */
export function signedHeaders(
  id: string,
  timestampMs: number,
  body: string,
  keys: readonly Buffer[],
): Record<string, string> {
  const seconds = String(Math.floor(timestampMs / 1_000))
  const content = `${id}.${seconds}.${body}`
  const signatures = keys.map((key) => `v1,${createHmac('sha256', key).update(content).digest('base64')}`)
  return {
    'webhook-id': id,
    'webhook-timestamp': seconds,
    'webhook-signature': signatures.join(' '),
  }
}
