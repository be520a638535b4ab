import { createServer as createHttpServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { bearer, createServer } from '@roomful/server'
import { Hono } from 'hono'

export function withHono() {
  const app = new Hono()
  const http = createHttpServer(getRequestListener(app.fetch))
  const roomful = createServer()
  roomful.attach(http, { path: '/ws' })
  const api = roomful.http({ authenticate: bearer(process.env.API_KEY) })
  app.all('/api/*', (context) => api.fetch(context.req.raw))
  app.get('/rooms/:id', async (context) => context.json(await roomful.room(context.req.param('id')).info()))
  return { http, roomful }
}
