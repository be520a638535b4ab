import { defineProtocol } from '@roomful/protocol/define'
import { createRest } from '@roomful/server/rest'
import * as z from 'zod/mini'

const protocol = defineProtocol({ server: { paid: z.object({ invoice: z.number() }) } })
const url = process.env.API_URL ?? 'http://localhost:3000/api'
const rest = createRest({ url, key: process.env.API_KEY, protocol })

const orders = rest.room('orders')
const { offset, duplicate } = await orders.publish({ type: 'paid', invoice: 17 }, { key: 'invoice 17' })
console.log(offset, duplicate)

const { messages } = await orders.history({ limit: 10 })
for (const message of messages) if (message.type === 'paid') console.log(message.invoice)

const sent = await orders.chat.send('Invoice 17 is payed', { as: 'ana' })
await orders.chat.edit(sent, 'Invoice 17 is paid', { as: 'ana' })
await orders.chat.delete(sent)
