import { decodeClientMessage, defineProtocol, request, volatile } from '@roomful/protocol'
import * as z from 'zod/mini'

const square = z.string().check(z.regex(/^[a-h][1-8]$/))

export const protocol = defineProtocol({
  client: { move: request(z.object({ from: square, to: square }), z.object({ legal: z.boolean() })) },
  server: {
    move_made: z.object({ from: square, to: square, player: z.string() }), // logged, resumed after a reconnect
    cursor_moved: volatile(z.object({ x: z.number(), y: z.number() })), // for those who are there now
  },
  chat: z.object({ reply_to: z.optional(z.string()) }), // the type of `data` in chat messages
})

const result = decodeClientMessage('{"type":"move","ref":"1","from":"e2","to":"z9"}', { protocol })
if (!result.ok) console.log(result.code, result.issues[0]?.path) // invalid_message to
