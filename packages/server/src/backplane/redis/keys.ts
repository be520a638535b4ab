import { PARTITION_TAGS, partitionOf } from './partition.js'

/** The stream that tells all nodes of each ban. No room's and no user's has this name. */
export const BAN_NEWS = '@bans'

/**
 * The keys in Redis. What belongs to a stream has the tag of its partition, so that a cluster would keep it in one slot.
 * The stream's name comes last, so that no name can produce another stream's key.
 */
export class Keys {
  constructor(
    private readonly prefix: string,
    private readonly database: number,
  ) {}

  /** Hash: the log of a stream, with the records that recognise repeats. */
  log(stream: string): string {
    return `${this.prefix}:{${partitionOf(stream)}}:log:${stream}`
  }

  /** Hash: the users present, with their connections. */
  present(stream: string): string {
    return `${this.prefix}:{${partitionOf(stream)}}:present:${stream}`
  }

  /** Hash: until when users are muted and banned in a stream. */
  restricted(stream: string): string {
    return `${this.prefix}:{${partitionOf(stream)}}:restricted:${stream}`
  }

  /** String: what a user is called who wrote messages. */
  profile(userId: string): string {
    return `${this.prefix}:profile:${userId}`
  }

  /**
   * Channel: entries, changes of presence and volatile messages of one stream. It includes the number of the
   * database, because Redis separates keys by database, but not channels: without it, staging would disconnect users
   * of production.
   */
  channel(stream: string): string {
    return `${this.prefix}:${this.database}:{${partitionOf(stream)}}:live:${stream}`
  }

  /** Channels: the names of streams whose logs have changed, one for each partition. */
  get changed(): readonly string[] {
    return PARTITION_TAGS.map((tag) => `${this.prefix}:${this.database}:{${tag}}:changed`)
  }

  /** Matches the keys of all logs, and nothing else. */
  get logs(): string {
    const prefix = this.prefix.replaceAll(/[\\*?[\]]/g, '\\$&')
    return `${prefix}:{[0-9][0-9][0-9]}:log:*`
  }

  /** The stream whose log has this key. */
  streamOf(log: string): string {
    return log.slice(`${this.prefix}:{000}:log:`.length)
  }

  /** Hash: the entries of all streams, as one more log. */
  get changes(): string {
    return `${this.prefix}:feed`
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

  /** String: a node is tidying logs, or has just done so. */
  get tidying(): string {
    return `${this.prefix}:tidying`
  }

  /** Channel: volatile messages to every node. */
  get relay(): string {
    return `${this.prefix}:${this.database}:relay`
  }

  /** String: signs anonymous sessions. */
  get secret(): string {
    return `${this.prefix}:secret`
  }
}
