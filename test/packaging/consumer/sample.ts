import { createClient } from '@roomful/client'
import { defineProtocol, request, volatile } from '@roomful/protocol/define'
import { createServer } from '@roomful/server'
import * as z from 'zod/mini'

const square = z.object({ x: z.number(), y: z.number() })
const protocol = defineProtocol({
  client: {
    move: request(z.object({ from: square, to: square }), z.object({ legal: z.boolean() })),
    cursor: square,
  },
  server: { moved: z.object({ from: square, to: square }), cursor_moved: volatile(square) },
})

export const server = createServer({
  protocol,
  authenticate: async ({ token }) => (token ? { userId: token } : null),
  authorize: async ({ user, action }) => action !== 'join' || user.id.length > 0,
  handle: {
    move: async (ctx, { from, to }) => {
      await ctx.room.publish({ type: 'moved', from, to })
      return { legal: true }
    },
    cursor: (ctx, { x, y }) => ctx.room.broadcast({ type: 'cursor_moved', x, y }),
  },
})

const client = createClient({ url: 'ws://127.0.0.1:3000/', protocol, token: async () => 'ann' })
const room = client.room('game-1')

export async function play(): Promise<boolean> {
  await room.join()
  room.on('moved', ({ to }) => to.x.toFixed())
  room.on('chat_message', ({ message }) => message.trim())
  // @ts-expect-error a name that the protocol does not have
  room.on('mooved', () => {})
  // @ts-expect-error the body of another message
  room.emit('cursor', { from: { x: 1, y: 1 } })
  room.emit('cursor', { x: 1, y: 2 })
  const { legal } = await room.request('move', { from: { x: 1, y: 1 }, to: { x: 2, y: 2 } })
  return legal
}
