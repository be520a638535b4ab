import type { Limits } from '../../api/options/limits.js'
import { addressKey } from '../../util/address.js'
import type { Connection } from './connection.js'
import { SWEEP_MS } from './liveness.js'

/**
 * Finds connections that could authenticate but do not. Many connections from one address are fine if they
 * authenticate quickly; those that occupy places silently are limited by address.
 */
export class Silence {
  /** Times of the last sweeps, oldest first. */
  readonly #sweptAt: number[] = []
  /** Connections whose connect hook is running: their messages are not read before it has finished. */
  readonly #excused = new Set<Connection>()

  constructor(private readonly limits: Pick<Limits, 'silentPerAddress' | 'silentMs'>) {}

  excuse(connection: Connection): void {
    this.#excused.add(connection)
  }

  expect(connection: Connection): void {
    this.#excused.delete(connection)
  }

  /** The connections that exceed the limit of their address; the oldest ones keep their places. */
  sweep(connections: Iterable<Connection>, now: number): Connection[] {
    const since = this.#patientUntil(now)
    const silent = new Map<string, number>()
    const tooMany: Connection[] = []
    if (since === undefined) return tooMany
    for (const connection of connections) {
      if (!this.#isSilent(connection, since)) continue
      const address = addressKey(connection.request.remoteAddress)
      const count = (silent.get(address) ?? 0) + 1
      silent.set(address, count)
      if (count > this.limits.silentPerAddress) tooMany.push(connection)
    }
    return tooMany
  }

  #isSilent(connection: Connection, since: number): boolean {
    const { standing, startedAt } = connection.session
    return (
      connection.isOpen &&
      standing === 'unauthenticated' &&
      startedAt <= since &&
      !this.#excused.has(connection)
    )
  }

  /**
   * The time before which a connection must have been opened to count as late. It is counted in sweeps, because a
   * busy server may not have read a message that arrived long ago; between two sweeps it reads all sockets.
   */
  #patientUntil(now: number): number | undefined {
    const { silentMs, silentPerAddress } = this.limits
    if (silentMs === Number.POSITIVE_INFINITY || silentPerAddress === Number.POSITIVE_INFINITY)
      return undefined
    const sweeps = Math.ceil(silentMs / SWEEP_MS)
    this.#sweptAt.push(now)
    if (this.#sweptAt.length <= sweeps) return undefined
    if (this.#sweptAt.length > sweeps + 1) this.#sweptAt.shift()
    return this.#sweptAt[0]
  }
}
