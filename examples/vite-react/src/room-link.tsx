import { useEffect, useState } from 'react'
import { type ChatRoom, PAGE, useRoom, useRoomEvent, useTimeline } from './roomful.js'

/** A room of the list. It is joined all the time, so that what happens in it is counted. */
export function RoomLink({ id, me, isOpen }: { id: string; me: string; isOpen: boolean }) {
  const room = useRoom(id, { history: PAGE })
  const unread = useUnread(room, me, isOpen)
  const last = useTimeline(room).findLast((entry) => entry.kind === 'message')

  return (
    <li>
      <a href={`#${id}`} aria-current={isOpen ? 'page' : undefined}>
        <span className="name">{id}</span>
        {unread > 0 && (
          <span className="unread">
            {unread} <span className="unseen">unread</span>
          </span>
        )}
        <span className="last">
          {last ? `${last.message.user_id ?? me}: ${last.message.message}` : 'Nobody has written yet'}
        </span>
      </a>
    </li>
  )
}

/** How many messages others have sent since the room was last open. */
function useUnread(room: ChatRoom, me: string, isOpen: boolean): number {
  const [count, setCount] = useState(0)
  useRoomEvent(room, 'chat_message', ({ user_id }) => {
    if (!isOpen && user_id !== me) setCount((count) => count + 1)
  })
  useEffect(() => {
    if (isOpen) setCount(0)
  }, [isOpen])
  return isOpen ? 0 : count
}
