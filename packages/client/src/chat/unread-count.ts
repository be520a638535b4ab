import type { Cursor } from '@roomful/protocol'

/** No server counts further: it means that many or more. */
export const MOST_UNREAD = 100

/** What the server has counted: what is unread above a mark, among the entries up to an offset. */
export interface Counted {
  readonly mark: Cursor | undefined
  readonly to: number
  readonly unread: number
  readonly mentions: number
}

/** An entry that counts. */
export interface Countable {
  readonly offset: number
  readonly isMention: boolean
}

export interface Count {
  readonly unread: number
  readonly mentions: number
}

/** Whether a place is after another one, or in another log. */
export function isAfter(place: Cursor, mark: Cursor | undefined): boolean {
  return place.epoch !== mark?.epoch || place.offset > mark.offset
}

/**
 * What is unread: what the server counted, and the entries after that. `since` is the offset after which all entries that
 * count are in `recent`. With a mark that the server does not know yet, only these can be counted; of others, what it
 * counted stands until it answers.
 */
export function countNow(
  counted: Counted,
  recent: readonly Countable[],
  since: number,
  moved: Cursor | undefined,
): Count {
  if (moved && isAfter(moved, counted.mark) && moved.offset >= since)
    return sum({ unread: 0, mentions: 0 }, recent, moved.offset)
  return sum(counted, recent, Math.max(counted.to, counted.mark?.offset ?? 0))
}

function sum({ unread, mentions }: Count, recent: readonly Countable[], above: number): Count {
  const more = recent.filter(({ offset }) => offset > above)
  return {
    unread: Math.min(MOST_UNREAD, unread + more.length),
    mentions: Math.min(MOST_UNREAD, mentions + more.filter(({ isMention }) => isMention).length),
  }
}
