import type { Client } from '@roomful/client'
import type { protocol } from './protocol.js'

export async function takePart(client: Client<typeof protocol>, show: (line: string) => void) {
  const room = client.room('auction')
  room.on('outbid', ({ price, by }) => show(`${by} bids ${price}`))
  room.on('pointed', ({ x, y, by }) => show(`${by} points at ${x}, ${y}`))
  const { messages } = await room.join({ history: 20 })
  for (const message of messages) if (message.type === 'outbid') show(`${message.by} bid ${message.price}`)

  const { leads } = await room.request('bid', { price: 120 })
  show(leads ? 'You lead' : 'Too little')
  room.emit('point', { x: 1, y: 2 })
}
