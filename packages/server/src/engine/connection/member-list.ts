import type { PresentUser } from '../../api/backplane.js'

/** Users as JSON, for as long as they stay as they are: each join lists them all. */
const texts = new WeakMap<PresentUser, { readonly text: string; readonly bytes: number }>()

/** A user as member lists show it. */
export function toMember({ userId, profile, state }: PresentUser): object {
  return profile || state ? { user_id: userId, profile, state } : { user_id: userId }
}

/** Members as they stand in a frame. */
export interface MemberList {
  readonly text: string
}

/** `undefined` if the list is longer than it may be. */
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
