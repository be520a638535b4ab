import { createServer, memory } from '@roomful/server'

export const cookieOf = (header: unknown, name: string) =>
  String(header ?? '')
    .split('; ')
    .find((cookie) => cookie.startsWith(`${name}=`))
    ?.slice(name.length + 1)

/** Stands for your table of sessions. */
export const sessions = new Map<string, { userId: string; endsAt: Date }>()

export const server = createServer({
  backplane: memory(),
  authenticate({ request }) {
    const session = sessions.get(cookieOf(request.headers.cookie, 'session') ?? '')
    if (!session || session.endsAt < new Date()) return null
    return { userId: session.userId, expiresAt: session.endsAt }
  },
})

/** At log-out: no new connection gets in, and those that are open end. */
export function endSession(id: string) {
  const session = sessions.get(id)
  sessions.delete(id)
  if (session) server.user(session.userId).disconnect()
}
