import { memo } from 'react'
import { toneOf } from './person.js'
import type { Entry } from './roomful.js'

/** A message, or the place where some are missing. `before` is the entry above it. */
export const Line = memo(function Line({ entry, before, me }: LineProps) {
  if (entry.kind === 'break') return <li className="break">Some messages are missing here</li>
  const { message, state } = entry
  const author = message.user_id ?? me
  const goesOn = before?.kind === 'message' && (before.message.user_id ?? me) === author

  return (
    <li className={`line ${state} ${author === me ? 'mine' : ''} ${goesOn ? 'goes-on' : ''}`}>
      <span className="author" data-tone={toneOf(author)}>
        {author}
      </span>
      <div className="bubble">
        <p dir="auto">{message.deleted ? <em>Erased</em> : message.message}</p>
        <span className="when">{state === 'sent' ? timeOf(message.timestamp) : STATES[state]}</span>
      </div>
      {entry.state === 'failed' && (
        <p className="failure">
          <span>{entry.error.message}</span>
          <button type="button" onClick={entry.retry}>
            Try again
          </button>
          <button type="button" onClick={entry.cancel}>
            Discard
          </button>
        </p>
      )}
    </li>
  )
})

interface LineProps {
  readonly entry: Entry
  readonly before: Entry | undefined
  readonly me: string
}

const STATES = { pending: 'sending…', failed: 'not sent', lost: 'lost by the server' }

function timeOf(timestamp: string) {
  const date = new Date(timestamp)
  const isToday = date.toDateString() === new Date().toDateString()
  const text = date.toLocaleString([], { ...(!isToday && { dateStyle: 'short' }), timeStyle: 'short' })
  return <time dateTime={timestamp}>{text}</time>
}
