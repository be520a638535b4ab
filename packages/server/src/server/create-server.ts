import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { BuiltIn } from '@roomful/protocol'
import type {
  Address,
  AnyProtocol,
  AttachOptions,
  ChangesOptions,
  CloseOptions,
  ConsumeHandler,
  ConsumeOptions,
  HttpApi,
  HttpOptions,
  ListenOptions,
  ListOptions,
  RestrictionList,
  RestrictionOptions,
  Roomful,
  ServerOptions,
  WebhookEndpoint,
  Webhooks,
} from '../api/api.js'
import { RoomfulError } from '../api/contracts/roomful-error.js'
import type { ConnectionRequest, Transport, TransportEvents } from '../api/contracts/transport.js'
import { assertListOptions } from '../api/options/check-calls.js'
import {
  assertAttachOptions,
  assertCloseOptions,
  assertHttpOptions,
  assertHttpServer,
  assertListenOptions,
  assertTransport,
} from '../api/options/check-options.js'
import { Node } from '../engine/node.js'
import { closedError } from '../engine/process/life-cycle.js'
import { httpApi } from '../http/http-api.js'
import { startWebhooks } from '../webhooks/webhooks.js'
import { attachTo, guard } from './attach.js'
import { createHttpServer } from './http-server.js'
import { assertOrigins } from './origin.js'
import { createUpgradeHandler, type UpgradeHandler } from './ws-transport.js'

/** How long closing waits for clients to answer the closing handshake. */
const CLOSE_WAIT_MS = 2_000
const IN_MEMORY =
  'rooms are kept in memory, and a restart forgets them: keep them with createServer({ backplane: sqlite({ file }) }) ' +
  'from @roomful/server/sqlite, or say that it is meant with memory()'

/**
 * Creates a server. It serves once `listen` or `attach` is called. Handle signals yourself:
 * `process.once('SIGTERM', () => server.close())` or, where clients have other nodes to move to,
 * `close({ lagMs: 5_000, drainMs: 15_000 })`; the process ends when it has closed.
 * @throws TypeError for an option that cannot work; it says how to fix it
 */
export function createServer<const P extends AnyProtocol = BuiltIn, D = unknown>(
  options: ServerOptions<P, D> = {},
): Roomful<P> {
  // Internally, an application's messages have no static types: its schemas have validated them.
  const erased = options as unknown as ServerOptions<AnyProtocol, unknown>
  const node = new Node(erased)
  const server = facade(node, erased)
  if (!options.backplane) node.logger.warn({}, IN_MEMORY)
  return server as unknown as Roomful<P>
}

/** The part of a node that an application can use. */
export function facade(node: Node, options: ServerOptions<AnyProtocol, unknown>): Roomful<AnyProtocol> {
  return new RoomfulServer(node, options)
}

class RoomfulServer implements Roomful<AnyProtocol> {
  readonly #upgrade: UpgradeHandler
  readonly #own: HttpServer[] = []
  readonly #closeApis: (() => Promise<void>)[] = []
  readonly #detach: (() => void)[] = []
  #closing: Promise<void> | undefined
  readonly #protocol: AnyProtocol | undefined
  /** The application hears itself why the server cannot start. */
  #isStartAwaited = false

