import type { JsonObject } from '@roomful/protocol'
import type { Reader } from '../../api/contracts/marks.js'
import { isChatText, isErasedText, targetOf } from './amending.js'

/** Nobody counts further: no badge shows more. */
export const MOST_UNREAD = 100
/** How many messages are looked at for one count: most of them may be the reader's own, or of types that do not count. */
export const MOST_LOOKED_AT = 10_000

/** What an entry is to a reader. */
export type Weight = 'nothing' | 'own' | 'unread' | 'mention'

export interface Count {
  readonly unread: number
  readonly mentions: number
}

/** Weighs the texts of entries for a reader. They are not parsed, unless they must be: a count looks at a hundred. */
export function weigher({ userId, counts }: Reader): (text: string) => Weight {
  const name = JSON.stringify(userId)
  const author = `${AUTHOR}${name},`
  const starts = counts.map((type) => `{"type":${JSON.stringify(type)},`)
  return (text) => {
    if (!isChatText(text)) return starts.some((start) => text.startsWith(start)) ? 'unread' : 'nothing'
    if (isTombstone(text)) return 'nothing'
    // The first place with this name is the message's own: in its text, which alone comes before, quotes are escaped.
    if (text.startsWith(author, text.indexOf(AUTHOR))) return 'own'
    return mentions(text, name, userId) ? 'mention' : 'unread'
  }
}

const AUTHOR = ',"user_id":'
const WITHOUT_TEXT = '{"type":"chat_message","message":"",'

function isTombstone(text: string): boolean {
  return text.startsWith(WITHOUT_TEXT) && JSON.parse(text).deleted === true
}

function mentions(text: string, name: string, userId: string): boolean {
  if (!text.includes(',"mentions":[') || !text.includes(name)) return false
  const { mentions: mentioned }: JsonObject = JSON.parse(text)
  return Array.isArray(mentioned) && mentioned.includes(userId)
}

/** Counts what is unread among the texts of messages above a mark, the newest first. */
export function countUnread(newestFirst: Iterable<string>, reader: Reader): Count {
  const weigh = weigher(reader)
  let [unread, mentions, looked] = [0, 0, 0]
  for (const text of newestFirst) {
    const weight = weigh(text)
    if (weight === 'unread' || weight === 'mention') unread++
    if (weight === 'mention') mentions++
    if (unread === MOST_UNREAD || ++looked === MOST_LOOKED_AT) break
  }
  return { unread, mentions }
}

/** What a reader has not read, and the offset up to which they have. */
export interface Unread extends Count {
  readonly readTo: number
}

/**
 * What is unread after one more entry. `undefined` if only the store can tell, because the entry took away what may have
 * been counted, or mentions the reader when a hundred messages are unread already.
 */
export function unreadAfter(before: Unread, { offset, text }: Placed, weight: Weight): Unread | undefined {
  switch (weight) {
    case 'own':
      return { readTo: Math.max(before.readTo, offset), unread: 0, mentions: 0 }
    case 'nothing':
      return takesAway(text, before.readTo) ? undefined : before
    default: {
      if (offset <= before.readTo) return before
      // The mentions are those among the newest hundred: which of them left these, only the store can tell.
      if (before.unread === MOST_UNREAD) return weight === 'mention' ? undefined : before
      const mentions = before.mentions + (weight === 'mention' ? 1 : 0)
      return { ...before, unread: before.unread + 1, mentions }
    }
  }
}

interface Placed {
  readonly offset: number
  readonly text: string
}

const DELETED = '{"type":"message_deleted",'

/** Whether an entry may have taken a message above a mark. */
function takesAway(text: string, readTo: number): boolean {
  if (text.startsWith(DELETED)) return targetOf(JSON.parse(text)).offset > readTo
  return isErasedText(text) && Number(JSON.parse(text).through) > readTo
}
