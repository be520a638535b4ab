import type { JsonObject } from '@roomful/protocol'
import { OutboxStore, type StoredOutbox } from './stored-outbox.js'

/** A message that outlives its page. */
export interface StoredMessage {
  readonly clientId: string
  readonly roomId: string
  readonly message: string
  readonly data?: JsonObject | undefined
  /** Only this user's page sends it. */
  readonly userId: string
  /** Orders the messages of a storage. */
  readonly sequence: number
  /** When it was first transmitted without an answer, in Unix ms. */
  readonly doubtSince?: number | undefined
  /** The newest entry of the room that was known then. */
  readonly seen?: { readonly epoch: string; readonly offset: number } | undefined
}

/**
 * Keeps unacknowledged messages when the page goes. One page owns it at a time. `put` and `remove` may throw:
 * the client reports that as `storage_failed` and goes on with the message in memory.
 */
export interface OutboxStorage {
  /**
   * Waits until this page owns the storage, then calls `opened` with what earlier pages left.
   * `failed` gets what went wrong, such as an entry that cannot be read. Returns what gives the storage up.
   */
  open(
    name: string,
    opened: (messages: readonly StoredMessage[]) => void,
    failed: (error: unknown) => void,
  ): () => void
  put(name: string, message: StoredMessage): void
  remove(name: string, clientId: string): void
}

export interface LocalOutboxOptions {
  /**
   * Age at which a message is given up, in ms, told by an `error` event. Nobody can send what an anonymous user left
   * in a tab that is gone, and it would fill the storage for ever. @default 604_800_000, a week
   */
  readonly maxAgeMs?: number
}

/** A message in localStorage, with the time at which it was put there, in Unix ms. */
type Kept = StoredMessage & { readonly storedAt: number }

const WEEK_MS = 7 * 24 * 3_600_000

/**
 * Keeps the outbox in localStorage, owned by one tab through a Web Lock; the next tab takes over when that one goes.
 * Where either is missing (private mode, a page without HTTPS) `open` fails, and messages live in memory only.
 */
export function localOutbox({ maxAgeMs = WEEK_MS }: LocalOutboxOptions = {}): StoredOutbox {
  return storedOutbox(localOutboxStorage(maxAgeMs))
}

/** Keeps the outbox in a storage of your own. */
export function storedOutbox(storage: OutboxStorage): StoredOutbox {
  return (context) => new OutboxStore(storage, context)
}

function localOutboxStorage(maxAgeMs: number): OutboxStorage {
  const keyOf = (name: string, clientId: string) => `${prefixOf(name)}${clientId}`
  return {
    open(name, opened, failed) {
      let release = () => {}
      const isReleased = new Promise<void>((resolve) => {
        release = resolve
      })
      const abort = new AbortController()
      const own = async () => {
        if (!abort.signal.aborted) opened(load(prefixOf(name), maxAgeMs, failed))
        await isReleased
      }
      try {
        // Without localStorage this throws, as does a page that has no locks.
        void localStorage.length
        navigator.locks
          .request(prefixOf(name), { signal: abort.signal }, own)
          .catch((error: unknown) => abort.signal.aborted || failed(error))
      } catch (error) {
        failed(error)
      }
      return () => {
        abort.abort()
        release()
      }
    },
    put(name, message) {
      const kept: Kept = { ...message, storedAt: Date.now() }
      localStorage.setItem(keyOf(name, message.clientId), JSON.stringify(kept))
    },
    remove: (name, clientId) => localStorage.removeItem(keyOf(name, clientId)),
  }
}

function prefixOf(name: string): string {
  return `roomful:outbox:${name}:`
}

function load(prefix: string, maxAgeMs: number, failed: (error: unknown) => void): StoredMessage[] {
  const messages: StoredMessage[] = []
  for (const key of Object.keys(localStorage).filter((key) => key.startsWith(prefix))) {
    const message = parse(localStorage.getItem(key) ?? '')
    if (message && Date.now() - message.storedAt <= maxAgeMs) messages.push(message)
    else {
      localStorage.removeItem(key)
      failed(new Error(`The stored message ${key} ${message ? 'was too old' : 'could not be read'}: removed`))
    }
  }
  return messages.sort((a, b) => a.sequence - b.sequence)
}

function parse(text: string): Kept | undefined {
  try {
    const value: Kept = JSON.parse(text)
    const { clientId, roomId, message, userId, sequence, storedAt } = value
    const areTexts = [clientId, roomId, message, userId].every((field) => typeof field === 'string')
    return areTexts && Number.isFinite(sequence) && Number.isFinite(storedAt) ? value : undefined
  } catch {
    return undefined
  }
}
