import type { Authentication } from '@roomful/server'
import { errors, jwtVerify, SignJWT } from 'jose'

const ALGORITHM = 'HS256'

/** JSON Web Tokens that one secret signs. `sub` is the user's id, `name` is shown to others. */
export class Tokens {
  readonly #key: Uint8Array

  constructor(secret: string) {
    this.#key = new TextEncoder().encode(secret)
  }

  issue(userId: string, name: string, lifetimeSeconds: number): Promise<string> {
    return new SignJWT({ name })
      .setProtectedHeader({ alg: ALGORITHM })
      .setSubject(userId)
      .setExpirationTime(new Date(Date.now() + lifetimeSeconds * 1_000))
      .sign(this.#key)
  }

  async check(token: string | undefined): Promise<Authentication> {
    if (token === undefined) return null
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        algorithms: [ALGORITHM],
        requiredClaims: ['sub', 'exp', 'name'],
      })
      const { sub = '', exp = 0, name } = payload
      return { userId: sub, expiresAt: exp * 1_000, profile: { name: String(name) } }
    } catch (error) {
      if (error instanceof errors.JWTExpired) return { refused: 'expired' }
      if (error instanceof errors.JOSEError) return null
      throw error
    }
  }
}
