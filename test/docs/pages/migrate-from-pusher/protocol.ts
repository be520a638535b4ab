import { defineProtocol, volatile } from '@roomful/protocol/define'
import * as z from 'zod/mini'

export const protocol = defineProtocol({
  client: { wave: z.object({ emoji: z.string() }) },
  server: { waved: volatile(z.object({ emoji: z.string(), by: z.string() })) },
})
