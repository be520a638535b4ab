'use client'

import { chat } from '@roomful/client/chat'
import { useObservable } from '@roomful/client/react'
import { client, useRoom, useTimeline } from './hooks'

export function Messages() {
  const room = useRoom('general', { history: 50 })
  const messages = chat(room)
  const user = useObservable(client.user)

  return useTimeline(room).map((entry) => {
    if (entry.kind === 'break') return <hr key={entry.key} title={entry.reason} />
    const { message, edited_at, deleted, user_id } = entry.message
    const canChange = user_id === user && !deleted && (entry.state === 'sent' || entry.state === 'pending')
    return (
      <p key={entry.key}>
        {deleted ? <i>Deleted</i> : message}
        {edited_at && ' (edited)'}
        {entry.amendment === 'pending' && ' …'}
        {entry.amendment === 'failed' && ` Not changed: ${entry.error.message}`}
        {canChange && (
          <>
            <button type="button" onClick={() => messages.edit(entry.message, `${message}!`)}>
              Louder
            </button>
            <button type="button" onClick={() => messages.delete(entry.message)}>
              Delete
            </button>
          </>
        )}
      </p>
    )
  })
}
