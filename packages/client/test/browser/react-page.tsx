import { Activity, StrictMode } from 'react'
import { createRoot, hydrateRoot, type Root } from 'react-dom/client'
import { createClient, type Snapshot } from '../../src/index.js'
import { Badge, Badges, Chat, RoomView, rendered, Watched } from './chat-view.js'

declare global {
  interface Window {
    /** What React found that did not match, and mended. */
    mismatches: string[]
    hydrate(): void
    hydrateConnected(): Promise<void>
    /** Joins a room before anything is shown. */
    join(id: string): Promise<unknown>
    /** Sends without waiting for the answer. */
    write(id: string, text: string): void
    /** Shows a room from what a server read of it; hydrates what it rendered, too. */
    showRoom(id: string, initial: Snapshot, html?: string): void
    /** The messages that were shown, each time that something changed. */
    seen: string[][]
    /** Shows the badges of rooms twice, and of one that is joined; hydrates what a server rendered. Nothing without ids. */
    showBadges(ids: string, html?: string): void
    showBadge(id: string): void
    /** How often badges were rendered. */
    timesRendered(): number
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

window.seen = []
window.showRoom = (id, initial, html) => {
  container().innerHTML = html ?? ''
  const look = () => {
    window.seen.push([...document.querySelectorAll('li')].map(({ textContent }) => textContent ?? ''))
  }
  look()
  new MutationObserver(look).observe(container(), { subtree: true, childList: true, characterData: true })
  const tree = (
    <StrictMode>
      <RoomView client={clients['client A']} id={id} initial={initial} />
    </StrictMode>
  )
  if (html === undefined) createRoot(container()).render(tree)
  else hydrateRoot(container(), tree, { onRecoverableError })
}

window.join = (id) => clients['client A'].room(id).join({ history: 10 })

window.write = (id, text) => {
  clients['client A'].room(id).send(text)
}

const clients = {
  'client A': createClient({ url: '/ws', session: 'memory' }),
  'client B': createClient({ url: '/ws', session: 'memory' }),
}

window.showBadges = (ids, html) => {
  const client = clients['client A']
  const tree = (
    <StrictMode>
      {ids && <Badges client={client} ids={ids} name="first" />}
      {ids && <Badges client={client} ids={ids} name="second" />}
    </StrictMode>
  )
  if (html === undefined) root?.render(tree)
  else {
    container().innerHTML = html
    root = hydrateRoot(container(), tree, { onRecoverableError })
  }
}
window.showBadge = (id) => {
  createRoot(container()).render(<Badge client={clients['client A']} id={id} />)
}
window.timesRendered = () => rendered.times

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
