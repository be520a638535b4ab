import { createClient } from '@roomful/client'
import { useClient, useObservable, useRoom, useStatus } from '@roomful/client/react'
import { type FormEvent, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { protocol } from './protocol.js'

function Chat() {
  const client = useClient(() => createClient({ url: '/ws', protocol }))
  const room = useRoom(client, 'general', { history: 50 })
  const entries = useObservable(room.timeline)
  const status = useStatus(client)
  const [wave, setWave] = useState('')
  useEffect(() => room.on('waved', ({ by, emoji }) => setWave(`${by} ${emoji}`)), [room])

  function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    room.send(String(new FormData(event.currentTarget).get('text')))
    event.currentTarget.reset()
  }

  return (
    <>
      <p role="status">{status.reason}</p>
      <ol role="log" aria-label="Messages">
        {entries.map((entry) => (
          <li key={entry.key}>
            {entry.kind === 'message' ? `${entry.message.message} (${entry.state})` : entry.reason}
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
