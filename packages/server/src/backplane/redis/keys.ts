import { createHash } from 'node:crypto'

/**
 * The keys in Redis. All keys of one stream share a hash tag, so that a cluster keeps them in one slot. The part
 * after the tag has a fixed length, so that no stream's name can produce another stream's key.
 */
export class Keys {
  constructor(
    private readonly prefix: string,
    private readonly database: number,
  ) {}

  /** Stream: the entries in the log. */
  log(stream: string): string {
    return this.#of('log', stream)
  }

  /** Hash: epoch, and offset and id of the last entry. */
  meta(stream: string): string {
    return this.#of('meta', stream)
  }

  /** Hash: the users present, with their connections. */
  present(stream: string): string {
    return this.#of('present', stream)
  }

  /**
   * String: the outcome of one client message. It includes the user, or one user could suppress another's message.
   */
  sent(stream: string, userId: string, clientId: string): string {
    const digest = createHash('sha256').update(`${clientId}\n${userId}`).digest('base64url')
    return `${this.#of('sent', stream)}:${digest}`
  }

  /** String: the outcome of a server's own message with a key. */
  published(stream: string, key: string): string {
    const digest = createHash('sha256').update(key).digest('base64url')
    return `${this.#of('key', stream)}:${digest}`
  }

  /**
   * Channel: entries, changes of presence and volatile messages of one stream. It includes the number of the
   * database, because Redis separates keys by database, but not channels: without it, staging would disconnect users
   * of production.
   */
  channel(stream: string): string {
    return `${this.prefix}:${this.database}:live:{${stream}}`
  }

  /** Stream and hash: the entries of all streams, and the store's id with the last number and id. */
  get changes(): readonly [string, string] {
    return [`${this.prefix}:changes`, `${this.prefix}:changes:meta`]
  }

  /** The channel that announces new changes. */
  get changesChannel(): string {
    return `${this.prefix}:${this.database}:changes`
  }

  /** Hash: who has a consumer of the changes until when, and how far it has got. */
  consumer(name: string): string {
    return `${this.prefix}:consumer:${name}`
  }

  /** Set: the memberships that end with a node's lease. */
  lease(id: string): string {
    return `${this.prefix}:lease:${id}`
  }

  /** Sorted set: leases and grace periods, by the time at which they end. */
  get tasks(): string {
    return `${this.prefix}:tasks`
  }

  /** Channel: volatile messages to every node. */
  get relay(): string {
    return `${this.prefix}:${this.database}:relay`
  }

  /** String: signs anonymous sessions. */
  get secret(): string {
    return `${this.prefix}:secret`
  }

  #of(kind: string, stream: string): string {
    return `${this.prefix}:${kind}:{${stream}}`
  }
}
