import { Activity, StrictMode } from 'react'
import { createRoot, hydrateRoot, type Root } from 'react-dom/client'
import { createClient } from '../../src/index.js'
import { Chat, RoomView, Watched } from './chat-view.js'

declare global {
  interface Window {
    /** What React found that did not match, and mended. */
    mismatches: string[]
    hydrate(): void
    hydrateConnected(): Promise<void>
    show(what: 'chat' | 'hidden chat' | 'client A' | 'client B' | 'room A' | 'room B' | 'nothing'): void
  }
}

const container = () => document.querySelector('#root') as HTMLElement
let root: Root | undefined
let hasStarted = false

// What the test drives from outside.
window.mismatches = []
const onRecoverableError = (error: unknown) => void window.mismatches.push(String(error))

window.hydrate = () => {
  const tree = (
    <StrictMode>
      <Chat />
    </StrictMode>
  )
  root = hydrateRoot(container(), tree, { onRecoverableError })
}

/** As a boundary that hydrates late, when the client has long been connected. */
window.hydrateConnected = async () => {
  const client = createClient({ url: '/ws' })
  const room = client.room('rendered')
  await room.join({ history: 10 })
  await room.send('before it was hydrated')
  root = hydrateRoot(container(), <RoomView client={client} />, { onRecoverableError })
}

const clients = {
  'client A': createClient({ url: '/ws', session: 'memory' }),
  'client B': createClient({ url: '/ws', session: 'memory' }),
}

window.show = (what) => {
  if (!hasStarted) container().textContent = ''
  hasStarted = true
  root ??= createRoot(container())
  root.render(
    <StrictMode>
      {(what === 'chat' || what === 'hidden chat') && (
        <Activity mode={what === 'chat' ? 'visible' : 'hidden'}>
          <Chat />
        </Activity>
      )}
      {(what === 'client A' || what === 'client B') && <RoomView client={clients[what]} />}
      {(what === 'room A' || what === 'room B') && (
        <Watched client={clients['client A']} id={what.replace(' ', '-')} />
      )}
    </StrictMode>,
  )
}
