import { errors, jwtVerify, SignJWT } from 'jose'

/** What a token is for: the cookie opens `pages`, and a short-lived one opens `rooms`. Neither opens the other. */
type Audience = 'pages' | 'rooms'

const ALGORITHM = 'HS256'
const key = new TextEncoder().encode(process.env.TOKEN_SECRET)

export function sign(userId: string, audience: Audience, seconds: number): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: ALGORITHM })
    .setSubject(userId)
    .setAudience(audience)
    .setExpirationTime(`${seconds}s`)
    .sign(key)
}

/** Whose token it is and until when, or `null` if it is no valid one. */
export async function verify(token: string, audience: Audience) {
  try {
    const { payload } = await jwtVerify(token, key, {
      audience,
      algorithms: [ALGORITHM],
      requiredClaims: ['sub', 'exp'],
    })
    const { sub = '', exp = 0 } = payload
    return { userId: sub, expiresAt: exp * 1_000 }
  } catch (error) {
    if (error instanceof errors.JOSEError) return null
    throw error
  }
}
