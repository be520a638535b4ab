import type { Target } from '@roomful/protocol'
import type { OwnReactions, ReactionStore, ReactionUsers, UsersPage } from '../../api/contracts/backplane.js'
import type { SharedStore } from './shared-store.js'

/** Asks the store's thread who reacted with what. */
export class SqliteReactions implements ReactionStore {
  constructor(private readonly store: () => SharedStore) {}

  async users(stream: string, target: Target, reaction: string, page: UsersPage): Promise<ReactionUsers> {
    const { offset, id } = target
    const request = { kind: 'reaction_users', stream, target: { offset, id }, reaction, page } as const
    return (await this.store().call(request)) as ReactionUsers
  }

  async of(
    stream: string,
    epoch: string,
    user: string,
    offsets: readonly number[],
  ): Promise<readonly OwnReactions[]> {
    const request = { kind: 'own_reactions', stream, epoch, user, offsets } as const
    return (await this.store().call(request)) as readonly OwnReactions[]
  }
}
