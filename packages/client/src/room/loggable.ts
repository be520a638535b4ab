/** Properties that every message in a log has, and those that chat and own messages add. */
export interface Loggable {
  readonly type: string
  readonly id?: string | number | undefined
  readonly epoch?: string | undefined
  readonly offset?: number | undefined
  readonly client_id?: string | undefined
  readonly user_id?: unknown
}

/**
 * The position of an entry that this client cannot read, because it is from a newer contract or violates its schema.
 * It is not shown.
 */
export class Place implements Loggable {
  constructor(
    readonly type: string,
    readonly id: string,
    readonly epoch: string,
    readonly offset: number,
  ) {}
}

/** The offsets that a page accounts for: those of its entries, and of others that it already contains. */
export interface Coverage {
  readonly epoch?: string | undefined
  readonly covers?: { readonly from: number; readonly to: number } | undefined
  /** What is older is gone. */
  readonly oldest_offset?: number | undefined
  /** What the user reacted to messages of the page. */
  readonly own_reactions?: readonly OwnReactions[] | undefined
}

export interface OwnReactions {
  /** Of the message. */
  readonly offset: number
  readonly reactions: readonly string[]
}
