import { type Client, createClient, localOutbox } from '../../src/index.js'
import { useClient, useObservable, useRoom, useStatus } from '../../src/react.js'

/** A chat that makes its client itself, rendered by a server and by a page. */
export function Chat() {
  const client = useClient(() => createClient({ url: '/ws', storage: localOutbox() }))
  return <RoomView client={client} />
}

/** A chat whose client is made elsewhere, such as at module scope. */
export function RoomView({ client }: { client: Client }) {
  const room = useRoom(client, 'rendered', { history: 10 })
  const status = useStatus(client)
  return (
    <main>
      <p id="user">{useObservable(client.user) ?? 'nobody'}</p>
      <p id="status" title={status.reason}>
        {status.state}
      </p>
      <p id="room" title={useObservable(room.status).reason}>
        {useObservable(room.status).state}
      </p>
      <p id="members">{useObservable(room.members).length}</p>
      <ul>
        {useObservable(room.timeline).map(
          (entry) => entry.kind === 'message' && <li key={entry.key}>{String(entry.message.message)}</li>,
        )}
      </ul>
    </main>
  )
}
