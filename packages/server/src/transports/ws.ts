import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocket, WebSocketServer } from 'ws'
import { clientAddress } from '../address.js'
import type { Limits } from '../limits.js'
import type { Logger } from '../logger.js'
import { isAllowedOrigin, type Origins } from '../origin.js'
import type { Outgoing } from '../outgoing.js'
import type { ConnectionRequest, Transport, TransportEvents } from '../transport.js'

/** What the transport needs of the node. */
export interface WebSocketHost {
  readonly limits: Limits
  readonly logger: Logger
  refusal(remoteAddress: string): { readonly status: number; readonly why: string } | undefined
  accept(transport: Transport, request: ConnectionRequest): TransportEvents
}

export interface UpgradeOptions {
  readonly origins: Origins
  readonly trustedProxies: number
}

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

const CLOSE_TIMEOUT_MS = 5_000
const MAX_BUFFERED_CHUNKS = 1_024

/** Takes HTTP upgrades over as connections of the host. */
export function createUpgradeHandler(
  host: WebSocketHost,
  { origins, trustedProxies }: UpgradeOptions,
): UpgradeHandler {
  const { limits, logger } = host
  const options = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.frameBytes,
    maxFragments: limits.frameFragments,
    maxBufferedChunks: MAX_BUFFERED_CHUNKS,
    closeTimeout: CLOSE_TIMEOUT_MS,
    WebSocket: PeerSocket,
  }
  const server = new WebSocketServer<typeof PeerSocket>(options)
  server.on('wsClientError', (error, socket) => {
    logger.info({ error: error.message }, 'upgrade refused: no valid WebSocket handshake')
    refuseUpgrade(socket, 400)
  })
  const warnOnce = onceForwarded(trustedProxies, logger)
  return (request, socket, head) => {
    warnOnce(request)
    const forwardedFor = request.headers['x-forwarded-for']
    const remoteAddress = clientAddress(request.socket.remoteAddress, forwardedFor, trustedProxies)
    const { origin, host: hostName } = request.headers
    if (!isAllowedOrigin(origin, hostName, origins)) {
      logger.warn(
        { origin, host: hostName },
        'upgrade refused (403): add this origin to the option `origins` if it is yours',
      )
      return refuseUpgrade(socket, 403)
    }
    const refusal = host.refusal(remoteAddress)
    if (refusal) {
      logger.warn({ why: refusal.why }, `upgrade refused (${refusal.status})`)
      return refuseUpgrade(socket, refusal.status)
    }
    server.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.socket = socket
      webSocket.events = host.accept(webSocket, {
        url: request.url ?? '/',
        headers: keptHeaders(request),
        remoteAddress,
      })
    })
  }
}

const STATUS_TEXT: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  503: 'Service Unavailable',
}

/** Answers an upgrade with an HTTP status and ends the socket. */
export function refuseUpgrade(socket: Duplex, status: number): void {
  if (socket.destroyed || socket.writableEnded) return
  // Destroyed as well: a peer that keeps its side open would hold a socket that no limit counts.
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_TEXT[status] ?? 'Error'}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    () => socket.destroy(),
  )
}

/** A socket of ws that is a transport itself: each further object of a connection is one to fetch for each write. */
class PeerSocket extends WebSocket implements Transport {
  events: TransportEvents | undefined
  /** The one that the upgrade handed over; set before anything else, since ws makes its sockets without arguments of ours. */
  socket!: Duplex
  #sentCode: number | undefined

  /**
   * Writes frames that were built once for all their receivers straight to the socket. That is in order with what ws
   * itself writes, since without compression it writes at once.
   */
  write({ bytes }: Outgoing): void {
    if (this.readyState === WebSocket.OPEN) this.socket.write(bytes)
  }

  /** Also called by ws, with the code for what is wrong with a frame: its peer may go without echoing that. */
  override close(code?: number, reason?: string | Buffer): void {
    const isOpen = this.readyState === WebSocket.OPEN
    super.close(code, reason)
    if (isOpen) this.#sentCode = code
  }

  override ping(): void {
    if (this.readyState === WebSocket.OPEN) super.ping()
  }

  get backlog(): number {
    return this.socket.writableLength
  }

  /** Passes on what ws emits, without listeners: five of them would cost each connection 600 bytes. */
  override emit(event: string | symbol, ...values: unknown[]): boolean {
    const { events } = this
    const [value] = values
    if (!events) return super.emit(event, ...values)
    if (event === 'message') {
      const data = value as Buffer
      if (values[1]) events.binary(data)
      else events.text(data.toString(), data.length)
    } else if (event === 'ping') events.ping(value as Buffer)
    else if (event === 'pong') events.pong(value as Buffer)
    else if (event === 'error') events.error(value as Error)
    else if (event === 'close') events.close(this.#sentCode ?? (value as number), String(values[1]))
    else return super.emit(event, ...values)
    return true
  }
}

const HANDSHAKE_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'upgrade',
  'sec-websocket-extensions',
  'sec-websocket-key',
  'sec-websocket-version',
])

/** Without what tells the application nothing, but would stay in memory for as long as the connection. */
function keptHeaders({ headers }: IncomingMessage): ConnectionRequest['headers'] {
  const kept: Record<string, string | string[] | undefined> = {}
  for (const name in headers) if (!HANDSHAKE_HEADERS.has(name)) kept[name] = headers[name]
  return kept
}

function onceForwarded(trustedProxies: number, logger: Logger): (request: IncomingMessage) => void {
  let warned = trustedProxies > 0
  return (request) => {
    if (warned || request.headers['x-forwarded-for'] === undefined) return
    warned = true
    logger.warn(
      {},
      'X-Forwarded-For is not believed: set `trustedProxies` to the number of proxies in front of this server',
    )
  }
}
