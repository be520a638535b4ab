import { createServer as createHttpServer } from 'node:http'
import { bearer, createServer } from '@roomful/server'
import express from 'express'

export function withExpress() {
  const app = express()
  const http = createHttpServer(app)
  const roomful = createServer()
  roomful.attach(http, { path: '/ws' })
  // Before express.json(), which would read the body first.
  app.use('/api', roomful.http({ authenticate: bearer(process.env.API_KEY) }).node)
  app.use(express.json())
  app.get('/rooms/:id', async ({ params }, response) => {
    response.json(await roomful.room(params.id).info())
  })
  return { http, roomful }
}
