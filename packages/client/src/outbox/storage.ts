import type { JsonObject } from '@roomful/protocol'

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
 * Keeps unacknowledged messages when the page goes. One page owns it at a time. Whatever throws or rejects, and a message
 * that cannot be read, is reported as `storage_failed`, and the client goes on with the messages in memory.
 */
export interface OutboxStorage {
  /**
   * Waits until this page owns the storage, then calls `opened` with what earlier pages left, and again with whatever
   * it gets later. `failed` gets what went wrong, such as an entry that cannot be read. Returns a function that gives up the storage.
   */
  open(
    name: string,
    opened: (messages: readonly StoredMessage[]) => void,
    failed: (error: unknown) => void,
  ): () => void
  /** Who this page is, from now on: for a storage that hands over only what this user left. */
  userIs?(user: string): void
  /** Log-out: removes what earlier pages left. Without it, what `opened` was called with is removed one by one. */
  clear?(): void
  put(name: string, message: StoredMessage): void
  remove(name: string, clientId: string): void
}
