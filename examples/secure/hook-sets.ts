import { defineHooks, refuse } from '@roomful/server'

/** Writes down who came into which room and who left it. It needs nothing of a server, so that any of yours can take it. */
export const audit = (tell: (line: string) => void) =>
  defineHooks({
    join: ({ user, room }) => tell(`${user.id} joins ${room.id}`),
    leave: ({ user, room }) => tell(`${user.id} leaves ${room.id}`),
  })

/** Lets so many people into each room. Who comes back after a broken connection has kept the seat. */
export const seats = (most: number) =>
  defineHooks({
    async join({ room, user }) {
      const { count, members = [] } = await room.info()
      const isSeated = members.some(({ userId }) => userId === user.id)
      if (count >= most && !isSeated) throw refuse('room_full', `${most} people are in this room already`)
    },
  })
