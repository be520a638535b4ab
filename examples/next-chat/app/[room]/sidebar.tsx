import Link from 'next/link'
import { rooms } from '@/protocol'
import { logOut } from '../actions'
import { client, type Room, useMembers } from '../client'
import { Logo } from '../logo'
import { Avatar } from './avatar'

/** The rooms, who is here, and the way out. */
export function Sidebar({ room, user }: { room: Room; user: string }) {
  const others = useMembers(room).filter(({ user_id }) => user_id !== user)
  return (
    <aside>
      <Logo />
      <nav aria-label="Rooms">
        {rooms.map((id) => (
          <Link key={id} href={`/${id}`} aria-current={id === room.id ? 'page' : undefined}>
            <span aria-hidden="true"># </span>
            {id}
          </Link>
        ))}
      </nav>
      <section className="people" aria-labelledby="people">
        <h2 id="people">In this room</h2>
        <ul>
          <li>
            <Avatar name={user} />
            <bdi>{user}</bdi>
            <span>you</span>
          </li>
          {others.map(({ user_id }) => (
            <li key={user_id}>
              <Avatar name={user_id} />
              <bdi>{user_id}</bdi>
            </li>
          ))}
        </ul>
      </section>
      <form action={logOut} onSubmit={() => client.forget()}>
        <button type="submit">Log out</button>
      </form>
    </aside>
  )
}
