import { fingerprint } from '../log/fingerprint.js'
import type { NotedReaction } from '../log/reactions.js'

/** The number of fields among which the reactions to a message are spread: each change writes one of them anew. */
export const BUCKETS = 16

/** The field with what a user reacted to the message at an offset. */
export function reactionField(offset: number, userId: string): string {
  return `r${offset}.${fingerprint(userId) % BUCKETS}`
}

/** All fields with reactions to a message. */
export function reactionFields(offset: number): readonly string[] {
  return Array.from({ length: BUCKETS }, (_, bucket) => `r${offset}.${bucket}`)
}

/** How a line of such a field names a user's reaction. JSON, so that it is one line whatever the user is called. */
export function reactionName(userId: string, reaction: string): string {
  return JSON.stringify([userId, reaction])
}

/** How the names of all reactions of a user begin, and no others. */
export function startOfNames(userId: string): string {
  return `[${JSON.stringify(userId)},`
}

/** What a field says: on each line the offset of an entry, what it did, and the name. */
export function notedIn(field: string | null): readonly NotedReaction[] {
  const lines = field ? field.split('\n') : []
  return lines.map((line) => {
    const [at = '', sign = ''] = line.split(' ', 2)
    const [userId, reaction] = JSON.parse(line.slice(at.length + sign.length + 2)) as [string, string]
    return { userId, reaction, isOn: sign === '+', madeAt: Number(at) }
  })
}
