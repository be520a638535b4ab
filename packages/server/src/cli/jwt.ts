import { errors, jwtVerify } from 'jose'
import type { Authentication, AuthenticationRequest } from '../api/api.js'

/**
 * Does not begin with the reserved `@`, and contains nothing that could control a terminal or look like another text.
 */
const USER_ID = /^(?!@)[^\p{C}\p{Zl}\p{Zp}]{1,256}$/u

/** Accepts a JWT that was signed with the secret (HS256) and names its user in `sub`. */
export function jwtAuthentication(
  secret: string,
): (request: AuthenticationRequest) => Promise<Authentication> {
  const key = new TextEncoder().encode(secret)
  return async ({ token }) => {
    if (token === undefined) return null
    try {
      const { payload } = await jwtVerify(token, key, { algorithms: ['HS256'] })
      const { sub }: { readonly sub?: unknown } = payload
      if (typeof sub !== 'string' || !USER_ID.test(sub)) return null
      return { userId: sub, ...(payload.exp !== undefined && { expiresAt: payload.exp * 1000 }) }
    } catch (error) {
      if (error instanceof errors.JWTExpired) return { refused: 'expired' }
      if (error instanceof errors.JOSEError) return null
      throw error
    }
  }
}
