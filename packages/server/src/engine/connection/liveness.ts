import { closeWith } from './closing.js'
import type { Connection } from './connection.js'
import type { Registry } from './registry.js'

/** Time between two looks at what is late. */
export const SWEEP_MS = 250

/** Pings connections, and drops one that showed no life for a whole interval after a ping: it is as good as dead. */
export function sweepHeartbeats(connections: Iterable<Connection>, heartbeatMs: number, now: number): void {
  for (const connection of connections) {
    if (!connection.transport.ping) continue
    // Nothing is read from it until its messages are handled, its pongs included. Whoever reads nothing either is not spared.
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

/** Closes the slowest readers until the rest fits: many, each within its own bound, would fill the memory together. */
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
