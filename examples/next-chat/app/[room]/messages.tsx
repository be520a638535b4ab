import { type Room, useStatus, useTimeline } from '../client'
import { toneOf } from './avatar'
import { Die } from './die'
import { Time } from './time'

type Entry = ReturnType<typeof useTimeline>[number]

export function Messages({ room, user }: { room: Room; user: string }) {
  const entries = useTimeline(room)
  const { state } = useStatus(room)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <div className="messages" role="log" aria-label="Messages" tabIndex={0}>
      <ol>
        {entries.length === 0 && state === 'live' && <li className="note">Nobody has said anything yet</li>}
        {entries.map((entry, index) => (
          <Line key={entry.key} entry={entry} before={entries[index - 1]} user={user} />
        ))}
      </ol>
    </div>
  )
}

function Line({ entry, before, user }: { entry: Entry; before: Entry | undefined; user: string }) {
  if (entry.kind === 'break') return <li className="note">{entry.reason}</li>
  const { message } = entry
  if (message.type === 'rolled')
    return (
      <li className="note">
        <Die value={message.value} />
        <span>
          <bdi>{message.by}</bdi> rolled a {message.value}
        </span>
      </li>
    )
  const author = authorOf(entry, user)
  return (
    <li
      className="message"
      data-tone={toneOf(author)}
      data-own={author === user}
      data-first={author !== authorOf(before, user)}
      data-state={entry.state}
    >
      <bdi className="author">{author}</bdi>
      <p className="bubble">
        <bdi>{message.message}</bdi> <Time at={message.timestamp} />
      </p>
      {entry.state === 'failed' && (
        <p className="failure">
          Not sent: {entry.error.message}
          <button type="button" onClick={() => entry.retry()}>
            Try again
          </button>
          <button type="button" onClick={() => entry.cancel()}>
            Discard
          </button>
        </p>
      )}
    </li>
  )
}

/** Who wrote an entry; nobody did if it is no chat. */
function authorOf(entry: Entry | undefined, user: string): string {
  const isChat = entry?.kind === 'message' && entry.message.type === 'chat_message'
  return isChat ? (entry.message.user_id ?? user) : ''
}
