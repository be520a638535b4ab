import { createServer } from '@roomful/server'
import fastify from 'fastify'

export function withFastify() {
  const app = fastify()
  const roomful = createServer()
  roomful.attach(app.server, { path: '/ws' })
  // Before Fastify waits until its connections end: a WebSocket does not end by itself.
  app.addHook('preClose', () => roomful.close())
  app.get('/rooms/:id', ({ params }) => roomful.room((params as { id: string }).id).info())
  return { app, roomful }
}
