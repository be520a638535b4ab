import { createServer, memory } from '@roomful/server'
import { errors, jwtVerify } from 'jose'

export const serverFor = (secret: string) => {
  const key = new TextEncoder().encode(secret)
  return createServer({
    backplane: memory(),
    async authenticate({ token = '' }) {
      try {
        const options = { algorithms: ['HS256'], requiredClaims: ['sub', 'exp'] }
        const { payload } = await jwtVerify(token, key, options)
        return { userId: payload.sub ?? '', expiresAt: (payload.exp ?? 0) * 1_000 }
      } catch (error) {
        if (error instanceof errors.JWTExpired) return { refused: 'expired' }
        if (error instanceof errors.JOSEError) return null
        throw error
      }
    },
  })
}
