import { createClient, localOutbox } from '@roomful/client'
import { defineProtocol, request, volatile } from '@roomful/protocol/define'
import * as z from 'zod/mini'

const square = z.string().check(z.length(2))
const move = z.object({ from: square, to: square })
const protocol = defineProtocol({
  client: { move: request(move, z.object({ legal: z.boolean() })) },
  server: { moved: move, hovered: volatile(z.object({ square })) },
})

const client = createClient({ url: `ws://${location.host}/ws`, protocol, storage: localOutbox() })
const game = client.room('game')
game.on('moved', ({ from, to }) => document.body.append(`${from}–${to}\n`))
await game.join()
await game.request('move', { from: 'e2', to: 'e4' })
