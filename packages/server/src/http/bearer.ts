import { createHash, timingSafeEqual } from 'node:crypto'
import type { HttpAuthentication } from '../api/handles/http.js'

const KEY = /^[\x21-\x7e]{32,}$/
const SCHEME = /^bearer +/i

/** Whether a key is long enough, and a header can carry it. */
export function isApiKey(key: unknown): key is string {
  return typeof key === 'string' && KEY.test(key)
}

/**
 * Lets requests with `Authorization: Bearer KEY` in. Compares in constant time.
 * @throws TypeError for a key of fewer than 32 characters, or with characters that a header cannot carry
 *
 * @example server.http({ authenticate: bearer(process.env.API_KEY) })
 */
export function bearer(key: string | undefined): HttpAuthentication {
  // A forgotten variable is undefined: it must fail at start-up, and let nobody in.
  if (!isApiKey(key))
    throw new TypeError(
      'bearer: the key must have at least 32 characters, of ASCII and without spaces; make one with: openssl rand -hex 32',
    )
  const expected = digest(key)
  return ({ headers }) => {
    const authorization = headers.get('authorization') ?? ''
    if (!SCHEME.test(authorization)) return false
    return timingSafeEqual(digest(authorization.replace(SCHEME, '')), expected)
  }
}

/** Has the same length for every text, as timingSafeEqual requires. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
