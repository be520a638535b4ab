import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpRequest } from '../api/handles/http.js'
import type { BodySource } from './body.js'

/** For how long what is left of a body is let pass, so that its sender can read the answer before the socket closes. */
const LINGER_MS = 2_000

/** A request of Node's, as the API takes it. @throws TypeError for a target or a header that is none */
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

/** Express takes the path at which something is mounted off `url`, and keeps the whole in `originalUrl`. */
function targetOf(request: IncomingMessage & { readonly originalUrl?: unknown }): string {
  const { originalUrl } = request
  const target = typeof originalUrl === 'string' ? originalUrl : (request.url ?? '/')
  // Two slashes in front would begin with a host.
  return target.startsWith('//') ? `/.${target}` : target
}

/** @throws Error if something has read the body before */
export function bodyOf(request: IncomingMessage): BodySource {
  return (take) => {
    if (request.readableDidRead)
      throw new Error('http: the body was read before; mount the API before parsers such as express.json()')
    const done = new Promise<void>((resolve, reject) => {
      request.on('data', take)
      request.once('end', resolve)
      request.once('error', reject)
      request.once('close', () => reject(new Error('The connection was closed')))
    })
    return { done, stop: () => void request.off('data', take) }
  }
}

/** Sends an answer. Of a body that nobody wanted, no more comes after a while. */
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

/** Not by `connection: close`: what a socket has not read when it closes resets it, and the answer is lost. */
function linger(request: IncomingMessage): void {
  request.resume()
  const timer = setTimeout(() => request.destroy(), LINGER_MS)
  timer.unref()
  request.once('close', () => clearTimeout(timer))
}
