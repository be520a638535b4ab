import type { Position } from '../../api/contracts/backplane.js'
import { pause } from '../../api/contracts/clock.js'
import { type ConsumerSettings, Consumption, type ConsumptionDeps, type Lease } from './consumption.js'
import { patiently } from './follow.js'

export interface ConsumerDeps extends ConsumptionDeps {
  /** Resolves once the backplane has started. */
  started(): Promise<void>
}

/** Renewals within the duration of a lease: the lease is lost only after this many have failed. */
const RENEWALS = 3

/** Claims a consumer for this node, and consumes changes while the node has it. */
export class ChangeConsumer {
  readonly #stopping = new AbortController()
  #lease: Lease | undefined
  readonly #done: Promise<void>

  constructor(
    private readonly settings: ConsumerSettings,
    private readonly deps: ConsumerDeps,
  ) {
    this.#done = this.#run().catch((err: unknown) => this.#log('error', err, 'consume: a consumer ended'))
  }

  /** Resolves once the handler has finished and its position is stored. */
  stop(): Promise<void> {
    this.#stopping.abort()
    this.#lease?.ended.abort()
    return this.#done
  }

  /** Tells the handler that nobody waits for it any more. */
  abandon(): void {
    this.#lease?.lost.abort()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    await this.deps.started()
    while (!signal.aborted) {
      const claim = await patiently(() => this.#claim(), { ...this.deps, signal })
      if (claim) await this.#lead(claim.cursor)
      else await pause(this.deps.clock, this.settings.leaseMs / RENEWALS, signal)
    }
  }

  async #lead(cursor: Position | undefined): Promise<void> {
    const lease = { lost: new AbortController(), ended: new AbortController() }
    this.#lease = lease
    if (this.#stopping.signal.aborted) lease.ended.abort()
    const endRenewals = this.#renew(lease)
    try {
      await new Consumption(this.settings, this.deps, lease).run(cursor)
    } finally {
      endRenewals()
      this.#lease = undefined
      await this.deps.feed
        .release(this.settings.name, this.deps.owner)
        .catch((err: unknown) =>
          this.#log('debug', err, 'consume: a consumer could not be released; its lease will end'),
        )
    }
  }

  #renew({ lost, ended }: Lease): () => void {
    const { clock } = this.deps
    const { leaseMs } = this.settings
    let heldUntil = clock.now() + leaseMs
    const lose = () => {
      lost.abort()
      ended.abort()
    }
    return clock.every(leaseMs / RENEWALS, () => {
      const asked = clock.now()
      if (asked >= heldUntil) lose()
      this.#claim().then(
        (claim) => {
          if (claim) heldUntil = asked + leaseMs
          else lose()
        },
        (err: unknown) => this.#log('warn', err, 'consume: a lease could not be renewed; trying again'),
      )
    })
  }

  #claim() {
    return this.deps.feed.claim(this.settings.name, this.deps.owner, this.settings.leaseMs)
  }

  #log(level: 'debug' | 'warn' | 'error', err: unknown, event: string): void {
    this.deps.logger[level]({ consumer: this.settings.name, err }, event)
  }
}
