import { defineProtocol } from '@roomful/protocol'
import { createServer, memory } from '@roomful/server'
import { expect, it } from 'vitest'
import * as z from 'zod/mini'

it('an application may publish before it listens', async () => {
  const server = createServer({
    backplane: memory(),
    protocol: defineProtocol({ server: { news: z.object({ text: z.string() }) } }),
  })
  expect(await server.room('general').publish({ type: 'news', text: 'soon open' })).toMatchObject({
    offset: 1,
  })
  await server.close()
})
