import type { Target } from '@roomful/protocol'

/** Who has reacted with what: the messages in the log have only how many. */
export interface ReactionStore {
  /** Who reacted to a message in one way, whoever did so first at the beginning. */
  users(stream: string, target: Target, reaction: string, page: UsersPage): Promise<ReactionUsers>
  /** What a user reacted to some messages, by their offsets; messages without are left out. Nothing for another epoch. */
  of(
    stream: string,
    epoch: string,
    userId: string,
    offsets: readonly number[],
  ): Promise<readonly OwnReactions[]>
}

export interface UsersPage {
  /** The `next` of the page before. */
  readonly after: number
  readonly limit: number
}

export type ReactionUsers =
  | {
      readonly status: 'found'
      readonly users: readonly string[]
      /** Where the next page begins; `undefined` if there is none. */
      readonly next: number | undefined
    }
  /** The log keeps no chat message at the target's offset with its id, or that message was deleted. */
  | { readonly status: 'not_found' | 'deleted' }

export interface OwnReactions {
  /** Of the message. */
  readonly offset: number
  /** In the order in which the user added them. */
  readonly reactions: readonly string[]
}
