import { StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { chat } from '../../src/chat.js'
import { type Client, createClient, localOutbox } from '../../src/index.js'
import { createHooks, useClient } from '../../src/react.js'

function Chat() {
  const client = useClient(() => createClient({ url: '/ws', session: 'memory' }))
  const { useStatus } = createHooks(client)
  const [isOpen, setOpen] = useState(true)
  return (
    <>
      <output>{useStatus().state}</output>
      <button type="button" onClick={() => setOpen(!isOpen)}>
        toggle
      </button>
      {isOpen && <RoomView client={client} />}
    </>
  )
}

function RoomView({ client }: { client: Client }) {
  const { useRoom, useTimeline, useRoomEvent, useStatus } = createHooks(client)
  const room = useRoom('react')
  const timeline = useTimeline(room)
  const [heard, setHeard] = useState(0)
  useRoomEvent(room, 'chat_message', () => setHeard(heard + 1))
  return (
    <>
      <p>{useStatus(room).state}</p>
      <b>{heard}</b>
      <ul>
        {timeline.map((entry) => entry.kind === 'message' && <li key={entry.key}>{String(entry.state)}</li>)}
      </ul>
    </>
  )
}

// What the test drives from outside.
Object.assign(window, {
  chat,
  createClient,
  localOutbox,
  startReact: () =>
    createRoot(document.body).render(
      <StrictMode>
        <Chat />
      </StrictMode>,
    ),
})
