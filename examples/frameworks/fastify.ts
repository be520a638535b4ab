import { bearer, createServer } from '@roomful/server'
import fastify from 'fastify'

export function withFastify() {
  const app = fastify()
  const roomful = createServer()
  roomful.attach(app.server, { path: '/ws' })
  // Before Fastify waits until its connections end: a WebSocket does not end by itself.
  app.addHook('preClose', () => roomful.close())
  const api = roomful.http({ authenticate: bearer(process.env.API_KEY) })
  app.register(async (scope) => {
    // Leaves the body to the API.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _body, done) => done(null))
    scope.all('/api/*', (request, reply) => {
      reply.hijack()
      api.node(request.raw, reply.raw)
    })
  })
  app.get('/rooms/:id', ({ params }) => roomful.room((params as { id: string }).id).info())
  return { app, roomful }
}
