import { redirect } from 'next/navigation'
import { LogIn } from './log-in'
import { Logo } from './logo'
import { currentUser } from './session'

/** Whether the form is shown at all depends on the cookie. */
export const instant = false

export default async function Page() {
  if (await currentUser()) redirect('/general')
  return (
    <main className="welcome">
      <Logo />
      <h1>Come in</h1>
      <p>A chat in Next.js: rendered on the server, then live without a gap.</p>
      <LogIn />
    </main>
  )
}
