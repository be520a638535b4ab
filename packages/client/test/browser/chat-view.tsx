import { useState } from 'react'
import { chat } from '../../src/chat.js'
import { createChatHooks } from '../../src/chat-react.js'
import { type Client, createClient, localOutbox, type Snapshot } from '../../src/index.js'
import { createHooks, useClient, useObservable } from '../../src/react.js'

/** A chat that makes its client itself, rendered by a server and by a page. */
export function Chat() {
  const client = useClient(() => createClient({ url: '/ws', storage: localOutbox() }))
  return <RoomView client={client} />
}

export interface RoomViewProps {
  readonly client: Client
  readonly id?: string
  readonly initial?: Snapshot
}

/** A chat whose client is made elsewhere, such as at module scope. */
export function RoomView({ client, id = 'rendered', initial }: RoomViewProps) {
  const { useRoom, useTimeline, useMembers, useStatus } = createHooks(client)
  const room = useRoom(id, initial ? { initial } : { history: 10 })
  const status = useStatus()
  const joined = useStatus(room)
  return (
    <main>
      <p id="user">{useObservable(client.user) ?? 'nobody'}</p>
      <p id="status" title={status.reason}>
        {status.state}
      </p>
      <p id="room" title={joined.reason}>
        {joined.state}
      </p>
      <p id="members">{useMembers(room).length}</p>
      <ul>
        {useTimeline(room).map(
          (entry) => entry.kind === 'message' && <li key={entry.key}>{String(entry.message.message)}</li>,
        )}
      </ul>
    </main>
  )
}

/** Shows all that the hooks tell of one room after the other. */
export function Watched({ client, id }: { client: Client; id: string }) {
  const { useRoom, useMembers, useTyping, useStatus, useRoomEvent, useClientEvent } = createHooks(client)
  const [heard, setHeard] = useState<readonly string[]>([])
  const [states, setStates] = useState<readonly string[]>([])
  const room = useRoom(id)
  useRoomEvent(room, 'chat_message', ({ message }) => setHeard([...heard, message]))
  useClientEvent('status', ({ to }) => setStates((before) => [...before, to.state]))
  return (
    <main>
      <p id="room">{useStatus(room).state}</p>
      <p id="members">{useMembers(room).length}</p>
      <p id="typing">{useTyping(room).join()}</p>
      <p id="heard">{heard.join()}</p>
      <p id="states">{states.join()}</p>
    </main>
  )
}

/** How often badges were rendered. */
export const rendered = { times: 0 }

/** Badges of rooms that are not joined, whose list is a new one in each rendering. */
export function Badges({ client, ids, name }: { client: Client; ids: string; name: string }) {
  rendered.times++
  const { useWatch } = createChatHooks(client)
  const heads = useWatch(ids.split(' '))
  return <p id={name}>{[...heads].map(([id, { unread }]) => `${id} ${unread}`).join()}</p>
}

/** The badge of a room that is joined, and a button that marks it as read. */
export function Badge({ client, id }: { client: Client; id: string }) {
  const { useRoom, useStatus } = createHooks(client)
  const { useUnread } = createChatHooks(client)
  const room = useRoom(id)
  const { unread, more, mentions } = useUnread(room)
  return (
    <button type="button" onClick={() => chat(room).markRead()}>
      {useStatus(room).state} {unread}
      {more && '+'} {mentions}
    </button>
  )
}
