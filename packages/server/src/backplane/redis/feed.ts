import type { Break, LogEntry, LogPage, Position, Range, StreamEvent } from '../../api/contracts/backplane.js'
import type { Clock } from '../../api/contracts/clock.js'
import { Sequencer } from './sequencer.js'
import type { NodeRelay, StreamMessage, StreamState } from './store.js'
import { unavailable } from './unavailable.js'

export interface FeedHost {
  readonly clock: Clock
  read(
    stream: string,
    range: Range,
    since?: Position,
  ): Promise<LogPage & { readonly fault: Break | undefined }>
  relayed(message: NodeRelay): void
  /** A repair failed; the next head check tries again. */
  failed(stream: string, error: unknown): void
}

/** A published entry that has not come through the channel after this time is looked up in the log. */
const LATE_MS = 25
const REPAIR_BYTES = 1_048_576
const REPAIR_ENTRIES = 500
/** In a forked log, this many entries are searched for the fork, and passed on from there. */
const FORK_ENTRIES = 128
/**
 * A log that needs more repairs in a row than this waits for the next head check, because it would keep the node
 * busy.
 */
const REPAIRS_IN_A_ROW = 20

/**
 * One stream on this node: the messages of its channel, in order, and repaired from the log once for all listeners.
 */
export class Feed {
  readonly listeners = new Set<(event: StreamEvent) => void>()
  readonly #sequencer = new Sequencer()
  #repair: Promise<void> | undefined
  readonly #waiters = new Set<{ readonly head: Position; resolve: () => void }>()
  #presenceVersion = 0
  /** The presence version that the last check saw. */
  #expectedVersion = 0
  #wentBackTo: number | undefined

  constructor(
    readonly stream: string,
    private readonly host: FeedHost,
  ) {}

  /** The newest known state: the last entry known to be in the log, and the presence version. */
  get state(): StreamState {
    return { head: this.#sequencer.known, presenceVersion: this.#presenceVersion }
  }

  /** Starts at the current end of the log. The subscription is already confirmed, so nothing is missed in between. */
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
      case 'ended':
        this.#checkHead({ epoch: message.epoch, offset: 0, id: message.epoch }, undefined, true)
        return
    }
  }

  /** The first member received the list up to this version; later changes that do not arrive are missed. */
  presentAt(version: number): void {
    if (this.#presenceVersion === 0) this.#presenceVersion = version
  }

  /**
   * Redis may have lost changes that were passed on, and may have reached the same version again with other changes.
   */
  doubtPresence(): void {
    if (this.#presenceVersion > 0) this.#emit({ kind: 'presence_missed' })
  }

  /** Redis has accepted a message from this node at this position. */
  acknowledge(position: Position): void {
    this.#sequencer.acknowledge(position)
    this.#repairIfNeeded()
  }

  /** Compares with the state of the stream in Redis, as it was after `asked`. */
  check({ head, presenceVersion }: StreamState, asked: StreamState): void {
    this.#checkHead(head, asked.head, true)
    this.#checkPresence(presenceVersion, asked.presenceVersion)
  }

  /**
   * A version that one check saw and that has not arrived by the next check is lost. A version that went back means a
   * failover, which is reported once. The version 0 means an empty room, and says nothing.
   */
  #checkPresence(version: number, asked: number): void {
    const isMissing = this.#presenceVersion < this.#expectedVersion
    const isBack = version > 0 && version < asked && version !== this.#wentBackTo
    if (isBack) this.#wentBackTo = version
    if (isMissing || this.#presenceVersion === 0)
      this.#presenceVersion = Math.max(this.#presenceVersion, version)
    this.#expectedVersion = version
    if (isMissing || isBack) this.#emit({ kind: 'presence_missed' })
  }

  /**
   * Resolves once everything up to a head that somebody read has been passed on, or the log was found to have forked
   * and that was reported. A page must not be ahead of its reader's live messages, or they would arrive twice.
   * @throws RoomfulError `unavailable` if the log could not be read
   */
  async reach(head: Position, asked: Position | undefined): Promise<void> {
    this.#checkHead(head, asked, false)
    if (!this.#repair && this.#isBehind(head)) await this.#untilPassed(head)
    this.#checkHead(head, asked, true)
    await this.#repair
    if (this.#isBehind(head) && this.listeners.size > 0)
      throw unavailable(new Error('The log could not be followed'))
  }

  #isBehind({ epoch, offset }: Position): boolean {
    const own = this.#sequencer.head
    return own !== undefined && own.epoch === epoch && own.offset < offset
  }

  /** Also resolves when the time-out is over: an entry on its way arrives within a few milliseconds. */
  #untilPassed(head: Position): Promise<void> {
    return new Promise((resolve) => {
      const waiter = { head, resolve }
      const cancel = this.host.clock.after(LATE_MS, () => {
        this.#waiters.delete(waiter)
        resolve()
      })
      waiter.resolve = () => {
        cancel()
        resolve()
      }
      this.#waiters.add(waiter)
    })
  }

  #checkHead(head: Position | undefined, asked: Position | undefined, isLate: boolean): void {
    this.#sequencer.check(head, asked, isLate)
    this.#repairIfNeeded()
  }

  #repairIfNeeded(): void {
    // If the last listener left during a repair, another repair would begin and end for ever.
    if (!this.#sequencer.needsRepair || this.#repair || this.listeners.size === 0) return
    this.#repair = this.#repairAll().then(
      () => {
        this.#repair = undefined
        this.#repairIfNeeded()
      },
      (error: unknown) => {
        this.#repair = undefined
        this.host.failed(this.stream, error)
      },
    )
  }

  async #repairAll(): Promise<void> {
    for (let round = 0; round < REPAIRS_IN_A_ROW; round++) {
      const { head, needsRepair } = this.#sequencer
      if (!head || !needsRepair || this.listeners.size === 0) return
      if (this.#sequencer.hasForked) {
        await this.#restart('forked')
        continue
      }
      const range = { after: head.offset, limit: REPAIR_ENTRIES, maxBytes: REPAIR_BYTES }
      const page = await this.host.read(this.stream, range, head)
      if (page.fault) await this.#restart(page.fault)
      else this.#pass(this.#sequencer.fill(page.entries, !page.more))
    }
    throw new Error(`The log needed more than ${REPAIRS_IN_A_ROW} repairs in a row`)
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
    for (const waiter of this.#waiters) {
      if (this.#isBehind(waiter.head)) continue
      this.#waiters.delete(waiter)
      waiter.resolve()
    }
  }

  #emit(event: StreamEvent): void {
    for (const listener of this.listeners) listener(event)
  }
}
