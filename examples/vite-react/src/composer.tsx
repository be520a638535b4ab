import type { ChangeEvent, FormEvent, KeyboardEvent } from 'react'
import type { ChatRoom } from './roomful.js'

/** Elsewhere, the focus would open a keyboard on the screen. */
const hasMouse = matchMedia('(hover: hover)').matches

export function Composer({ room, onSend }: { room: ChatRoom; onSend: () => void }) {
  function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const text = String(new FormData(event.currentTarget).get('text')).trim()
    if (!text) return
    // The timeline shows the message, and what became of it.
    room.send(text)
    event.currentTarget.reset()
    onSend()
  }

  function type({ target }: ChangeEvent<HTMLTextAreaElement>) {
    if (target.value) room.typing.keystroke()
    else room.typing.stop()
  }

  /** Enter sends, except where it ends the input of a Chinese or Japanese word; Shift+Enter begins a line. */
  function press(event: KeyboardEvent<HTMLTextAreaElement>) {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
    event.preventDefault()
    event.currentTarget.form?.requestSubmit()
  }

  return (
    <form className="composer" onSubmit={send}>
      <textarea
        name="text"
        rows={1}
        maxLength={1000}
        aria-label="Message"
        placeholder={`Write to ${room.id}`}
        enterKeyHint="send"
        // biome-ignore lint/a11y/noAutofocus: who opens a room wants to write there
        autoFocus={hasMouse}
        onChange={type}
        onBlur={() => room.typing.stop()}
        onKeyDown={press}
      />
      <button type="submit" aria-label="Send">
        ↑
      </button>
    </form>
  )
}
