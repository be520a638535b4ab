import { defineProtocol, request } from '@roomful/protocol/define'
import { createServer, refuse } from '@roomful/server'
import * as z from 'zod/mini'

export const protocol = defineProtocol({
  client: { roll: request(z.object({ sides: z.number() }), z.object({ rolled: z.number() })) },
})

/** Stands for yours: a table of sessions, or the check of a JWT. */
const sessions = new Map([
  ['token-of-ana', { userId: 'ana', isEditor: true, endsAt: Date.now() + 3_600_000 }],
  ['token-of-bob', { userId: 'bob', isEditor: false, endsAt: Date.now() + 3_600_000 }],
])

export const server = createServer({
  protocol,
  authenticate({ token = '' }) {
    const session = sessions.get(token)
    if (!session) return null
    return { userId: session.userId, expiresAt: session.endsAt, data: { isEditor: session.isEditor } }
  },
  authorize: ({ user, action, roomId }) =>
    action !== 'moderate' &&
    (roomId !== 'editors' || user.data.isEditor || action === 'join' || action === 'history'),
  on: {
    async join({ room }) {
      const { count } = await room.info()
      if (count >= 10) throw refuse('room_full', 'Ten people are in this room already')
    },
  },
  handle: {
    roll: (_, { sides }) => ({ rolled: 1 + Math.floor(Math.random() * sides) }),
  },
})
