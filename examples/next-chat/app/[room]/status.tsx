import { type Room, useStatus } from '../client'

/** Says whether what is written arrives. */
export function Status({ room }: { room: Room }) {
  const connection = useStatus()
  const { state, reason } = useStatus(room)
  const isOnline = connection.state === 'online'
  return (
    <p role="status" className="status" data-state={isOnline ? state : connection.state}>
      {isOnline ? (state === 'live' ? 'Live' : reason) : connection.reason}
      {connection.state === 'failed' && (
        <button type="button" onClick={() => location.reload()}>
          Log in again
        </button>
      )}
    </p>
  )
}
