import type { Target } from '@roomful/protocol'
import type { OwnReactions, ReactionStore, ReactionUsers, UsersPage } from '../../api/contracts/backplane.js'
import { messageAt } from '../log/amending.js'
import { ownOf, usersPage } from '../log/reactors.js'
import { notedIn, reactionField, reactionFields } from './reaction-fields.js'
import type { ReactionsReply, ReadReply } from './store.js'

export interface RedisReactionsDeps {
  readEntry(stream: string, offset: number): Promise<ReadReply>
  readReactions(stream: string, fields: readonly string[]): Promise<ReactionsReply>
}

/** Reads who reacted with what. */
export class RedisReactions implements ReactionStore {
  constructor(private readonly deps: RedisReactionsDeps) {}

  async users(stream: string, target: Target, reaction: string, page: UsersPage): Promise<ReactionUsers> {
    const { entries } = await this.deps.readEntry(stream, target.offset)
    const found = entries[0]?.offset === target.offset ? entries[0] : undefined
    const message = messageAt(found, target)
    if (!message) return { status: 'not_found' }
    if (message.deleted) return { status: 'deleted' }
    const { fields } = await this.deps.readReactions(stream, reactionFields(target.offset))
    const noted = fields.flatMap(notedIn).sort((a, b) => a.madeAt - b.madeAt)
    return { status: 'found', ...usersPage(noted, reaction, page) }
  }

  async of(
    stream: string,
    epoch: string,
    userId: string,
    offsets: readonly number[],
  ): Promise<readonly OwnReactions[]> {
    const asked = offsets.map((offset) => reactionField(offset, userId))
    const read = await this.deps.readReactions(stream, asked)
    if (read.epoch !== epoch) return []
    return offsets.flatMap((offset, index) => ownOf(offset, notedIn(read.fields[index] ?? null), userId))
  }
}
