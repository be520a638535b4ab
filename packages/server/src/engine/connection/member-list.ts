import type { Member } from '@roomful/protocol'
import type { User } from '../../api/api.js'
import type { PresentUser } from '../../api/contracts/backplane.js'

/** The JSON of each user, kept while the user is unchanged, because each join lists all users. */
const texts = new WeakMap<PresentUser, { readonly text: string; readonly bytes: number }>()

/** A user who is about to be present. */
export function toPresent({ id, profile }: User): PresentUser {
  return { userId: id, ...(profile && { profile }) }
}

/** A user, as shown in member lists. */
export function toMember({ userId, profile, state }: PresentUser): Member {
  return profile || state ? { user_id: userId, profile, state } : { user_id: userId }
}

/** Members, as written into a frame. */
export interface MemberList {
  readonly text: string
}

/** `undefined` if the list would be longer than allowed. */
export function memberList(users: readonly PresentUser[], maxBytes: number): MemberList | undefined {
  const parts: string[] = []
  let left = maxBytes - '[]'.length
  for (const user of users) {
    const { text, bytes } = textOf(user)
    left -= bytes + ','.length
    if (left < 0) return undefined
    parts.push(text)
  }
  return { text: `[${parts.join(',')}]` }
}

function textOf(user: PresentUser) {
  const known = texts.get(user)
  if (known) return known
  const text = JSON.stringify(toMember(user))
  const made = { text, bytes: Buffer.byteLength(text) }
  texts.set(user, made)
  return made
}
