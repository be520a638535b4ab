import type { BuiltIn } from '@roomful/protocol'
import type { AnyProtocol, Roomful, ServerOptions } from '../api/api.js'
import { silentLogger } from '../api/contracts/logger.js'
import { Node } from '../engine/node.js'
import { facade } from '../server/create-server.js'
import { Network } from './network.js'
import { type ConnectOptions, TestClient } from './test-client.js'
import { VirtualClock } from './virtual-clock.js'

export interface TestServer<P extends AnyProtocol = BuiltIn> {
  /** The server as an application uses it, without a port. */
  readonly server: Roomful<P>
  readonly clock: VirtualClock
  /** The network to which clients connect, and which can have faults. */
  readonly network: Network<VirtualClock>
  /** Connects a fake client that has been greeted and, unless `auth: false`, authenticated. */
  connect(options?: ConnectOptions): Promise<TestClient>
  /** Ends the process: every connection breaks, and its memory is lost. */
  crash(): void
}

export interface TestSurroundings {
  /** Shared by several servers, or by one and its successor. @default a network of its own */
  readonly network?: Network<VirtualClock> | undefined
  /** Makes ids of 1 to 64 characters, each different. @default random ones */
  readonly newId?: (() => string) | undefined
}

/**
 * Creates a server without a port, in virtual time. Only its sockets are simulated.
 *
 * @example
 * const { connect, clock } = await createTestServer()
 * const ada = await connect()
 * await ada.join('general')
 */
export async function createTestServer<const P extends AnyProtocol = BuiltIn, D = unknown>(
  options: ServerOptions<P, D> = {},
  { network = newNetwork(), newId }: TestSurroundings = {},
): Promise<TestServer<P>> {
  const { clock } = network
  const erased = { logger: silentLogger, ...options, clock } as unknown as ServerOptions<AnyProtocol, unknown>
  const node = new Node(erased, newId)
  await node.start()
  network.serve(node)
  return {
    server: facade(node, erased) as unknown as Roomful<P>,
    clock,
    network,
    connect: (connectOptions) => connect(network, connectOptions ?? {}),
    crash() {
      network.crash()
      void node.stop(0)
    },
  }
}

/** Creates a network of sockets in memory, in virtual time. */
export function newNetwork(clock: VirtualClock = new VirtualClock()): Network<VirtualClock> {
  return new Network(clock)
}

async function connect(network: Network<VirtualClock>, options: ConnectOptions): Promise<TestClient> {
  const client = new TestClient(network, options)
  await client.next('system')
  if (options.auth === false) return client
  client.authenticate(options)
  await client.next('authenticated')
  return client
}
