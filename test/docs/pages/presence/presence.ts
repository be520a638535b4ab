import type { Client } from '@roomful/client'

export interface Shown {
  readonly online: readonly string[]
  readonly count: number
  readonly typing: readonly string[]
}

/** Calls `show` whenever somebody comes, goes, changes their state, or begins or ends to type. */
export function watchPeople(client: Client, roomId: string, show: (people: Shown) => void) {
  const room = client.room(roomId)
  const { members, occupancy, typing } = room
  const update = () =>
    show({
      online: members.get().map(({ user_id, state }) => (state?.away ? `${user_id} (away)` : user_id)),
      count: occupancy.get(),
      typing: typing.get(),
    })
  for (const value of [members, occupancy, typing]) value.subscribe(update)
  return room
}
