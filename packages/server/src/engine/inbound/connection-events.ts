import type { Clock } from '../../api/contracts/clock.js'
import type { TransportEvents } from '../../api/contracts/transport.js'
import type { ApplicationCalls } from '../application/calls.js'
import type { Contexts } from '../application/contexts.js'
import type { HookCalls } from '../application/hook-calls.js'
import type { Connection } from '../connection/connection.js'
import type { Departures } from './departures.js'
import type { Inbound } from './inbound.js'

/** Shared by all connections of a node. */
export interface ConnectionEventsDeps {
  readonly hooks: HookCalls
  readonly calls: ApplicationCalls
  readonly clock: Clock
  readonly contexts: Contexts
  readonly departures: Departures
}

/** Passes a socket's events on to the connection, its message queue and the hooks. */
export class ConnectionEvents implements TransportEvents {
  constructor(
    private readonly host: ConnectionEventsDeps,
    private readonly connection: Connection,
    private readonly inbound: Inbound,
  ) {}

  text(text: string, bytes: number): void {
    this.#alive()
    this.inbound.receive(text, bytes)
  }

  binary(data: Uint8Array): void {
    this.#alive()
    this.inbound.receiveBinary(data)
  }

  ping(data: Uint8Array): void {
    this.#alive()
    if (!this.inbound.chargePing(data.byteLength)) return
    const { hooks } = this.host
    if (!hooks.names.has('ping')) return
    const context = this.host.contexts.of(this.connection)
    hooks.tell('on.ping', context, (set) => set.ping?.(context, data))
  }

  pong(data: Uint8Array): void {
    this.#alive()
    const { hooks } = this.host
    if (!hooks.names.has('pong')) return
    const context = this.host.contexts.of(this.connection)
    hooks.tell('on.pong', context, (set) => set.pong?.(context, data))
  }

  closing(): void {
    this.connection.flush()
  }

  close(code: number, reason: string): void {
    this.host.departures.closed(this.connection, code, reason)
  }

  error(error: Error): void {
    this.host.calls.reportSocket(error, this.host.contexts.of(this.connection))
  }

  #alive(): void {
    this.connection.aliveAt = Math.trunc(this.host.clock.now())
  }
}
