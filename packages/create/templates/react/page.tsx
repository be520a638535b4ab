import { createClient } from '@roomful/client'
import { createHooks } from '@roomful/client/react'
import { type FormEvent, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { protocol } from './protocol.js'

const { useRoom, useRoomEvent, useStatus, useTimeline } = createHooks(createClient({ url: '/ws', protocol }))

function Chat() {
  const room = useRoom('general', { history: 50 })
  const entries = useTimeline(room)
  const status = useStatus()
  const isRefused = status.state === 'failed' && status.error.code === 'invalid_token'
  const [wave, setWave] = useState('')
  useRoomEvent(room, 'waved', ({ by, emoji }) => setWave(`${by} ${emoji}`))

  function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    room.send(String(new FormData(event.currentTarget).get('text')))
    event.currentTarget.reset()
  }

  return (
    <>
      <p role="status">{isRefused ? 'Please log in' : status.reason}</p>
      <ol role="log" aria-label="Messages">
        {entries.map((entry) => (
          <li key={entry.key}>
            {entry.kind === 'message' ? `${entry.message.message} (${entry.state})` : entry.reason}
            {entry.kind === 'message' && entry.state === 'failed' && `: ${entry.error.message}`}
          </li>
        ))}
      </ol>
      <p>{wave}</p>
      <form onSubmit={send}>
        <input name="text" aria-label="Message" placeholder="Write something" maxLength={1000} required />
        <button type="submit">Send</button>
        <button type="button" aria-label="Wave" onClick={() => room.emit('wave', { emoji: '👋' })}>
          👋
        </button>
      </form>
    </>
  )
}

const root = document.getElementById('root')
if (root) createRoot(root).render(<Chat />)
