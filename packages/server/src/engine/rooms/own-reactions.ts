import type { LogEntry, OwnReactions, ReactionStore } from '../../api/contracts/backplane.js'
import { reactedTo } from '../../backplane/log/own-reactions.js'

const NONE: readonly OwnReactions[] = []

/** What a user reacted to the messages of a page. Nothing is awaited if nobody did. */
export function ownReactionsIn(
  store: ReactionStore | undefined,
  { stream, epoch, userId }: { readonly stream: string; readonly epoch: string; readonly userId: string },
  entries: readonly LogEntry[],
): readonly OwnReactions[] | Promise<readonly OwnReactions[]> {
  const offsets = store ? reactedTo(entries) : []
  return store && offsets.length > 0 ? store.of(stream, epoch, userId, offsets) : NONE
}
