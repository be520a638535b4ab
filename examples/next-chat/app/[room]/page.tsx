import { RoomfulError } from '@roomful/server/rest'
import { notFound, redirect } from 'next/navigation'
import { mayEnter } from '@/protocol'
import { rest } from '../rest'
import { currentUser } from '../session'
import { Chat } from './chat'

/** The whole page is the user's own: there is nothing to show before it. */
export const instant = false

export default async function Page({ params }: { params: Promise<{ room: string }> }) {
  const { room } = await params
  const user = await currentUser()
  if (!user) redirect('/')
  if (!mayEnter(user, room)) notFound()
  return <Chat key={user} user={user} roomId={room} initial={await snapshotOf(room, user)} />
}

/** The newest messages and who is there. While the rooms restart there is none: the client loads it once they are back. */
async function snapshotOf(room: string, user: string) {
  try {
    return await rest().room(room).snapshot({ as: user })
  } catch (error) {
    if (error instanceof RoomfulError && error.temporary) return undefined
    throw error
  }
}
