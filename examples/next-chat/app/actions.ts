'use server'

import { randomInt } from 'node:crypto'
import { redirect } from 'next/navigation'
import { mayEnter } from '@/protocol'
import { rest } from './rest'
import { currentUser, endSession, startSession } from './session'

/** Lets everybody in under any name; put a password, or another site's log-in, here. Returns what is wrong. */
export async function logIn(_before: string, form: FormData): Promise<string> {
  const name = String(form.get('name')).trim().normalize()
  if (!/^[\p{L}\p{N}][\p{L}\p{N} ]{0,23}$/u.test(name)) return 'Use up to 24 letters, digits and spaces.'
  await startSession(name)
  redirect('/general')
}

export async function logOut(): Promise<void> {
  await endSession()
  redirect('/')
}

/** Rolls on the server, so that nobody can choose the outcome. Returns what went wrong. */
export async function roll(_before: string, form: FormData): Promise<string> {
  const room = String(form.get('room'))
  const user = await currentUser()
  if (!user || !mayEnter(user, room)) return 'You are not in this room.'
  try {
    await rest()
      .room(room)
      .publish({ type: 'rolled', by: user, value: randomInt(1, 7) })
    return ''
  } catch {
    return 'The die fell off the table. Try again.'
  }
}
