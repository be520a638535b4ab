/** @jsxImportSource solid-js */
import { createSignal, For, onCleanup, onMount } from 'solid-js'
import { client } from './client.js'
import { fromObservable } from './from-observable.js'

export function Chat(props: { id: string }) {
  const room = client.room(props.id)
  const status = fromObservable(client.status)
  const me = fromObservable(client.user)
  const entries = fromObservable(room.timeline)
  const members = fromObservable(room.members)
  const typing = fromObservable(room.typing)
  const [text, setText] = createSignal('')

  onMount(() => room.join({ history: 50 }))
  onCleanup(() => room.leave({ whenSent: true }))

  function send(event: SubmitEvent) {
    event.preventDefault()
    if (text().trim()) room.send(text())
    setText('')
  }

  function type(value: string) {
    setText(value)
    room.typing.keystroke()
  }

  return (
    <>
      <p role="status">
        {status().reason}, {members().length} here
      </p>
      <ol role="log" aria-label="Messages">
        <For each={entries()}>
          {(entry) =>
            entry.kind === 'break' ? (
              <li>Some messages are missing here</li>
            ) : (
              <li class={entry.state}>
                <b>{entry.message.user_id ?? me()}</b> {entry.message.message}{' '}
                {entry.state === 'failed' && (
                  <>
                    ({entry.error.message}){' '}
                    <button type="button" onClick={entry.retry}>
                      Try again
                    </button>
                  </>
                )}
              </li>
            )
          }
        </For>
      </ol>
      <p class="typing">
        {typing()
          .map((user) => `${user} is typing`)
          .join(', ')}
      </p>
      <form onSubmit={send}>
        <input
          aria-label="Message"
          autocomplete="off"
          maxlength="1000"
          value={text()}
          onInput={({ target }) => type(target.value)}
        />
        <button type="submit">Send</button>
      </form>
    </>
  )
}
