import { createServer as createHttpServer } from 'node:http'
import { bearer, createServer } from '@roomful/server'
import Koa from 'koa'

export function withKoa() {
  const app = new Koa()
  const roomful = createServer()
  const api = roomful.http({ authenticate: bearer(process.env.API_KEY) })
  // Before body parsers, which would read the body first.
  app.use(async (context, next) => {
    if (!context.path.startsWith('/api/')) return next()
    context.respond = false
    api.node(context.req, context.res)
  })
  app.use(async (context) => {
    const [, id] = /^\/rooms\/([^/]+)$/.exec(context.path) ?? []
    if (id) context.body = await roomful.room(decodeURIComponent(id)).info()
  })
  // Last: Koa's callback has only the middleware that was added before it.
  const http = createHttpServer(app.callback())
  roomful.attach(http, { path: '/ws' })
  return { http, roomful }
}
