'use client'

import type { FormEvent } from 'react'
import { useRoom, useStatus, useTimeline, useTyping } from './hooks'

export function Chat() {
  const room = useRoom('general', { history: 50 })
  const entries = useTimeline(room)
  const typing = useTyping(room)
  const { reason } = useStatus()

  function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    room.send(String(new FormData(event.currentTarget).get('text')))
    event.currentTarget.reset()
  }

  return (
    <form onSubmit={send}>
      <p role="status">{reason}</p>
      {entries.map((entry) => (
        <p key={entry.key}>
          {entry.kind === 'message' ? `${entry.message.message} (${entry.state})` : entry.reason}
          {entry.kind === 'message' && entry.state === 'failed' && `: ${entry.error.message}`}
        </p>
      ))}
      <p>{typing.length > 0 && `Typing: ${typing.join(', ')}`}</p>
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
