import { defineProtocol } from '@roomful/protocol/define'
import * as z from 'zod/mini'

const file = z.object({
  url: z.string().check(z.regex(/^\/files\/[\w-]+$/)), // a path of your own server: nobody can link elsewhere
  name: z.string().check(z.maxLength(200)),
  bytes: z.number(),
})

/** The type of `data` in chat messages. */
export const protocol = defineProtocol({ chat: z.object({ file: z.optional(file) }) })
