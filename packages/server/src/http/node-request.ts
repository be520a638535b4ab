import type { IncomingMessage, ServerResponse } from 'node:http'
import { RoomfulError } from '../api/contracts/roomful-error.js'
import type { HttpRequest } from '../api/handles/http.js'
import type { BodySource } from './body.js'
import { passOn } from './node-stream.js'
import { EVENT_STREAM } from './sse.js'

/** How long the rest of an unwanted body is read and dropped, so that its sender can read the answer before the socket closes. */
const LINGER_MS = 2_000

/** Converts a request of Node. @throws TypeError for an invalid target or header */
export function requestOf(request: IncomingMessage): HttpRequest {
  const headers = new Headers()
  // HTTP/2 has pseudo-headers such as `:method`, which Headers refuses.
  for (const [name, value = ''] of Object.entries(request.headers))
    if (!name.startsWith(':'))
      for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one)
  return {
    method: request.method ?? 'GET',
    url: new URL(targetOf(request), 'http://localhost').href,
    headers,
  }
}

/** Express removes the mount path from `url`, and keeps the whole path in `originalUrl`. */
function targetOf(request: IncomingMessage & { readonly originalUrl?: unknown }): string {
  const { originalUrl } = request
  const target = typeof originalUrl === 'string' ? originalUrl : (request.url ?? '/')
  // After two leading slashes, URL would read a host.
  return target.startsWith('//') ? `/.${target}` : target
}

/** @throws RoomfulError `internal` if something has already read the body; its message is for whoever calls */
export function bodyOf(request: IncomingMessage): BodySource {
  return (take) => {
    if (request.readableDidRead)
      throw new RoomfulError('internal', {
        message: 'The body has already been read; mount the API before parsers such as express.json()',
      })
    const done = new Promise<void>((resolve, reject) => {
      request.on('data', take)
      request.once('end', resolve)
      request.once('error', reject)
      request.once('close', () => reject(new Error('The connection was closed')))
    })
    return { done, stop: () => void request.off('data', take) }
  }
}

/** Sends an answer. If the body was not read to its end, its sender has a while to finish. */
export async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Response,
  streamIdleMs: number,
): Promise<void> {
  if (!request.complete) linger(request)
  const { body, status, headers } = answer
  if (body && headers.get('content-type') === EVENT_STREAM) {
    response.writeHead(status, Object.fromEntries(headers))
    return passOn(body, response, streamIdleMs)
  }
  const content = Buffer.from(await answer.arrayBuffer())
  response.writeHead(status, {
    ...Object.fromEntries(headers),
    ...(body && { 'content-length': content.length }),
  })
  response.end(request.method === 'HEAD' ? undefined : content)
}

/** Not with `connection: close`: closing a socket with unread bytes resets it, and the answer is lost. */
function linger(request: IncomingMessage): void {
  request.resume()
  const timer = setTimeout(() => request.destroy(), LINGER_MS)
  timer.unref()
  request.once('close', () => clearTimeout(timer))
}
