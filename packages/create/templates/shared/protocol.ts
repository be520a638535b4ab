import { defineProtocol, volatile } from '@roomful/protocol/define'
import * as z from 'zod/mini'

/** The messages that the page and the server exchange, besides chat. Both sides check them. */
export const protocol = defineProtocol({
  client: { wave: z.object({ emoji: z.string().check(z.minLength(1), z.maxLength(8)) }) },
  server: { waved: volatile(z.object({ emoji: z.string(), by: z.string() })) },
})
