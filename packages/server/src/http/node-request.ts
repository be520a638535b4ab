import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpRequest } from '../api/handles/http.js'
import type { BodySource } from './body.js'

/** How long the rest of an unwanted body is read and dropped, so that its sender can read the answer before the socket closes. */
const LINGER_MS = 2_000

/** Converts a request of Node. @throws TypeError for an invalid target or header */
export function requestOf(request: IncomingMessage): HttpRequest {
  const headers = new Headers()
  for (const [name, value = ''] of Object.entries(request.headers))
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

/** @throws Error if something has already read the body */
export function bodyOf(request: IncomingMessage): BodySource {
  return (take) => {
    if (request.readableDidRead)
      throw new Error(
        'http: the body has already been read; mount the API before parsers such as express.json()',
      )
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
): Promise<void> {
  const body = Buffer.from(await answer.arrayBuffer())
  if (!request.complete) linger(request)
  response.writeHead(answer.status, {
    ...Object.fromEntries(answer.headers),
    ...(answer.status !== 204 && { 'content-length': body.length }),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** Not with `connection: close`: closing a socket with unread bytes resets it, and the answer is lost. */
function linger(request: IncomingMessage): void {
  request.resume()
  const timer = setTimeout(() => request.destroy(), LINGER_MS)
  timer.unref()
  request.once('close', () => clearTimeout(timer))
}
