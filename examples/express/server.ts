import { createServer as createHttpServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { createServer, RoomfulError } from '@roomful/server'
import express, { type ErrorRequestHandler } from 'express'
import { protocol } from './protocol.js'

const clientBuild = fileURLToPath(new URL('../../packages/client/dist/roomful.global.js', import.meta.url))

/** Express has the HTTP requests, Roomful the WebSocket upgrades at /ws, both on one port. */
export function createExpressServer() {
  const app = express()
  const http = createHttpServer(app)
  const roomful = createServer({ protocol })
  roomful.attach(http, { path: '/ws' })

  app.get('/', (_, response) => response.sendFile(fileURLToPath(new URL('index.html', import.meta.url))))
  app.get('/roomful.global.js', (_, response) => response.sendFile(clientBuild))
  app.use(express.json())
  app.get('/rooms/:room', async ({ params }, response) => {
    const { count } = await roomful.room(params.room).info()
    response.json({ count })
  })
  app.post('/rooms/:room/announcements', async ({ params, body }, response) => {
    const position = await roomful.room(params.room).publish({ type: 'announced', text: body?.text })
    response.status(201).json(position)
  })
  app.post('/rooms/:rooms/alerts', ({ params, body }, response) => {
    roomful.rooms(params.rooms.split(',')).broadcast({ type: 'alerted', text: body?.text })
    response.sendStatus(202)
  })
  app.post('/alerts', ({ body }, response) => {
    roomful.broadcast({ type: 'alerted', text: body?.text })
    response.sendStatus(202)
  })
  app.use(answerError)
  return { http, roomful }
}

/** The protocol's schemas check what came over HTTP as well: `issues` names the field. */
const answerError: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (!(error instanceof RoomfulError)) return next(error)
  const { status, code, message, issues } = error
  response.status(status).json({ code, message, issues })
}
