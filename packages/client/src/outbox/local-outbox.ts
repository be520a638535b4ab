import type { StoredOutbox } from '../options/stored-outbox.js'
import type { OutboxStorage, StoredMessage } from './storage.js'
import { isStoredMessage, storedOutbox } from './storage-copy.js'

export interface LocalOutboxOptions {
  /**
   * Age at which a message is given up and reported by an `error` event, in ms. Without it, messages that an
   * anonymous user left in a closed tab would stay in the storage for ever, since nobody can send them.
   * @default 604_800_000, a week
   */
  readonly maxAgeMs?: number
}

/** A message in localStorage, with the time at which it was stored, in ms since 1970. */
type Kept = StoredMessage & { readonly storedAt: number }

const WEEK_MS = 7 * 24 * 3_600_000

/**
 * Keeps the outbox in localStorage. Each tab has a part of its own, protected by a Web Lock. When a tab closes,
 * another tab of the same user takes over its messages. Without localStorage or Web Locks (private mode, a page
 * without HTTPS) `open` fails, and messages are kept in memory only.
 */
export function localOutbox({ maxAgeMs = WEEK_MS }: LocalOutboxOptions = {}): StoredOutbox {
  return (context) => storedOutbox(new LocalOutbox(context.name, maxAgeMs))(context)
}

/** A key consists of the server's prefix, the part, and the message's id. */
class LocalOutbox implements OutboxStorage {
  readonly #prefix: string
  readonly #maxAgeMs: number
  readonly #part = Math.random().toString(36).slice(2)
  /** Parts of other tabs whose lock this tab waits for. */
  readonly #awaited = new Set<string>()
  #user: string | undefined
  #signal: AbortSignal | undefined
  #opened: (messages: readonly StoredMessage[]) => void = () => {}
  #failed: (error: unknown) => void = () => {}

  constructor(name: string, maxAgeMs: number) {
    this.#prefix = `roomful:outbox:${name}:`
    this.#maxAgeMs = maxAgeMs
  }

  open(
    _name: string,
    opened: (messages: readonly StoredMessage[]) => void,
    failed: (error: unknown) => void,
  ): () => void {
    this.#opened = opened
    this.#failed = failed
    const end = new AbortController()
    const { signal } = end
    const back = ({ persisted }: PageTransitionEvent) => {
      if (persisted) void this.#comeBack(signal)
    }
    const changed = ({ key }: StorageEvent) => {
      if (key?.startsWith(this.#prefix)) this.#takeOver(signal)
    }
    this.#signal = signal
    this.#guard(() => {
      this.#clean()
      this.#own(signal, this.#load(this.#keys(this.#part)))
      addEventListener('pageshow', back, { signal })
      addEventListener('storage', changed, { signal })
    })
    return () => end.abort()
  }

  userIs(user: string): void {
    this.#user = user
    const signal = this.#signal
    if (signal && !signal.aborted) this.#guard(() => this.#takeOver(signal))
  }

  put(_name: string, message: StoredMessage): void {
    const kept: Kept = { ...message, storedAt: Date.now() }
    localStorage.setItem(this.#key(message.clientId), JSON.stringify(kept))
  }

  remove(_name: string, clientId: string): void {
    localStorage.removeItem(this.#key(clientId))
  }

  /** Removes what closed tabs left, whichever user they had; an open tab clears its own part. */
  clear(): void {
    this.#guard(() => {
      for (const part of this.#parts()) {
        const remove = () => {
          for (const key of this.#keys(part)) localStorage.removeItem(key)
        }
        if (part === this.#part) remove()
        else void this.#withLock(part, { ifAvailable: true }, (lock) => lock && remove())
      }
    })
  }

  #key(clientId: string): string {
    return `${this.#prefix}${this.#part}:${clientId}`
  }

  /** Holds this tab's part until the client closes. */
  #own(signal: AbortSignal, left: readonly StoredMessage[] = []): void {
    void this.#withLock(this.#part, { signal }, async () => {
      this.#opened(left)
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    })
  }

  /** WebKit releases the locks of a page that it keeps in the back/forward cache. */
  async #comeBack(signal: AbortSignal): Promise<void> {
    const { held = [] } = await navigator.locks.query()
    const isHeld = held.some(({ name }) => name === this.#lockOf(this.#part))
    if (!isHeld && !signal.aborted) this.#own(signal)
  }

  /** Takes over the parts of this user's other tabs, each as soon as its tab is gone. */
  #takeOver(signal: AbortSignal): void {
    for (const part of this.#parts()) {
      const isMine = this.#keys(part).some((key) => read(key)?.userId === this.#user)
      if (part === this.#part || this.#awaited.has(part) || !isMine) continue
      this.#awaited.add(part)
      void this.#withLock(part, { signal }, () => this.#take(part)).then(() => this.#awaited.delete(part))
    }
  }

  #take(part: string): void {
    const keys = this.#keys(part).filter((key) => read(key)?.userId === this.#user)
    const messages = this.#load(keys)
    for (const message of messages) localStorage.setItem(this.#key(message.clientId), JSON.stringify(message))
    for (const key of keys) localStorage.removeItem(key)
    this.#opened(messages)
  }

  #load(keys: readonly string[]): Kept[] {
    return keys.flatMap((key) => read(key) ?? []).sort((a, b) => a.sequence - b.sequence)
  }

  /** Removes messages that are too old or cannot be read. */
  #clean(): void {
    for (const part of this.#parts()) {
      for (const key of this.#keys(part)) {
        const message = read(key)
        if (message && Date.now() - message.storedAt <= this.#maxAgeMs) continue
        localStorage.removeItem(key)
        const why = message ? 'was too old' : 'could not be read'
        this.#failed(new Error(`The stored message ${key} ${why}: removed`))
      }
    }
  }

  #parts(): Set<string> {
    return new Set(this.#allKeys().map((key) => this.#partOf(key)))
  }

  #keys(part: string): string[] {
    return this.#allKeys().filter((key) => this.#partOf(key) === part)
  }

  /** Excludes servers whose name begins with this one's name and a colon. */
  #allKeys(): string[] {
    const isOwn = (key: string) =>
      key.startsWith(this.#prefix) && key.slice(this.#prefix.length).split(':').length <= 2
    return Object.keys(localStorage).filter(isOwn)
  }

  #partOf(key: string): string {
    return key.slice(this.#prefix.length, Math.max(this.#prefix.length, key.lastIndexOf(':')))
  }

  #lockOf(part: string): string {
    return this.#prefix + part
  }

  /** Resolves when `held` does. An abort is not a failure, nor is a lock that was lost while the page slept. */
  async #withLock(part: string, options: LockOptions, held: (lock: Lock | null) => unknown): Promise<void> {
    let wasGranted = false
    try {
      await navigator.locks.request(this.#lockOf(part), options, (lock) => {
        wasGranted = true
        return held(lock)
      })
    } catch (error) {
      if (!options.signal?.aborted && !(wasGranted && isLost(error))) this.#failed(error)
    }
  }

  #guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#failed(error)
    }
  }
}

function isLost(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}

function read(key: string): Kept | undefined {
  try {
    const value: Kept = JSON.parse(localStorage.getItem(key) ?? '')
    return isStoredMessage(value) && Number.isFinite(value.storedAt) ? value : undefined
  } catch {
    return undefined
  }
}
