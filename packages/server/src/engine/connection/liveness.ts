import { closeWith } from './closing.js'
import type { Connection } from './connection.js'
import type { Registry } from './registry.js'

/** The interval of the sweeps that find overdue connections and deadlines. */
export const SWEEP_MS = 250

/** Pings connections, and drops those without a sign of life for a whole interval after a ping. */
export function sweepHeartbeats(connections: Iterable<Connection>, heartbeatMs: number, now: number): void {
  for (const connection of connections) {
    if (!connection.transport.ping) continue
    // While reading is paused, pongs are not seen either, so the connection counts as alive. This does not apply to
    // peers that do not read.
    if (connection.isPaused && !connection.isCongested) connection.aliveAt = now
    if (now - connection.lastPingAt < heartbeatMs) continue
    if (connection.aliveAt < connection.lastPingAt) {
      closeWith(connection, 'heartbeat_missed')
      connection.transport.terminate()
      continue
    }
    connection.lastPingAt = now
    connection.transport.ping()
  }
}

/**
 * Closes the slowest readers until the rest fits: many readers, each within its own limit, could still fill the
 * memory together.
 */
export function sweepBacklog(registry: Registry, nodeBacklogBytes: number): void {
  let left = backlogOf(registry.connections())
  if (left <= nodeBacklogBytes) return
  const slowest = [...registry.connections()].sort(
    (a, b) => b.transport.bufferedAmount - a.transport.bufferedAmount,
  )
  for (const connection of slowest) {
    if (left <= nodeBacklogBytes) return
    left -= connection.transport.bufferedAmount
    closeWith(connection, 'slow_consumer')
  }
}

/** Bytes that were sent and have not left the process. */
export function backlogOf(connections: Iterable<Connection>): number {
  let bytes = 0
  for (const { transport } of connections) bytes += transport.bufferedAmount
  return bytes
}
