import { useActionState } from 'react'
import { roll } from '../actions'
import { type Room, useTyping } from '../client'
import { Die } from './die'

export function Composer({ room }: { room: Room }) {
  const typing = useTyping(room)
  const [problem, rollDie, isRolling] = useActionState(roll, '')

  // An action, because React sends the form later if somebody was faster than the page's JavaScript.
  function send(form: FormData) {
    const text = String(form.get('text')).trim()
    if (text) room.send(text)
  }

  return (
    <footer>
      <p className="hint">
        {typing.length > 0 && `${typing.join(', ')} ${typing.length === 1 ? 'is' : 'are'} typing`}
      </p>
      <p className="problem" role="alert">
        {problem}
      </p>
      <form action={rollDie}>
        <input type="hidden" name="room" value={room.id} />
        <button type="submit" aria-label="Roll a die" title="Roll a die" disabled={isRolling}>
          <Die value={5} />
        </button>
      </form>
      <form action={send}>
        <input
          name="text"
          aria-label="Message"
          placeholder={`Message ${room.id}`}
          autoComplete="off"
          maxLength={1000}
          required
          onChange={() => room.typing.keystroke()}
        />
        <button type="submit" aria-label="Send" title="Send">
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M12 19V5M6 11l6-6 6 6" />
          </svg>
        </button>
      </form>
    </footer>
  )
}
