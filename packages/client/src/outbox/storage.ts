import type { Draft } from '../options/stored-outbox.js'

/** A message, or an edit, a deletion or a reaction, that outlives its page. */
export interface StoredMessage extends Draft {
  readonly clientId: string
  readonly roomId: string
  /** The sender; only pages of this user send the message. */
  readonly userId: string
  /** Defines the order of messages in a storage. */
  readonly sequence: number
  /** When it was first transmitted without an answer, in ms since 1970. */
  readonly doubtSince?: number | undefined
  /** The newest entry of the room that was known at that time. */
  readonly seen?: { readonly epoch: string; readonly offset: number } | undefined
}

/**
 * Keeps unacknowledged messages when the page closes. One page owns it at a time. If a method throws or rejects, or a
 * message cannot be read, the client reports `storage_failed` and continues with the messages in memory.
 */
export interface OutboxStorage {
  /**
   * Waits until this page owns the storage, then calls `opened` with the messages that earlier pages left, and again
   * with those that it receives later. Calls `failed` with errors, such as an entry that cannot be read. Returns a
   * function that gives up the storage.
   */
  open(
    name: string,
    opened: (messages: readonly StoredMessage[]) => void,
    failed: (error: unknown) => void,
  ): () => void
  /** Tells the storage who this page's user is, so that it can return only that user's messages. */
  userIs?(user: string): void
  /**
   * For log-out: removes the messages that earlier pages left. Without this method, those passed to `opened` are
   * removed one by one.
   */
  clear?(): void
  put(name: string, message: StoredMessage): void
  remove(name: string, clientId: string): void
}
