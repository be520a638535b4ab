import { decode } from '@auth/core/jwt'
import { createServer, memory } from '@roomful/server'
import { cookieOf } from './cookies.js'

const NAMES = ['__Secure-authjs.session-token', 'authjs.session-token']

/** `secret` is AUTH_SECRET. */
export const serverFor = (secret: string) =>
  createServer({
    backplane: memory(),
    async authenticate({ request }) {
      for (const salt of NAMES) {
        const token = cookieOf(request.headers.cookie, salt)
        const session = token ? await decode({ token, secret, salt }).catch(() => null) : null
        if (session?.sub && session.exp) return { userId: session.sub, expiresAt: session.exp * 1_000 }
      }
      return null
    },
  })
