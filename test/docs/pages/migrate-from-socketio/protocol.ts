import { defineProtocol, request, volatile } from '@roomful/protocol/define'
import * as z from 'zod/mini'

export const protocol = defineProtocol({
  client: { vote: request(z.object({ option: z.string() }), z.object({ count: z.number() })) },
  server: { voted: volatile(z.object({ option: z.string(), count: z.number() })) },
})
