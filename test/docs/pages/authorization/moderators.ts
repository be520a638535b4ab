import type { Room } from '@roomful/client'
import { defineProtocol, request } from '@roomful/protocol/define'
import { createServer, memory } from '@roomful/server'
import * as z from 'zod/mini'

/** In a file of its own, which the page and the server import. */
export const protocol = defineProtocol({
  client: { remove: request(z.object({ user: z.string(), minutes: z.number() }), z.object({})) },
})

/** In the page, for the button. It rejects with `forbidden` if this user is no moderator. */
export const remove = (room: Room<typeof protocol>, user: string) =>
  room.request('remove', { user, minutes: 10 })

export const serverOf = (moderators: ReadonlySet<string>) =>
  createServer({
    protocol,
    backplane: memory(),
    authenticate: ({ token }) => (token ? { userId: token } : null), // for trying it out
    authorize: ({ user, action }) =>
      (action !== 'remove' && action !== 'moderate') || moderators.has(user.id),
    handle: {
      async remove({ room }, { user, minutes }) {
        await room.ban(user, { forMs: minutes * 60_000 })
        return {}
      },
    },
  })
