import { currentUser } from '@/app/session'
import { sign } from '@/tokens'

/** A token for the rooms, for whoever is logged in. After five minutes it ends, and the client fetches the next one. */
export async function GET(): Promise<Response> {
  const user = await currentUser()
  if (!user) return new Response('Nobody is logged in', { status: 401 })
  return new Response(await sign(user, 'rooms', 300), { headers: { 'cache-control': 'no-store' } })
}
