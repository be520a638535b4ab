import { createServer, memory } from '@roomful/server'

/** `whoAmI` is a route of your application that answers `{ "id": … }` for the session of a cookie, or 401. */
export const serverFor = (whoAmI: string) =>
  createServer({
    backplane: memory(),
    async authenticate({ request }) {
      const cookie = String(request.headers.cookie ?? '')
      const response = await fetch(whoAmI, { headers: { cookie }, signal: AbortSignal.timeout(3_000) })
      if (response.status === 401) return null
      if (!response.ok) throw new Error(`${whoAmI} answered ${response.status}`)
      const { id } = (await response.json()) as { id: number | string }
      // Asked again within five minutes, on the open connection.
      return { userId: String(id), expiresAt: Date.now() + 300_000 }
    },
  })
