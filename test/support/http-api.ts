import { createServer as createHttpServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BuiltIn } from '@roomful/protocol'
import {
  type AnyProtocol,
  bearer,
  type HttpApi,
  type HttpOptions,
  type Roomful,
  type ServerOptions,
} from '@roomful/server'
import { onTestFinished } from 'vitest'
import { serve, type WireServer } from './wire-server.js'

export const KEY = 'a key of the test, of 32 or more'.replaceAll(' ', '-')

export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** Parsed JSON; `undefined` for an empty body. */
  readonly body: unknown
}

export interface HttpServer<P extends AnyProtocol> extends WireServer<P> {
  readonly api: HttpApi
  /** Of the API, such as `http://127.0.0.1:1234/api`. */
  readonly base: string
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>
}

/** A server with its HTTP API on a free port. Both end with the test. */
export async function serveApi<const P extends AnyProtocol = BuiltIn>(
  options: ServerOptions<P> = {},
  http: Partial<HttpOptions> = {},
): Promise<HttpServer<P>> {
  const wire = await serve<P, unknown>(options)
  const api = apiOf(wire.server, http)
  const base = `${await listen(api.node)}/api`
  return { ...wire, api, base, call: (...args) => call(base, ...args) }
}

export function apiOf<P extends AnyProtocol>(server: Roomful<P>, http: Partial<HttpOptions> = {}): HttpApi {
  return server.http({ authenticate: bearer(KEY), ...http })
}

/** Serves HTTP on a free port until the test ends. */
export async function listen(listener: RequestListener): Promise<string> {
  const server = createHttpServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export async function call(
  base: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(`${base}${path}`, {
    method,
    headers: { authorization: `Bearer ${KEY}`, ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : undefined }
}
