import { defineProtocol } from '@roomful/protocol'
import { createTestServer } from '@roomful/server/testing'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'

const protocol = defineProtocol({
  client: { vote: z.object({ for: z.string() }) },
  server: { notice: z.object({ text: z.string() }) },
})

describe('close', () => {
  it('[C20] [M1] close sends what was published just before to everyone in the room', async () => {
    const { server, connect, clock } = await createTestServer({ protocol })
    const ana = await connect()
    await ana.join('r')
    await server.room('r').publish({ type: 'notice', text: 'we are closing' })
    const closed = server.close()
    expect(await ana.next('notice')).toMatchObject({ text: 'we are closing', offset: 1 })
    await clock.settle()
    await closed
    expect(ana.closed?.code).toBe(1012)
  })

  it('[C20] close hands over the handler batches that wait, and sends what their handlers make of them', async () => {
    const { server, connect, clock } = await createTestServer({
      protocol,
      handle: {
        vote: {
          handle: async (items) => {
            await items[0]?.context.room.publish({ type: 'notice', text: `${items.length} votes` })
          },
        },
      },
    })
    const ana = await connect()
    await ana.join('r')
    ana.send({ type: 'vote', room_id: 'r', for: 'x' })
    ana.send({ type: 'vote', room_id: 'r', for: 'y' })
    await clock.settle()
    const closed = server.close()
    expect(await ana.next('notice')).toMatchObject({ text: '2 votes' })
    await clock.settle()
    await closed
  })
})
