'use client'

import { createClient } from '@roomful/client'
import { useClient, useObservable, useRoom, useStatus } from '@roomful/client/react'
import type { FormEvent } from 'react'

export function Chat() {
  const client = useClient(() => createClient({ url: '/ws' }))
  const room = useRoom(client, 'general', { history: 50 })
  const entries = useObservable(room.timeline)
  const status = useStatus(client)

  function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    room.send(String(new FormData(event.currentTarget).get('text')))
    event.currentTarget.reset()
  }

  return (
    <form onSubmit={send}>
      <p role="status">{status.reason}</p>
      {entries.map((entry) => (
        <p key={entry.key}>
          {entry.kind === 'message' ? `${entry.message.message} (${entry.state})` : entry.reason}
          {entry.kind === 'message' && entry.state === 'failed' && `: ${entry.error.message}`}
        </p>
      ))}
      <input
        name="text"
        aria-label="Message"
        placeholder="Write something"
        required
        onChange={() => room.typing.keystroke()}
      />
    </form>
  )
}
