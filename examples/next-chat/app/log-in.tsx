'use client'

import { useActionState } from 'react'
import { logIn } from './actions'

export function LogIn() {
  const [problem, action, isPending] = useActionState(logIn, '')
  return (
    <form action={action}>
      <label htmlFor="name">Your name</label>
      <input
        id="name"
        name="name"
        placeholder="Ada"
        autoComplete="nickname"
        aria-describedby="problem"
        maxLength={24}
        required
      />
      <p id="problem" role="alert">
        {problem}
      </p>
      <button type="submit" disabled={isPending}>
        Log in
      </button>
    </form>
  )
}
