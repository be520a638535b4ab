import { defineProtocol, volatile } from '@roomful/protocol/define'
import * as z from 'zod/mini'

/** What the demo page and the nodes say to each other besides chat. */
export const protocol = defineProtocol({
  chat: z.object({ name: z.optional(z.string().check(z.maxLength(40))) }),
  client: { kill_node: z.object({}) },
  server: { served_by: volatile(z.object({ node: z.string(), killable: z.boolean() })) },
})
