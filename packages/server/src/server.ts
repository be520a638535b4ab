import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { BuiltIn } from '@roomful/protocol'
import type {
  Address,
  AnyProtocol,
  AttachOptions,
  CloseOptions,
  ListenOptions,
  Roomful,
  ServerOptions,
} from './api.js'
import { createHttpServer } from './http-server.js'
import { Node } from './node.js'
import { assertOrigins } from './origin.js'
import { refuseUpgrade } from './transports/handshake.js'
import { createUpgradeHandler, type UpgradeHandler } from './transports/ws.js'

/** How long closing waits for clients to answer the closing handshake. */
const CLOSE_WAIT_MS = 2_000

/** The paths that any Roomful server of this process answers, by HTTP server. */
const pathsOf = new WeakMap<HttpServer, Set<string>>()

/**
 * Makes a server. It serves once `listen` or `attach` is called.
 * @throws TypeError for an option that cannot work, with what to do about it
 */
export function createServer<const P extends AnyProtocol = BuiltIn, D = unknown>(
  options: ServerOptions<P, D> = {},
): Roomful<P> {
  // Inside, an application's messages have no static types: its schemas have checked them.
  const erased = options as unknown as ServerOptions<AnyProtocol, unknown>
  return facade(new Node(erased), erased) as unknown as Roomful<P>
}

/** What an application sees of a node. */
export function facade(node: Node, options: ServerOptions<AnyProtocol, unknown>): Roomful<AnyProtocol> {
  return new RoomfulServer(node, options)
}

class RoomfulServer implements Roomful<AnyProtocol> {
  readonly #upgrade: UpgradeHandler
  readonly #own: HttpServer[] = []
  readonly #detach: (() => void)[] = []
  #closing: Promise<void> | undefined

  constructor(
    private readonly node: Node,
    options: ServerOptions<AnyProtocol, unknown>,
  ) {
    const { origins = 'same-host', trustedProxies = 0 } = options
    if (!Number.isSafeInteger(trustedProxies) || trustedProxies < 0) {
      throw new TypeError(
        'createServer: trustedProxies is the number of proxies in front of this server, 0 or more',
      )
    }
    assertOrigins(origins)
    this.#upgrade = createUpgradeHandler(node, { origins, trustedProxies })
    // Now, so that rooms can be published to before anybody can connect; `listen` tells if it fails.
    node
      .start()
      .catch((error: unknown) => node.logger.error({ err: error }, 'the backplane could not be started'))
  }

  async listen({ port = 3000, host = '127.0.0.1', path = '/', tls }: ListenOptions = {}): Promise<Address> {
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

  start(): Promise<void> {
    return this.node.start()
  }

  attach(server: HttpServer, { path = '/' }: AttachOptions = {}): void {
    if (!path.startsWith('/'))
      throw new TypeError(`attach: path must start with '/', as in '/ws', not '${path}'`)
    const paths = pathsOf.get(server) ?? new Set()
    if (paths.has(path)) throw new TypeError(`attach: '${path}' of this HTTP server is served already`)
    pathsOf.set(server, paths.add(path))
    const onError = (error: Error) =>
      this.node.logger.debug({ why: error.message }, 'the socket of an upgrade failed')
    const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      // Before anything else: Node's own listener is gone by now, and a peer that resets the socket would end the process.
      socket.on('error', onError)
      const asked = pathOf(request)
      if (asked === path) this.#upgrade(request, socket, head)
      // Nobody else would ever answer it.
      else if (!paths.has(asked) && server.listenerCount('upgrade') === paths.size)
        refuseUpgrade(socket, { status: 404, text: 'No WebSocket at this path' })
    }
    server.on('upgrade', onUpgrade)
    this.#detach.push(() => {
      server.off('upgrade', onUpgrade)
      paths.delete(path)
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
    return { send: (message: { readonly type: string }) => this.node.messenger.sendToUsers(ids, message) }
  }

  broadcast(message: { readonly type: string }, options = {}): void {
    this.node.messenger.broadcast(message, options)
  }

  stats() {
    return this.node.stats()
  }

  metrics(): string {
    return this.node.metrics.render(this.node.stats())
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options)
    return this.#closing
  }

  async #close({ lagMs = 0, drainMs = 0 }: CloseOptions): Promise<void> {
    const { node } = this
    node.startLeaving()
    if (lagMs > 0) await new Promise<void>((resolve) => node.clock.after(lagMs, resolve))
    if (drainMs > 0) await node.drain(drainMs)
    await node.stop(CLOSE_WAIT_MS)
    for (const detach of this.#detach) detach()
    await Promise.all(this.#own.map(closeHttp))
  }
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/'
}

function closeHttp(server: HttpServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
