import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'

/** Why an upgrade is refused, as an HTTP response. */
export interface Rejection {
  readonly status: number
  /** The body: what to do about it, for the person who reads the response. */
  readonly text: string
  readonly headers?: Readonly<Record<string, string>>
}

const VERSIONS = ['13', '8']
/** 16 bytes in base64. */
const KEY = /^[+/\da-z]{22}==$/i

/** What is wrong with the handshake, with the response that RFC 6455 requires. */
export function checkHandshake({ method, headers }: IncomingMessage): Rejection | undefined {
  if (method !== 'GET') return { status: 405, text: 'Invalid HTTP method', headers: { Allow: 'GET' } }
  if (headers.upgrade?.toLowerCase() !== 'websocket') return { status: 400, text: 'Invalid Upgrade header' }
  if (!VERSIONS.includes(headers['sec-websocket-version'] ?? '')) {
    return {
      status: 426,
      text: 'Missing or invalid Sec-WebSocket-Version header',
      headers: { Upgrade: 'websocket', 'Sec-WebSocket-Version': VERSIONS.join(', ') },
    }
  }
  if (!KEY.test(headers['sec-websocket-key'] ?? ''))
    return { status: 400, text: 'Missing or invalid Sec-WebSocket-Key header' }
  return undefined
}

/** Answers an upgrade with an HTTP status, and ends the socket. */
export function refuseUpgrade(socket: Duplex, { status, text, headers = {} }: Rejection): void {
  if (socket.destroyed || socket.writableEnded) return
  const body = `${text}\n`
  const lines = Object.entries({
    Connection: 'close',
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body)),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  // Also destroyed: a peer that keeps its side open would hold a socket that no limit counts.
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`, () =>
    socket.destroy(),
  )
}
