import { errors, jwtVerify } from 'jose'
import type { Authentication, AuthenticationRequest } from '../api.js'

/** Lets in who brings a JWT that the secret signed (HS256) and that names its user in `sub`. */
export function jwtAuthentication(
  secret: string,
): (request: AuthenticationRequest) => Promise<Authentication> {
  const key = new TextEncoder().encode(secret)
  return async ({ token }) => {
    if (token === undefined) return null
    try {
      const { payload } = await jwtVerify(token, key, { algorithms: ['HS256'] })
      if (!payload.sub) return null
      return { userId: payload.sub, ...(payload.exp !== undefined && { expiresAt: payload.exp * 1000 }) }
    } catch (error) {
      if (error instanceof errors.JWTExpired) return { refused: 'expired' }
      if (error instanceof errors.JOSEError) return null
      throw error
    }
  }
}
