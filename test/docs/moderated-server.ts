import { defineProtocol, request } from '@roomful/protocol'
import { createServer, refuse, type ServerOptions } from '@roomful/server'
import * as z from 'zod/mini'

const held = z.object({ room: z.string(), user: z.string(), key: z.string(), text: z.string() })

export const protocol = defineProtocol({
  client: { approve: request(held, z.object({})) },
  server: { held },
})

interface Rules {
  /** Rooms where only the staff writes. */
  readonly readOnly: ReadonlySet<string>
  /** Rooms where each user writes one message in this many ms. */
  readonly slow: ReadonlyMap<string, number>
  /** Rooms where the staff sees a message first. */
  readonly reviewed: ReadonlySet<string>
}

export function moderatedServer(
  { readOnly, slow, reviewed }: Rules,
  options: ServerOptions<typeof protocol, { readonly isStaff: boolean }>,
) {
  const next = new Map<string, number>()
  setInterval(() => {
    for (const [who, at] of next) if (at < Date.now()) next.delete(who)
  }, 60_000).unref()

  function assertNotTooFast(room: string, user: string) {
    const who = `${room} ${user}`
    const now = Date.now()
    const waitMs = (next.get(who) ?? 0) - now
    if (waitMs > 0) throw refuse('slow_mode', 'Slow mode is on', { retryAfterMs: waitMs })
    next.set(who, now + (slow.get(room) ?? 0))
  }

  const server = createServer({
    ...options,
    protocol,
    authorize({ user: { data }, action, roomId }) {
      const isForStaff = action === 'moderate' || action === 'approve' || roomId === 'staff'
      return data.isStaff || !(isForStaff || (action === 'chat_message' && readOnly.has(roomId)))
    },
    handle: {
      async chat_message({ room, user, edit }, chat) {
        if (user.data.isStaff) return chat
        if (slow.has(room.id) && !edit) assertNotTooFast(room.id, user.id)
        if (!reviewed.has(room.id)) return chat
        if (edit || !chat.clientId) throw refuse('not_here', 'Messages of this room cannot be edited')
        const key = `${room.id} ${user.id} ${chat.clientId}`
        const one = { room: room.id, user: user.id, key, text: chat.message }
        await server.room('staff').publish({ type: 'held', ...one }, { key })
        throw refuse('held', 'The staff looks at your message first')
      },
      async approve(_, { room, user, key, text }) {
        await server.room(room).chat.send(text, { as: user, key })
        return {}
      },
    },
  })
  return server
}
