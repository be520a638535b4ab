import { createServer as createHttpServer } from 'node:http'
import { createServer } from '@roomful/server'
import { WebSocketServer } from 'ws'

/** One listener for `upgrade` decides who gets which path; nobody else listens. */
export function besideWs() {
  const http = createHttpServer()
  const roomful = createServer()
  const echo = new WebSocketServer({ noServer: true })
  echo.on('connection', (socket) => socket.on('message', (data) => socket.send(String(data))))
  http.on('upgrade', (request, socket, head) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    if (pathname === '/ws') roomful.handleUpgrade(request, socket, head)
    else if (pathname === '/echo')
      echo.handleUpgrade(request, socket, head, (peer) => echo.emit('connection', peer, request))
    else socket.destroy()
  })
  return { http, roomful }
}
