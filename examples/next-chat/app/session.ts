import { cookies } from 'next/headers'
import { sign, verify } from '@/tokens'

const NAME = 'session'
const WEEK = 7 * 24 * 3_600

/** The id of the user who is logged in, for pages, routes and actions. */
export async function currentUser(): Promise<string | undefined> {
  const token = (await cookies()).get(NAME)?.value
  return (token && (await verify(token, 'pages'))?.userId) || undefined
}

export async function startSession(user: string): Promise<void> {
  const secure = process.env.PAGES_URL?.startsWith('https:') ?? true
  const options = { httpOnly: true, sameSite: 'lax', secure, maxAge: WEEK } as const
  ;(await cookies()).set(NAME, await sign(user, 'pages', WEEK), options)
}

export async function endSession(): Promise<void> {
  ;(await cookies()).delete(NAME)
}
