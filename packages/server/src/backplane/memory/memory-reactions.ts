import type { Target } from '@roomful/protocol'
import type { OwnReactions, ReactionStore, ReactionUsers, UsersPage } from '../../api/contracts/backplane.js'
import { messageAt } from '../log/amending.js'
import type { Streams } from './memory-streams.js'

/** Reads who reacted with what from the logs of one process. */
export class MemoryReactions implements ReactionStore {
  constructor(
    private readonly streams: () => Streams,
    private readonly now: () => number,
  ) {}

  async users(name: string, target: Target, reaction: string, page: UsersPage): Promise<ReactionUsers> {
    const log = this.streams().get(name)?.log
    log?.expire(this.now())
    const message = messageAt(log?.entryAt(target.offset), target)
    if (!message) return { status: 'not_found' }
    if (message.deleted) return { status: 'deleted' }
    const found = log?.reactors?.users(target.offset, reaction, page)
    return { status: 'found', users: found?.users ?? [], next: found?.next }
  }

  async of(
    name: string,
    epoch: string,
    userId: string,
    offsets: readonly number[],
  ): Promise<readonly OwnReactions[]> {
    const log = this.streams().get(name)?.log
    return log?.epoch === epoch ? (log.reactors?.of(userId, offsets) ?? []) : []
  }
}
