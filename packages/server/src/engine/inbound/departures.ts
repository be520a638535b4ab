import type { Logger } from '../../api/contracts/logger.js'
import { addressKey } from '../../util/address.js'
import type { Contexts } from '../application/contexts.js'
import type { HookCalls } from '../application/hook-calls.js'
import { mayReturn } from '../connection/closing.js'
import type { Connection } from '../connection/connection.js'
import type { Registry } from '../connection/registry.js'
import type { Metrics } from '../process/metrics.js'
import type { Memberships } from '../rooms/memberships.js'
import type { Watches } from '../rooms/watches.js'

export interface DeparturesDeps {
  readonly registry: Registry
  readonly memberships: Memberships
  readonly watches: Watches
  readonly hooks: HookCalls
  readonly contexts: Contexts
  readonly metrics: Metrics
  readonly logger: Logger
}

/** Handles the end of connections. */
export class Departures {
  constructor(private readonly deps: DeparturesDeps) {}

  /** The socket is gone, with the peer's code and reason. The clean-up always runs, whatever the hooks do. */
  closed(connection: Connection, peerCode: number, peerReason: string): void {
    const end = connection.markClosed(peerCode, peerReason)
    if (!end) return
    const { code, reason } = end
    const { session } = connection
    const { registry, memberships, hooks, contexts, metrics, logger } = this.deps
    metrics.countClose(code)
    logger.info({ connection: connection.id, user: session.user?.id, code }, 'connection closed')
    if (session.standing !== 'authenticated')
      registry.endPending(addressKey(connection.request.remoteAddress))
    for (const roomId of session.rooms.keys()) memberships.remove(connection, roomId, mayReturn(connection))
    this.deps.watches.remove(connection)
    registry.remove(connection)
    const context = contexts.of(connection)
    hooks.tell('on.close', context, (set) => set.close?.(context, code, reason))
  }
}
