import type { FormEvent } from 'react'
import { NAME } from '../protocol.js'

export function LogIn({ onLogIn }: { onLogIn: (name: string) => void }) {
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    location.hash ||= 'general'
    onLogIn(String(new FormData(event.currentTarget).get('name')).trim())
  }

  return (
    <main className="log-in">
      <h1>Rooms</h1>
      <form onSubmit={submit}>
        <label htmlFor="name">What shall we call you?</label>
        <input
          id="name"
          name="name"
          pattern={NAME}
          title="Letters, digits and spaces"
          maxLength={24}
          required
        />
        <button type="submit">Come in</button>
      </form>
    </main>
  )
}
