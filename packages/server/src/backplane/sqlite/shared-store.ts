import { realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type {
  BanNews,
  NodeLink,
  Position,
  Range,
  Relay,
  StreamEvent,
  Subscription,
} from '../../api/contracts/backplane.js'
import type { Clock } from '../../api/contracts/clock.js'
import type { Logger } from '../../api/contracts/logger.js'
import { isRetractionText } from '../log/amending.js'
import { entryText } from '../log/log.js'
import type { Announced, Page, PublishOutcome, PublishRequest } from './requests.js'
import { type Call, StoreThread } from './store-thread.js'
import { type ActiveStream, ActiveStreams, emit } from './streams.js'
import { type StartThread, startWorker } from './thread.js'
import type { Trimmed } from './trimming.js'
import type { WorkerSettings } from './worker.js'

/** How many entries are read at once if a thread ended before it had reported them. */
const RECOVERED_PAGE = { limit: 500, maxBytes: 1024 * 1024 }
/** For the head alone. */
const NOTHING = { before: undefined, limit: 0, maxBytes: 0 }

/**
 * A file that all servers of this process share: one thread, one lock. A development server that restarts its program
 * in the same process opens the file before the old program has closed it.
 */
export class SharedStore {
  readonly #thread: StoreThread
  readonly #streams = new ActiveStreams()
  readonly #relays = new Set<(relay: Relay) => void>()
  /** The owners of the feed's consumers. Only one process uses the file, so no owner outlives it. */
  readonly leases = new Map<string, { readonly owner: string; readonly until: number }>()
  /** Called for each entry. */
  readonly wakes = new Set<(stream: string) => void>()
  /** How often texts were taken out of the file. */
  retractions = 0
  /** Called for each ban. */
  readonly banWatchers = new Set<(news: BanNews) => void>()
  #users = 0
  #opened: Promise<string> | undefined

  constructor(
    startThread: StartThread,
    clock: Clock,
    private readonly logger: Logger,
    private readonly forget: () => void,
  ) {
    this.#thread = new StoreThread(startThread, clock, {
      committed: (request, outcome) => this.#committed(request, outcome),
      erased: (changed, announced) => this.#erased(changed, announced),
      ended: (stream, head) => this.#ended(stream, head),
      reopened: () => this.#recover(),
      warn: (message) => this.logger.warn({}, message),
      info: (message) => this.logger.info({}, message),
    })
  }

  get ready(): boolean {
    return this.#thread.ready
  }

  /**
   * Resolves with the secret of the file. Each call needs a `release`.
   * @throws Error that says why it cannot be opened
   */
  open(receive: (relay: Relay) => void): Promise<string> {
    this.#users++
    this.#relays.add(receive)
    this.#opened ??= this.#thread.open()
    return this.#opened
  }

  async release(receive: (relay: Relay) => void): Promise<void> {
    this.#relays.delete(receive)
    if (--this.#users > 0) return
    this.forget()
    await this.#thread.close()
  }

  publish(request: Call<PublishRequest>): Promise<PublishOutcome> {
    return this.#thread.publish(request)
  }

  async subscribe(name: string, listener: (event: StreamEvent) => void): Promise<Subscription> {
    const stream = this.#streams.open(name)
    stream.listeners.add(listener)
    const close = () => {
      stream.listeners.delete(listener)
      this.#streams.closeIfUnused(stream)
    }
    try {
      stream.opened ??= this.#learnHead(stream)
      await stream.opened
    } catch (error) {
      close()
      throw error
    }
    return { close }
  }

  async read(name: string, range: Range, since: Position | undefined): Promise<Page> {
    const stream = this.#streams.get(name)
    const known = stream?.recent.page(range, since)
    if (known) return known
    const page = (await this.#thread.call({ kind: 'read', stream: name, range, since })) as Page
    if (stream?.recent.head) this.#streams.change(stream, () => stream.recent.learn(page, range))
    return page
  }

  /** Tells all servers of this process. */
  banned(news: BanNews): void {
    for (const tell of this.banWatchers) tell(news)
  }

  relay(message: Relay, from: (relay: Relay) => void): void {
    for (const receive of this.#relays) if (receive !== from) receive(message)
  }

  async #learnHead(stream: ActiveStream): Promise<void> {
    const call = { kind: 'read', stream: stream.name, range: NOTHING, since: undefined } as const
    try {
      const page = await this.#thread.call(call)
      this.#streams.change(stream, () => stream.recent.learn(page as Page, NOTHING))
    } catch (error) {
      stream.opened = undefined
      throw error
    }
  }

  /** Replaces a log by an empty one, and notifies its readers. */
  async delete(name: string): Promise<void> {
    this.#ended(name, (await this.#thread.call({ kind: 'delete', stream: name })) as Position)
  }

  async erase(user: string): Promise<void> {
    await this.#thread.call({ kind: 'erase', user })
  }

  #ended(name: string, head: Position): void {
    for (const wake of this.wakes) wake(name)
    this.retractions++
    const stream = this.#streams.get(name)
    if (!stream) return
    const { epoch } = head
    const empty = { entries: [], more: false, truncated: false, fault: undefined }
    const page = { ...empty, epoch, head, oldestOffset: 1, oldest: { entry: 1, message: 1 } }
    this.#streams.change(stream, () => stream.recent.learn(page, NOTHING))
    emit(stream, { kind: 'resync', reason: 'epoch_changed', head })
  }

  call(call: Call): Promise<unknown> {
    return this.#thread.call(call)
  }

  /** Handles entries that retention has dropped. */
  trimmed(rooms: readonly Trimmed[]): void {
    for (const [name, oldest] of rooms) {
      const stream = this.#streams.get(name)
      if (stream) this.#streams.change(stream, () => stream.recent.trim(oldest))
    }
  }

  #erased(changed: ReadonlySet<string>, announced: readonly Announced[]): void {
    this.retractions++
    for (const name of changed) {
      const stream = this.#streams.get(name)
      if (stream) this.#streams.change(stream, () => stream.recent.forget())
    }
    for (const { stream, open, outcome } of announced) this.#committed({ stream, open }, outcome)
  }

  #committed({ stream, open, amends }: Committed, outcome: PublishOutcome): void {
    if (outcome.status !== 'accepted' || outcome.duplicate) return
    if (isRetractionText(open)) this.retractions++
    for (const wake of this.wakes) wake(stream)
    if (!this.#streams.get(stream)) return
    const { position, previousId, timestampMs } = outcome
    const { epoch, offset, id } = position
    const entry = { offset, id, previousId, text: entryText(open, epoch, offset) }
    this.#streams.tell(stream, entry, epoch, amends && { amends, timestampMs })
  }

  /**
   * Reports entries that were committed by a thread that ended before it said so; their authors get an answer when
   * they repeat them.
   */
  async #recover(): Promise<void> {
    this.retractions++
    for (const stream of this.#streams.all()) {
      // That thread may have changed texts without saying so.
      this.#streams.change(stream, () => stream.recent.forget())
      for (let from = stream.recent.head; from; ) from = await this.#recoverPage(stream, from)
    }
  }

  /** Returns the position at which to continue. */
  async #recoverPage(stream: ActiveStream, since: Position): Promise<Position | undefined> {
    const range = { after: since.offset, ...RECOVERED_PAGE }
    const call = { kind: 'read', stream: stream.name, range, since } as const
    const page = (await this.#thread.recover(call)) as Page
    if (page.fault) {
      this.#streams.change(stream, () => stream.recent.learn(page, range))
      emit(stream, { kind: 'resync', reason: page.fault, head: page.head })
      return undefined
    }
    for (const entry of page.entries) this.#streams.tell(stream.name, entry, page.epoch)
    return page.more ? stream.recent.head : undefined
  }
}

type Committed = Pick<PublishRequest, 'stream' | 'open'> & Partial<Pick<PublishRequest, 'amends'>>

const STORES = Symbol.for('roomful.sqlite.stores')
type Shared = typeof globalThis & { [STORES]?: Map<string, SharedStore> }

/** The store of a file in this process, whichever copy of this module opened it. */
export function shareStore(settings: WorkerSettings, { clock, logger }: NodeLink): SharedStore {
  const shared: Shared = globalThis
  shared[STORES] ??= new Map()
  const stores = shared[STORES]
  const key = realPath(settings.file)
  const known = stores.get(key)
  if (known) return known
  const start: StartThread = (listener) => startWorker(settings, listener)
  const store = new SharedStore(start, clock, logger, () => {
    if (stores.get(key) === store) stores.delete(key)
  })
  stores.set(key, store)
  return store
}

/** The file may not exist yet. */
function realPath(file: string): string {
  try {
    return realpathSync(file)
  } catch {
    const folder = dirname(file)
    return folder === file ? file : join(realPath(folder), basename(file))
  }
}
