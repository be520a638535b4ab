import type { JsonObject } from '@roomful/protocol'
import type { Runtime } from '../runtime/runtime.js'

/** A chat message on its way to the server's log. */
export interface OutboxEntry {
  readonly clientId: string
  readonly roomId: string
  readonly message: string
  readonly data: JsonObject | undefined
  /** Who sends it; never sent as somebody else. `undefined` until the first authentication. */
  readonly userId: string | undefined
  /**
   * When it was first transmitted without an answer that tells the outcome, on the client's clock.
   * Once that is longer ago than the server remembers, sending it again could duplicate it.
   */
  readonly doubtSince: number | undefined
  /**
   * The newest entry of the room that was known then. By it the server tells a repeat that it has forgotten from a
   * message that it never had.
   */
  readonly seen?: Head | undefined
}

/** How far a log had got. */
export interface Head {
  readonly epoch: string
  readonly offset: number
}

/** Makes the store of one client. Passed as `storage`, so that a bundle without one does not carry this code. */
export type StoredOutbox = (context: OutboxStoreContext) => OutboxStore

export interface OutboxStoreContext {
  /** Names what is stored for this server. */
  readonly name: string
  readonly runtime: Pick<Runtime, 'clock' | 'wallTime'>
  /** This page owns the storage from now on. */
  opened(): void
  failed(cause: unknown): void
}

/** Keeps a copy of the outbox in a storage that outlives the page. */
export interface OutboxStore {
  open(): void
  /** What is stored stays for the next page. */
  close(): void
  /** Log-out: removes what earlier pages left; if this page does not own the storage yet, as soon as it does. */
  clear(): void
  /** Returns what earlier pages of the user left, once. */
  take(user: string | undefined): readonly OutboxEntry[]
  /** Stores those of the entries that are not stored yet. */
  keep(entries: readonly OutboxEntry[]): void
  put(entry: OutboxEntry): void
  remove(clientId: string): void
}
