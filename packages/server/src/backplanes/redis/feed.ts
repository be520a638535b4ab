import type { StreamEvent } from '../../backplane.js'
import type { Break, LogEntry, LogPage, Position, Range } from '../../core/log.js'
import { Sequencer } from './sequencer.js'
import type { NodeRelay, Standing, StreamMessage } from './store.js'

export interface FeedHost {
  read(
    stream: string,
    range: Range,
    since?: Position,
  ): Promise<LogPage & { readonly fault: Break | undefined }>
  relayed(message: NodeRelay): void
  /** A repair that failed; the next head check tries again. */
  failed(stream: string, error: unknown): void
}

const REPAIR_BYTES = 1_048_576
const REPAIR_ENTRIES = 500
/** How much of a log that forked is looked through for the place where it did, and passed on from there. */
const FORK_ENTRIES = 128
/** A log that needs more repairs in a row than this is left to the next head check, for it would keep the node busy. */
const REPAIRS_IN_A_ROW = 20

/** One stream as this node gets it: what comes through the channel, in order and repaired from the log once for all. */
export class Feed {
  readonly listeners = new Set<(event: StreamEvent) => void>()
  readonly #sequencer = new Sequencer()
  #repair: Promise<void> | undefined
  #presenceVersion = 0
  /** The version that the last check saw change without us. */
  #missedSince: number | undefined

  constructor(
    readonly stream: string,
    private readonly host: FeedHost,
  ) {}

  /** The newest presence version that was heard of. */
  get presenceVersion(): number {
    return this.#presenceVersion
  }

  /** Begins where the log ends now. The subscription is confirmed by then, so that nothing falls in between. */
  start(head: Position): void {
    this.#pass(this.#sequencer.start(head))
    this.#repairIfNeeded()
  }

  receive(message: StreamMessage): void {
    switch (message.kind) {
      case 'entry':
        this.#pass(this.#sequencer.accept(message.epoch, message.entry))
        this.#repairIfNeeded()
        return
      case 'presence':
        this.#presenceVersion = Math.max(this.#presenceVersion, message.change.version)
        this.#emit(message)
        return
      case 'relay':
        this.host.relayed(message.message)
        return
    }
  }

  /** Compares with how Redis says the stream stands. */
  check({ head, presenceVersion }: Standing): void {
    this.#checkHead(head, true)
    const known = this.#presenceVersion
    if (presenceVersion <= known) {
      this.#missedSince = undefined
    } else if (known === 0 || this.#missedSince === known) {
      // Seen in two checks, so that it is no change that is on its way.
      this.#presenceVersion = presenceVersion
      this.#missedSince = undefined
      if (known > 0) this.#emit({ kind: 'presence_missed' })
    } else {
      this.#missedSince = known
    }
  }

  /** Compares with what somebody has read: a log that forked shows, a message on its way does not count. */
  compare(head: Position): void {
    this.#checkHead(head, false)
  }

  #checkHead(head: Position | undefined, isLate: boolean): void {
    this.#sequencer.check(head, isLate)
    this.#repairIfNeeded()
  }

  #repairIfNeeded(): void {
    if (!this.#sequencer.needsRepair || this.#repair) return
    this.#repair = this.#repairAll()
      .catch((error: unknown) => this.host.failed(this.stream, error))
      .finally(() => {
        this.#repair = undefined
      })
  }

  async #repairAll(): Promise<void> {
    for (let round = 0; round < REPAIRS_IN_A_ROW; round++) {
      const { head, needsRepair } = this.#sequencer
      if (!head || !needsRepair || this.listeners.size === 0) return
      const range = { after: head.offset, limit: REPAIR_ENTRIES, maxBytes: REPAIR_BYTES }
      const page = await this.host.read(this.stream, range, head)
      if (page.fault) await this.#restart(page.fault)
      else this.#pass(this.#sequencer.fill(page.entries, !page.more))
    }
  }

  async #restart(fault: Break): Promise<void> {
    const newest = { before: undefined, limit: FORK_ENTRIES, maxBytes: REPAIR_BYTES }
    const { head, entries } = this.#sequencer.restart(await this.host.read(this.stream, newest))
    this.#emit({ kind: 'resync', reason: fault === 'expired' ? 'gap' : fault, head })
    this.#pass(entries)
  }

  #pass(entries: readonly LogEntry[]): void {
    const epoch = this.#sequencer.head?.epoch ?? ''
    for (const entry of entries) this.#emit({ kind: 'entry', entry, epoch })
  }

  #emit(event: StreamEvent): void {
    for (const listener of this.listeners) listener(event)
  }
}
