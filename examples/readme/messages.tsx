'use client'

import { chat } from '@roomful/client/chat'
import { useObservable } from '@roomful/client/react'
import { client, useRoom } from './hooks'

export function Messages() {
  const room = useRoom('general', { history: 50 })
  const c = chat(room)
  const user = useObservable(client.user)

  return useObservable(c.messages).map((entry) => {
    if (entry.kind === 'break') return <hr key={entry.key} title={entry.reason} />
    const { message, edited_at, deleted, user_id, reactions = [] } = entry.message
    const canChange = user_id === user && !deleted && (entry.state === 'sent' || entry.state === 'pending')
    return (
      <p key={entry.key}>
        {deleted ? <i>Deleted</i> : message}
        {edited_at && ' (edited)'}
        {entry.amendment === 'pending' && ' …'}
        {entry.amendment === 'failed' && ` Not changed: ${entry.error.message}`}
        {reactions.map(({ reaction, count, own }) => (
          <button
            key={reaction}
            type="button"
            aria-pressed={own === true}
            onClick={() => (own ? c.unreact(entry.message, reaction) : c.react(entry.message, reaction))}
          >
            {reaction} {count}
          </button>
        ))}
        {!deleted && (
          <button type="button" onClick={() => c.react(entry.message, '👍')}>
            Like
          </button>
        )}
        {canChange && (
          <>
            <button type="button" onClick={() => c.edit(entry.message, `${message}!`)}>
              Louder
            </button>
            <button type="button" onClick={() => c.delete(entry.message)}>
              Delete
            </button>
          </>
        )}
      </p>
    )
  })
}
