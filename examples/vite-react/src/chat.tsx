import type { ConnectionStatus } from '@roomful/client'
import { useSyncExternalStore } from 'react'
import { ROOMS } from '../protocol.js'
import { Conversation } from './conversation.js'
import { Avatar } from './person.js'
import { RoomLink } from './room-link.js'
import { useStatus } from './roomful.js'

export function Chat({ me, onLogOut }: { me: string; onLogOut: () => void }) {
  const hash = useHash()
  const open = ROOMS.find(({ id }) => `#${id}` === hash)

  return (
    <div className={open ? 'chat reading' : 'chat'}>
      <Connection />
      <nav className="rooms" aria-label="Rooms">
        <h1>Rooms</h1>
        <ul>
          {ROOMS.map(({ id }) => (
            <RoomLink key={id} id={id} me={me} isOpen={id === open?.id} />
          ))}
        </ul>
        <footer>
          <Avatar name={me} />
          <span className="name">{me}</span>
          <button type="button" onClick={onLogOut}>
            Log out
          </button>
        </footer>
      </nav>
      {open ? (
        <Conversation key={open.id} {...open} me={me} />
      ) : (
        <main className="nothing">Choose a room</main>
      )}
    </div>
  )
}

/** Says what is wrong with the connection, and nothing while all is well. */
function Connection() {
  const status = useStatus()
  return (
    <p className="connection" role="status">
      {textOf(status)}
    </p>
  )
}

function textOf({ state, reason }: ConnectionStatus): string {
  switch (state) {
    case 'online':
    case 'idle':
      return ''
    case 'backoff':
    case 'offline':
      return 'No connection. Trying again…'
    case 'token':
    case 'dialing':
    case 'authenticating':
      return 'Connecting…'
    default:
      return reason
  }
}

/** The open room is in the address, so that links and the back button work. */
function useHash(): string {
  return useSyncExternalStore(onHashChange, () => location.hash)
}

function onHashChange(listener: () => void): () => void {
  addEventListener('hashchange', listener)
  return () => removeEventListener('hashchange', listener)
}
