import { defineProtocol, volatile } from '@roomful/protocol/define'
import * as z from 'zod/mini'

/** What the page and the server say to each other, beside chat. Both sides check it. */
export const protocol = defineProtocol({
  client: { wave: z.object({ emoji: z.string().check(z.minLength(1), z.maxLength(8)) }) },
  server: { waved: volatile(z.object({ emoji: z.string(), by: z.string() })) },
})
