import { defineProtocol, volatile } from '@roomful/protocol'
import { createTestServer, type TestServer } from '@roomful/server/testing'
import { expect, it } from 'vitest'
import * as z from 'zod/mini'

const protocol = defineProtocol({
  client: { go: z.object({}) },
  server: { score: volatile(z.object({ n: z.number() })) },
})

function goneTo(client: {
  readonly frames: readonly { readonly type?: unknown; readonly room_id?: unknown }[]
}) {
  return client.frames.filter(({ type }) => type === 'score').map(({ room_id }) => room_id)
}

it('[A8] a broadcast to two rooms reaches, by the one, a member who joins the other before it goes out', async () => {
  const broadcast = () => server.server.rooms(['one', 'two']).broadcast({ type: 'score', n: 1 })
  let joins = 0
  const server: TestServer<typeof protocol> = await createTestServer({
    protocol,
    on: {
      join: () => {
        if (++joins === 3) broadcast()
      },
    },
  })
  const [bob, eve] = [await server.connect(), await server.connect()]
  await bob.join('two')
  await eve.join('one')
  await server.clock.advance(1_000)
  bob.send({ type: 'join', room_id: 'one' })
  await server.clock.advance(1_000)
  expect({ bob: goneTo(bob), eve: goneTo(eve) }).toEqual({ bob: ['two'], eve: ['one'] })
})

it('[A8] a broadcast to two rooms reaches once a member of both who leaves one of them before it goes out', async () => {
  const server: TestServer<typeof protocol> = await createTestServer({
    protocol,
    handle: { go: () => server.server.rooms(['one', 'two']).broadcast({ type: 'score', n: 1 }) },
  })
  const bob = await server.connect()
  await bob.join('two')
  await bob.join('one')
  await server.clock.advance(1_000)
  bob.send({ type: 'go' })
  bob.send({ type: 'join', room_id: 'one' })
  bob.send({ type: 'leave', room_id: 'one' })
  await server.clock.advance(1_000)
  expect(goneTo(bob)).toEqual(['one'])
})
