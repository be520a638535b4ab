import { StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { type Client, createClient, localOutbox } from '../../src/index.js'
import { useClient, useObservable, useRoom, useRoomEvent, useStatus } from '../../src/react.js'

function Chat() {
  const client = useClient(() => createClient({ url: '/ws', session: 'memory' }))
  const [isOpen, setOpen] = useState(true)
  return (
    <>
      <output>{useStatus(client).state}</output>
      <button type="button" onClick={() => setOpen(!isOpen)}>
        toggle
      </button>
      {isOpen && <RoomView client={client} />}
    </>
  )
}

function RoomView({ client }: { client: Client }) {
  const room = useRoom(client, 'react')
  const timeline = useObservable(room.timeline)
  const [heard, setHeard] = useState(0)
  useRoomEvent(room, 'chat_message', () => setHeard(heard + 1))
  return (
    <>
      <p>{useObservable(room.status).state}</p>
      <b>{heard}</b>
      <ul>
        {timeline.map((entry) => entry.kind === 'message' && <li key={entry.key}>{String(entry.state)}</li>)}
      </ul>
    </>
  )
}

// What the test drives from outside.
Object.assign(window, {
  createClient,
  localOutbox,
  startReact: () =>
    createRoot(document.body).render(
      <StrictMode>
        <Chat />
      </StrictMode>,
    ),
})
