'use client'

import type { Snapshot } from '@roomful/client'
import { useEffect } from 'react'
import { client, useRoom, useStatus } from '../client'
import { Composer } from './composer'
import { Messages } from './messages'
import { Sidebar } from './sidebar'
import { Status } from './status'

interface ChatProps {
  user: string
  roomId: string
  initial: Snapshot | undefined
}

export function Chat({ user, roomId, initial }: ChatProps) {
  const room = useRoom(roomId, { initial, history: 50 })
  const { state } = useStatus()
  // Somebody else has logged in meanwhile, perhaps in another tab, and the cookie is theirs now.
  useEffect(() => {
    if (state === 'online' && client.user.get() !== user) location.reload()
  }, [state, user])
  return (
    <div className="chat">
      <Sidebar room={room} user={user} />
      <main>
        <header>
          <h1>
            <span aria-hidden="true"># </span>
            {roomId}
          </h1>
          <Status room={room} />
        </header>
        <Messages room={room} user={user} />
        <Composer room={room} />
      </main>
    </div>
  )
}
