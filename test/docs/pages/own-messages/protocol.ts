import { defineProtocol, request, volatile } from '@roomful/protocol/define'
import * as z from 'zod/mini'

const price = z.number().check(z.positive())

export const protocol = defineProtocol({
  client: {
    bid: request(z.object({ price }), z.object({ leads: z.boolean() })), // has a reply
    point: z.object({ x: z.number(), y: z.number() }), // has none
  },
  server: {
    outbid: z.object({ price, by: z.string() }), // logged: in the history, and again after a reconnect
    pointed: volatile(z.object({ x: z.number(), y: z.number(), by: z.string() })), // for who is there now
  },
})
