import { isWellFormed } from '@roomful/protocol/wire'
import { errors, jwtVerify } from 'jose'
import type { Authentication, AuthenticationRequest } from '../api/api.js'
import { profileIssues } from '../api/options/check-content.js'

/**
 * Does not begin with the reserved `@`, and contains nothing that could control a terminal or look like another text.
 */
const USER_ID = /^(?!@)[^\p{C}\p{Zl}\p{Zp}]{1,256}$/u

interface Claims {
  readonly sub?: unknown
  readonly name?: unknown
  readonly picture?: unknown
}

/**
 * Accepts a JWT that was signed with the secret (HS256) and names its user in `sub`, and takes the profile from `name` and
 * `picture`.
 */
export function jwtAuthentication(
  secret: string,
  profileBytes: number,
): (request: AuthenticationRequest) => Promise<Authentication> {
  const key = new TextEncoder().encode(secret)
  return async ({ token }) => {
    if (token === undefined) return null
    try {
      const { payload } = await jwtVerify(token, key, { algorithms: ['HS256'] })
      const { sub, name, picture }: Claims = payload
      if (typeof sub !== 'string' || !USER_ID.test(sub)) return null
      return {
        userId: sub,
        ...profileOf({ name, avatar: picture }, profileBytes),
        ...(payload.exp !== undefined && { expiresAt: payload.exp * 1000 }),
      }
    } catch (error) {
      if (error instanceof errors.JWTExpired) return { refused: 'expired' }
      if (error instanceof errors.JOSEError) return null
      throw error
    }
  }
}

/** Leaves out what an anonymous user could not set: it is no reason to let nobody in. */
function profileOf(
  claims: Readonly<Record<string, unknown>>,
  maxBytes: number,
): { readonly profile?: Readonly<Record<string, string>> } {
  let profile = {}
  for (const [field, value] of Object.entries(claims)) {
    if (typeof value !== 'string' || !isWellFormed(value)) continue
    const more = { ...profile, [field]: value }
    if (profileIssues(more, maxBytes).length === 0) profile = more
  }
  return Object.keys(profile).length > 0 ? { profile } : {}
}
