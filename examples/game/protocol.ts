import { defineProtocol, request, volatile } from '@roomful/protocol/define'
import * as z from 'zod/mini'

const cell = z.int().check(z.gte(0), z.lte(8))
const position = { x: z.number(), y: z.number() }

/** What players and server say to each other: checked by the compiler, and by these schemas on both sides. */
export const protocol = defineProtocol({
  client: {
    create_game: request(z.object({ name: z.string() }), z.object({ created: z.boolean() })),
    move: request(z.object({ cell }), z.object({ legal: z.boolean() })),
    cursor: z.object(position),
  },
  server: {
    move_made: z.object({
      cell,
      mark: z.enum(['x', 'o']),
      player: z.string(),
      result: z.optional(z.enum(['won', 'drawn'])),
    }),
    cursor_moved: volatile(z.object({ ...position, player: z.string() })),
  },
})
