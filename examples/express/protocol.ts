import { defineProtocol, volatile } from '@roomful/protocol/define'
import * as z from 'zod/mini'

const text = z.string().check(z.minLength(1), z.maxLength(500))

export const protocol = defineProtocol({
  server: {
    /** Stands in the room's log: whoever joins later can read it, too. */
    announced: z.object({ text }),
    /** For those who are there now. */
    alerted: volatile(z.object({ text })),
  },
})
