import type { LogEntry, OwnReactions, ReactionStore } from '../../api/contracts/backplane.js'
import { isAmendmentText } from '../../backplane/log/amending.js'
import { folded } from '../../backplane/log/folding.js'
import { ownAfter, reactedTo } from '../../backplane/log/own-reactions.js'
import type { OwnPage } from '../connection/page-frames.js'

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

/** A page of the past as it is by now: its reader may have got what has changed in it since it was read. */
export function pageNow(page: OwnPage, tail: readonly LogEntry[], userId: string): OwnPage {
  const late = tail.filter(({ offset, text }) => offset > page.head.offset && isAmendmentText(text))
  if (late.length === 0) return page
  return { ...page, entries: folded(page.entries, late), own: ownAfter(page.own, late, userId) }
}
