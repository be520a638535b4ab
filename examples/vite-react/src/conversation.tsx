import { useRef, useState } from 'react'
import { Composer } from './composer.js'
import { Earlier } from './earlier.js'
import { Line } from './line.js'
import { Avatar } from './person.js'
import { type ChatRoom, PAGE, useMembers, useRoom, useRoomEvent, useTimeline, useTyping } from './roomful.js'

export function Conversation({ id, about, me }: { id: string; about: string; me: string }) {
  const room = useRoom(id, { history: PAGE })
  const entries = useTimeline(room)
  const log = useRef<HTMLDivElement>(null)
  // Older pages adjoin what follows the last break.
  const start = entries.findLastIndex(({ kind }) => kind === 'break') + 1
  const offsets = entries
    .slice(start)
    .map((entry) => (entry.kind === 'message' ? entry.message.offset : undefined))
  const oldest = offsets.find((offset) => offset !== undefined)
  const lines = entries.map((entry, index) => (
    <Line key={entry.key} entry={entry} before={entries[index - 1]} me={me} />
  ))

  return (
    <main className="conversation">
      <header>
        <a href="#rooms" className="back" aria-label="All rooms">
          ‹
        </a>
        <h2>
          {id} <small>{about}</small>
        </h2>
        <button type="button" onClick={() => room.emit('wave', {})}>
          Wave
        </button>
        <button type="button" className="who" popoverTarget="members">
          Members
        </button>
      </header>
      <Members room={room} me={me} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys scroll what has the focus */}
      <div className="log" role="log" aria-label="Messages" tabIndex={0} ref={log}>
        <ol>
          {lines.slice(0, start)}
          {oldest && <Earlier key={entries[start - 1]?.key} room={room} before={oldest} />}
          {lines.slice(start)}
        </ol>
      </div>
      <Happening room={room} />
      <Composer room={room} onSend={() => log.current?.scrollTo(0, 0)} />
    </main>
  )
}

/** Stands beside the conversation, or on a narrow screen behind the button in its header. */
function Members({ room, me }: { room: ChatRoom; me: string }) {
  const members = useMembers(room)
  return (
    <aside id="members" className="members" aria-label="Members" popover="auto">
      <h3>{members.length} here</h3>
      <ul>
        {members.map(({ user_id }) => (
          <li key={user_id}>
            <Avatar name={user_id} />
            <span className="name">{user_id}</span>
            {user_id === me && '(you)'}
          </li>
        ))}
      </ul>
    </aside>
  )
}

const and = new Intl.ListFormat('en')

/** Who is typing, and who waves. */
function Happening({ room }: { room: ChatRoom }) {
  const typing = useTyping(room)
  const [waves, setWaves] = useState<readonly string[]>([])
  useRoomEvent(room, 'waved', ({ by }) => setWaves((waves) => [...waves, by]))
  return (
    <p className="happening" aria-live="polite">
      {typing.length > 0 && `${and.format(typing)} ${typing.length > 1 ? 'are' : 'is'} typing…`}
      <span key={waves.length} className="wave">
        {waves.length > 0 && `${waves.at(-1)} waves 👋`}
      </span>
    </p>
  )
}
