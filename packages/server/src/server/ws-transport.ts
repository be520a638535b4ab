import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocket, WebSocketServer } from 'ws'
import type { Logger } from '../api/contracts/logger.js'
import type {
  ConnectionRequest,
  Transport,
  TransportEvents,
  UpgradeRefusal,
} from '../api/contracts/transport.js'
import type { Limits } from '../api/options/limits.js'
import { clientAddress } from '../util/address.js'
import { checkHandshake, type Rejection, refuseUpgrade } from './handshake.js'
import { isAllowedOrigin, type Origins, originRefusal } from './origin.js'

/** The part of the node that the transport needs. */
export interface WebSocketHost {
  readonly limits: Limits
  readonly logger: Logger
  refusal(remoteAddress: string): UpgradeRefusal | undefined
  accept(transport: Transport, request: ConnectionRequest): TransportEvents
}

export interface UpgradeOptions {
  readonly origins: Origins
  readonly trustedProxies: number
}

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

const CLOSE_TIMEOUT_MS = 5_000
const MAX_BUFFERED_CHUNKS = 1_024
const LOGGED_LENGTH = 100

/** Turns HTTP upgrades into connections of the host. */
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
    autoPong: false,
    WebSocket: PeerSocket,
  }
  const server = new WebSocketServer<typeof PeerSocket>(options)
  const reject = (socket: Duplex, rejection: Rejection) => {
    logger.info(
      { status: rejection.status, why: rejection.text },
      'upgrade refused: no valid WebSocket handshake',
    )
    refuseUpgrade(socket, rejection)
  }
  server.on('wsClientError', (error, socket) => reject(socket, { status: 400, text: error.message }))
  const warnOnce = onceForwarded(trustedProxies, logger)
  return (request, socket, head) => {
    warnOnce(request)
    const fault = checkHandshake(request)
    if (fault) return reject(socket, fault)
    const { origin, host: hostName } = request.headers
    if (!isAllowedOrigin(origin, hostName, origins)) {
      const why = originRefusal(origin)
      logger.warn({ origin: cut(origin), host: cut(hostName) }, `upgrade refused (403): ${why}`)
      return refuseUpgrade(socket, { status: 403, text: why })
    }
    const forwardedFor = request.headers['x-forwarded-for']
    const remoteAddress = clientAddress(request.socket.remoteAddress, forwardedFor, trustedProxies)
    const refusal = host.refusal(remoteAddress)
    if (refusal) {
      const { status, why, retryAfterS, isPassing } = refusal
      logger[isPassing ? 'info' : 'warn']({ why }, `upgrade refused (${status})`)
      return refuseUpgrade(socket, { status, text: why, headers: { 'Retry-After': String(retryAfterS) } })
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

/**
 * A socket of ws that implements the transport itself: a separate object per connection would cost an access on each
 * write.
 */
class PeerSocket extends WebSocket implements Transport {
  events: TransportEvents | undefined
  /**
   * The socket of the upgrade. It is set before anything else, since ws creates its sockets without our arguments.
   */
  socket!: Duplex
  #sentCode: number | undefined
  #isPonging = false
  /** The payload for the next pong. */
  #pinged: Buffer | undefined

  /**
   * Writes frames that were built once for all receivers directly to the socket. They stay in order with what ws
   * writes, because ws writes at once when there is no compression.
   */
  sendFrames(frames: Uint8Array): void {
    if (this.readyState === WebSocket.OPEN) this.socket.write(frames)
  }

  /**
   * ws also calls this, with the code for what is wrong with a frame; its peer may then close without echoing the
   * code.
   */
  override close(code?: number, reason?: string | Buffer): void {
    const isOpen = this.readyState === WebSocket.OPEN
    if (isOpen) this.events?.closing()
    super.close(code, reason)
    if (isOpen) this.#sentCode = code
  }

  override ping(): void {
    if (this.readyState === WebSocket.OPEN) super.ping()
  }

  /**
   * Sends one pong at a time, and then one for the newest ping only, as RFC 6455 allows. The pongs of ws itself pile
   * up, and ws ends a connection with sixty of them, which result from as many pings in one read.
   */
  #answer(ping: Buffer): void {
    if (this.#isPonging) {
      this.#pinged = ping
      return
    }
    this.#isPonging = true
    this.pong(ping, false, () => {
      this.#isPonging = false
      const next = this.#pinged
      this.#pinged = undefined
      if (next && this.readyState === WebSocket.OPEN) this.#answer(next)
    })
  }

  /** Passes on the events of ws without listeners: five listeners would cost each connection 600 bytes. */
  override emit(event: string | symbol, ...values: unknown[]): boolean {
    const { events } = this
    const [value] = values
    if (!events) return super.emit(event, ...values)
    if (event === 'message') {
      const data = value as Buffer
      if (values[1]) events.binary(data)
      else events.text(data.toString(), data.length)
    } else if (event === 'ping') {
      this.#answer(value as Buffer)
      events.ping(value as Buffer)
    } else if (event === 'pong') events.pong(value as Buffer)
    else if (event === 'error') events.error(value as Error)
    else if (event === 'close') events.close(this.#sentCode ?? (value as number), String(values[1]))
    else return super.emit(event, ...values)
    return true
  }
}

/** For a log line: the peer wrote it, and a header may be long. */
function cut(text: string | undefined): string | undefined {
  return text?.slice(0, LOGGED_LENGTH)
}

const HANDSHAKE_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'upgrade',
  'sec-websocket-extensions',
  'sec-websocket-key',
  'sec-websocket-version',
])

/** Leaves out headers that tell the application nothing but would stay in memory for as long as the connection. */
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
      'X-Forwarded-For is ignored: set `trustedProxies`, or TRUSTED_PROXIES for the command, to the number of proxies in front of this server',
    )
  }
}
