import { defineHooks, refuse } from '@roomful/server'

/** `mostIn` says how many people may be in a room. */
export const seats = (mostIn: (roomId: string) => number) =>
  defineHooks({
    async join({ room, user }) {
      const most = mostIn(room.id)
      const { count, members = [] } = await room.info()
      // Who comes back after a broken connection has kept the seat.
      const isSeated = members.some(({ userId }) => userId === user.id)
      if (count >= most && !isSeated) throw refuse('room_full', `${most} people are in this room already`)
    },
  })
