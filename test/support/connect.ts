import { once } from 'node:events'
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { onTestFinished } from 'vitest'
import { type ClientOptions, WebSocket } from 'ws'
import { WireClient } from './wire-client.js'

/** Opens a connection and waits for its greeting, or its end. It ends with the test. */
export async function connect(url: string, options: ClientOptions = {}): Promise<WireClient> {
  const client = dial(url, options)
  await client.next('system')
  return client
}

/** Opens a connection and waits for nothing. */
export function dial(url: string, options: ClientOptions = {}): WireClient {
  const client = new WireClient(new WebSocket(url, options))
  onTestFinished(() => client.socket.terminate())
  return client
}

/** Opens a connection that speaks the extensions. */
export async function connectExtended(
  url: string,
  auth: { readonly token?: string; readonly session?: string } = {},
): Promise<WireClient> {
  const client = await connect(url)
  await client.authenticate(auth)
  return client
}

/** The HTTP status that an upgrade was refused with. */
export async function refusedStatus(url: string, options: ClientOptions = {}): Promise<number | undefined> {
  return (await refusedUpgrade(url, options)).status
}

/** The HTTP answer that refuses an upgrade. */
export async function refusedUpgrade(url: string, options: ClientOptions = {}): Promise<RefusedUpgrade> {
  const socket = new WebSocket(url, options)
  socket.on('error', () => {
    // ws tells it as an error too.
  })
  const [request, response] = (await once(socket, 'unexpected-response')) as [ClientRequest, IncomingMessage]
  let text = ''
  for await (const chunk of response) text += chunk
  request.destroy()
  return { status: response.statusCode, headers: response.headers, text }
}

export interface RefusedUpgrade {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly text: string
}
