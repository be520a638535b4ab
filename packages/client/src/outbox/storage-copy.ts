import type { OutboxEntry, OutboxStore, OutboxStoreContext, StoredOutbox } from '../options/stored-outbox.js'
import { guard } from '../runtime/observable.js'
import * as strings from '../runtime/strings.js'
import type { OutboxStorage, StoredMessage } from './storage.js'

/** Keeps the outbox in a storage of your own. */
export function storedOutbox(storage: OutboxStorage): StoredOutbox {
  return (context) => new StorageCopy(storage, context)
}

/** A copy of the outbox in a storage that outlives the page. It writes nothing until this page owns the storage. */
export class StorageCopy implements OutboxStore {
  readonly #storage: OutboxStorage
  readonly #context: OutboxStoreContext
  #isOwned = false
  #close: (() => void) | undefined
  /** Messages that earlier pages left, of this user and of others. */
  #left: readonly StoredMessage[] = []
  /** The position of each message in the order of the storage. */
  readonly #sequences = new Map<string, number>()
  #lastSequence = 0

  constructor(storage: OutboxStorage, context: OutboxStoreContext) {
    this.#storage = storage
    this.#context = context
  }

  open(): void {
    this.#close ??= this.#open((messages) => {
      this.#isOwned = true
      this.#left = [...this.#left, ...messages]
      this.#lastSequence = Math.max(this.#lastSequence, ...messages.map(({ sequence }) => sequence))
      this.#context.opened()
    })
  }

  close(): void {
    this.#close?.()
    this.#close = undefined
    this.#isOwned = false
  }

  clear(): void {
    if (this.#storage.clear) this.#guard(() => this.#storage.clear?.())
    else if (this.#isOwned) this.#removeAll(this.#left)
    else this.#clearOnceOpen()
    this.#left = []
  }

  #clearOnceOpen(): void {
    let close = () => {}
    let isCleared = false
    close = this.#open((messages) => {
      this.#removeAll(messages)
      isCleared = true
      close()
    })
    // A storage may call `opened` synchronously.
    if (isCleared) close()
  }

  take(me: string | undefined): OutboxEntry[] {
    if (me !== undefined) this.#guard(() => this.#storage.userIs?.(me))
    const mine = this.#left.filter(({ userId }) => userId === me)
    this.#left = this.#left.filter(({ userId }) => userId !== me)
    return mine.map(({ sequence, ...message }) => {
      this.#sequences.set(message.clientId, sequence)
      return { ...message, data: message.data, doubtSince: this.#monotonic(message.doubtSince) }
    })
  }

  keep(entries: readonly OutboxEntry[]): void {
    for (const entry of entries) if (!this.#sequences.has(entry.clientId)) this.put(entry)
  }

  put({ userId, doubtSince, ...entry }: OutboxEntry): void {
    if (userId === undefined || !this.#isOwned) return
    const sequence = this.#sequences.get(entry.clientId) ?? ++this.#lastSequence
    this.#sequences.set(entry.clientId, sequence)
    const since = doubtSince === undefined ? undefined : doubtSince + this.#ahead()
    this.#guard(() =>
      this.#storage.put(this.#context.name, { ...entry, userId, sequence, doubtSince: since }),
    )
  }

  remove(clientId: string): void {
    this.#sequences.delete(clientId)
    if (this.#isOwned) this.#guard(() => this.#storage.remove(this.#context.name, clientId))
  }

  #open(opened: (messages: readonly StoredMessage[]) => void): () => void {
    const { name, failed } = this.#context
    let close: (() => void) | undefined
    this.#guard(() => {
      close = this.#storage.open(
        name,
        (messages) => this.#guard(() => opened(this.#readable(messages))),
        failed,
      )
    })
    return () => this.#guard(() => close?.())
  }

  /** Excludes messages that cannot be read: they would stop the outbox and everything after them. */
  #readable(messages: readonly StoredMessage[]): StoredMessage[] {
    const readable = [...messages].filter(isStoredMessage)
    if (readable.length < messages.length) this.#context.failed(new Error(strings.unreadable))
    return readable
  }

  #removeAll(messages: readonly StoredMessage[]): void {
    this.#guard(() => {
      for (const { clientId } of messages) this.#storage.remove(this.#context.name, clientId)
    })
  }

  /** A date in the future counts as infinitely old: the clock was set back, so the age is unknown. */
  #monotonic(wallTime: number | undefined): number | undefined {
    if (wallTime === undefined) return undefined
    return wallTime > this.#context.runtime.wallTime() ? Number.NEGATIVE_INFINITY : wallTime - this.#ahead()
  }

  /** By how much the wall clock is ahead of the monotonic clock, in ms. */
  #ahead(): number {
    const { runtime } = this.#context
    return runtime.wallTime() - runtime.clock.now()
  }

  /** Handles both exceptions and rejections, since a storage may be asynchronous. */
  #guard(run: () => unknown): void {
    guard(run, this.#context.failed)
  }
}

/** Whether it is a message that can be sent, which includes that JSON can hold it. */
export function isStoredMessage(value: unknown): value is StoredMessage {
  const { clientId, roomId, message, userId, sequence, doubtSince = 0 } = Object(value)
  try {
    JSON.stringify(value)
  } catch {
    return false
  }
  const areTexts = [clientId, roomId, message, userId].every((field) => typeof field === 'string')
  return areTexts && Number.isFinite(sequence) && (doubtSince === null || Number.isFinite(doubtSince))
}
