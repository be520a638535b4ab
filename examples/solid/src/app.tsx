/** @jsxImportSource solid-js */
import { createSignal, Show } from 'solid-js'
import { Chat } from './chat.js'

export function App() {
  const [isHere, setHere] = createSignal(true)
  return (
    <>
      <header>
        <h1>general</h1>
        <button type="button" onClick={() => setHere(!isHere())}>
          {isHere() ? 'Leave' : 'Join'}
        </button>
      </header>
      <Show when={isHere()}>
        <Chat id="general" />
      </Show>
    </>
  )
}
