import { createServer, memory } from '@roomful/server'
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'

/** What jose throws when the keys cannot be fetched. */
const OUTAGES = ['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT']

/** `issuer` is your Frontend API, such as `https://clerk.example.com`; `pages` are the origins of your pages. */
export const serverFor = (issuer: string, pages: readonly string[]) => {
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', issuer))
  return createServer({
    backplane: memory(),
    async authenticate({ token = '' }) {
      try {
        const options = { issuer, algorithms: ['RS256'], requiredClaims: ['sub', 'exp'] }
        const { payload } = await jwtVerify(token, keys, options)
        if (payload.azp && !pages.includes(String(payload.azp))) return null
        return { userId: payload.sub ?? '', expiresAt: (payload.exp ?? 0) * 1_000 }
      } catch (error) {
        if (error instanceof errors.JWTExpired) return { refused: 'expired' }
        if (error instanceof errors.JOSEError && !OUTAGES.includes(error.code)) return null
        throw error
      }
    },
  })
}