  constructor(
    private readonly node: Node,
    options: ServerOptions<AnyProtocol, unknown>,
  ) {
    const { origins = 'same-host', trustedProxies = 0, protocol } = options
    this.#protocol = protocol
    assertOrigins(origins)
    this.#upgrade = createUpgradeHandler(node, { origins, trustedProxies })
    // Starts now, so that the application can publish before anybody can connect.
    node.start().catch((error: unknown) => {
      if (!this.#isStartAwaited) node.logger.error({ err: error }, 'the backplane could not be started')
    })
  }

  async listen(options: ListenOptions = {}): Promise<Address> {
    this.#assertOpen()
    assertListenOptions(options)
    this.#isStartAwaited = true
    const { port = 3000, host = '127.0.0.1', path = '/', tls } = options
    const answer = (_: IncomingMessage, response: ServerResponse) => {
      response
        .writeHead(426, { connection: 'close', upgrade: 'websocket', 'sec-websocket-version': '13, 8' })
        .end('This is a WebSocket server.\n')
    }
    const server = createHttpServer(answer, this.node.limits, this.node.logger, tls)
    this.attach(server, { path })
    this.#own.push(server)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, () => {
        server.off('error', reject)
        server.on('error', (error) => this.node.logger.error({ err: error }, 'the HTTP server failed'))
        resolve()
      })
    })
    await this.node.start()
    const { port: actual } = server.address() as AddressInfo
    const shown = host.includes(':') ? `[${host}]` : host
    return { host, port: actual, url: `${tls ? 'wss' : 'ws'}://${shown}:${actual}${path}` }
  }

  async start(): Promise<void> {
    this.#assertOpen()
    this.#isStartAwaited = true
    return this.node.start()
  }

  attach(server: HttpServer, options: AttachOptions = {}): void {
    this.#assertOpen()
    assertHttpServer(server)
    assertAttachOptions(options)
    const { path = '/' } = options
    this.#detach.push(attachTo(server, path, this.#upgrade, this.node.logger))
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    guard(socket, this.node.logger)
    this.#upgrade(request, socket, head)
  }

  accept(transport: Transport, request: ConnectionRequest): TransportEvents {
    this.#assertOpen()
    assertTransport(transport)
    const refusal = this.node.refusal(request.remoteAddress)
    if (!refusal) return this.node.accept(transport, request)
    const { why, retryAfterS } = refusal
    throw new RoomfulError('unavailable', {
      message: `No connection can be accepted: ${why}`,
      retryAfterMs: retryAfterS * 1_000,
    })
  }

  get ready(): boolean {
    return this.node.ready
  }

  room(id: string) {
    return this.node.messenger.room(id)
  }

  rooms(ids: readonly string[]) {
    const { messenger } = this.node
    return {
      broadcast: (message: { readonly type: string }, options = {}) =>
        messenger.broadcastToRooms(ids, message, options),
    }
  }

  user(id: string) {
    return this.node.messenger.user(id)
  }

  users(ids: readonly string[]) {
    return {
      broadcast: (message: { readonly type: string }) => this.node.messenger.broadcastToUsers(ids, message),
    }
  }

  broadcast(message: { readonly type: string }, options = {}): void {
    this.node.messenger.broadcast(message, options)
  }

  changes(options: ChangesOptions = {}) {
    return this.node.changes.changes(options)
  }

  consume(name: string, handler: ConsumeHandler<AnyProtocol>, options: ConsumeOptions = {}) {
    return this.node.changes.consume(name, handler, options)
  }

  http(options: HttpOptions): HttpApi {
    this.#assertOpen()
    assertHttpOptions(options)
    const { node } = this
    const { limits, clock, logger, metrics } = node
    const openLogReader = node.openLogReader.bind(node)
    const { messageDepth: bodyDepth, handlerMs } = limits
    const { api, close } = httpApi(options, {
      ...{ server: this, openLogReader, clock, logger, bodyDepth, handlerMs },
      countAnswer: (status) => metrics.countHttpAnswer(status),
      showApi: (readStreams) => metrics.showHttpApi(readStreams),
    })
    this.#closeApis.push(close)
    return api
  }

  ban(userId: string, options?: RestrictionOptions): Promise<void> {
    return this.node.messenger.ban(userId, options)
  }

  unban(userId: string): Promise<void> {
    return this.node.messenger.unban(userId)
  }

  listRestrictions(options?: ListOptions): Promise<RestrictionList> {
    return this.node.messenger.listRestrictions(options)
  }

  async listRooms(options: ListOptions = {}) {
    assertListOptions('listRooms', options)
    return this.node.lifeCycle.run(async () => this.node.listings.rooms(options))
  }

  async listConnections(options: ListOptions = {}) {
    assertListOptions('listConnections', options)
    return this.node.lifeCycle.run(async () => this.node.listings.connections(options))
  }

  webhooks(endpoints: readonly WebhookEndpoint<AnyProtocol>[]): Webhooks {
    this.#assertOpen()
    const { clock, logger, metrics, changes, occupancy } = this.node
    const webhooks = startWebhooks(endpoints, {
      protocol: this.#protocol,
      clock,
      logger,
      random: Math.random,
      count: (...counted) => metrics.countWebhook(...counted),
      showFailing: (endpoint, read) => metrics.showFailingWebhook(endpoint, read),
      consume: (...consumer) => changes.start(...consumer),
      watch: (listener) => occupancy.listen(listener),
    })
    this.#detach.push(() => void webhooks.stop())
    return webhooks
  }

  stats() {
    return this.node.stats()
  }

  metrics(): string {
    return this.node.renderMetrics()
  }

  async close(options: CloseOptions = {}): Promise<void> {
    assertCloseOptions(options)
    this.#closing ??= this.#close(options)
    return this.#closing
  }

  /** @throws RoomfulError `closed` */
  #assertOpen(): void {
    if (this.#closing) throw closedError()
  }

  async #close({ lagMs = 0, drainMs = 0 }: CloseOptions): Promise<void> {
    const { node } = this
    node.startLeaving()
    if (lagMs > 0) await new Promise<void>((resolve) => node.clock.after(lagMs, resolve))
    if (drainMs > 0) await node.drain(drainMs)
    await Promise.all(this.#closeApis.map((close) => close()))
    await node.stop(CLOSE_WAIT_MS)
    for (const detach of this.#detach) detach()
    await Promise.all(this.#own.map(closeHttp))
  }
}

function closeHttp(server: HttpServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
