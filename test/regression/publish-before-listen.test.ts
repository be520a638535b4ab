import { defineProtocol } from '@roomful/protocol'
import { createServer } from '@roomful/server'
import { expect, it } from 'vitest'
import * as z from 'zod/mini'

it('an application may publish before it listens', async () => {
  const server = createServer({
    protocol: defineProtocol({ server: { news: z.object({ text: z.string() }) } }),
  })
  expect(await server.room('general').publish({ type: 'news', text: 'soon open' })).toMatchObject({
    offset: 1,
  })
  await server.close()
})
