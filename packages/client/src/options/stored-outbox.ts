import type { JsonObject, Target } from '@roomful/protocol'
import type { Runtime } from '../runtime/runtime.js'

/** What a message carries for the server's traces. */
export interface Meta {
  /** Of W3C Trace Context, version 00. The server ignores another form. */
  readonly traceparent?: string | undefined
}

/** What the application wants to be sent: a chat message, or an amendment of one: an edit, a deletion, a reaction. */
export interface Draft {
  /** Empty for a deletion or a reaction. */
  readonly message: string
  readonly data?: JsonObject | undefined
  /** Further fields of its frame. */
  readonly fields?: DraftFields | undefined
  /**
   * For an amendment: the id of the message that it changes. While that message waits in the outbox itself, its client
   * id; the amendment has no `target` then, and waits too.
   */
  readonly amends?: string | undefined
}

export interface DraftFields {
  readonly type?: 'edit_message' | 'delete_message' | 'add_reaction' | 'remove_reaction'
  readonly target?: Target | undefined
  readonly reply_to?: Target | undefined
  readonly mentions?: readonly string[] | undefined
  readonly reaction?: string | undefined
}

/** A draft that the server has not yet acknowledged. */
export interface OutboxEntry extends Draft {
  readonly clientId: string
  readonly roomId: string
  /** The envelope's `meta`: the trace in which it was sent. */
  readonly meta?: Meta | undefined
  /** The sender; the message is never sent as anyone else. `undefined` until the first authentication. */
  readonly userId: string | undefined
  /**
   * When the message was first transmitted without a conclusive answer, on the client's clock. If that is longer ago
   * than the server remembers, sending it again could duplicate it.
   */
  readonly doubtSince: number | undefined
  /**
   * The newest entry of the room that was known at that time. It lets the server distinguish a repeat that it has
   * forgotten from a message that it never received.
   */
  readonly seen?: Head | undefined
}

/** The last position of a log. */
export interface Head {
  readonly epoch: string
  readonly offset: number
}

/**
 * Creates the store of one client. It is passed as `storage`, so that a bundle without one does not contain this
 * code.
 */
export type StoredOutbox = (context: OutboxStoreContext) => OutboxStore

export interface OutboxStoreContext {
  /** The name under which data for this server is stored. */
  readonly name: string
  readonly runtime: Pick<Runtime, 'clock' | 'wallTime'>
  /** From now on, this page owns the storage. */
  opened(): void
  failed(cause: unknown): void
}

/** Keeps a copy of the outbox in a storage that outlives the page. */
export interface OutboxStore {
  open(): void
  /** Stops; stored messages remain for the next page. */
  close(): void
  /** For log-out: removes what earlier pages left; if this page does not own the storage yet, as soon as it does. */
  clear(): void
  /** Returns the messages that earlier pages of the user left, once. */
  take(user: string | undefined): readonly OutboxEntry[]
  /** Stores the entries that are not stored yet. */
  keep(entries: readonly OutboxEntry[]): void
  put(entry: OutboxEntry): void
  remove(clientId: string): void
}
