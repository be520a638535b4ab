import { defineHooks, refuse } from '@roomful/server'

export const audit = defineHooks({
  join: ({ user, room }) => console.log(`${user.id} joins ${room.id}`),
  leave: ({ user, room }) => console.log(`${user.id} leaves ${room.id}`),
})

export const seats = (most: number) =>
  defineHooks({
    async join({ room, user }) {
      const { count, members = [] } = await room.info()
      // Who comes back after a broken connection has kept the seat.
      const isSeated = members.some(({ userId }) => userId === user.id)
      if (count >= most && !isSeated) throw refuse('room_full', `${most} people are in this room already`)
    },
  })
