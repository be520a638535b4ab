import type { Draft, PublishResult, RestrictedUser, RestrictionKind } from '../../api/contracts/backplane.js'

/** Until when a user is restricted in a stream; 0 if not. Of one clock, in ms. */
export interface Restricted {
  readonly mutedUntil: number
  readonly bannedUntil: number
}

export type Restraint = Extract<PublishResult, { readonly status: 'muted' | 'banned' }>

export const UNRESTRICTED: Restricted = { mutedUntil: 0, bannedUntil: 0 }

/** A user's restrictions after one of them was replaced. */
export function restrict(before: Restricted, kind: RestrictionKind, until: number): Restricted {
  return kind === 'mute' ? { ...before, mutedUntil: until } : { ...before, bannedUntil: until }
}

/** When the last of them ends. */
export function endOf({ mutedUntil, bannedUntil }: Restricted): number {
  return Math.max(mutedUntil, bannedUntil)
}

/** What is told of a user in a list; `undefined` if nothing restricts them any more. */
export function restrictedUser(
  userId: string,
  { mutedUntil, bannedUntil }: Restricted,
  now: number,
): RestrictedUser | undefined {
  if (Math.max(mutedUntil, bannedUntil) <= now) return undefined
  return {
    userId,
    ...(mutedUntil > now && { mutedForMs: mutedUntil - now }),
    ...(bannedUntil > now && { bannedForMs: bannedUntil - now }),
  }
}

/** Why a draft may not be appended. */
export function restraint(
  { mutedUntil, bannedUntil }: Restricted,
  kinds: readonly RestrictionKind[],
  now: number,
): Restraint | undefined {
  if (kinds.includes('ban') && bannedUntil > now) return { status: 'banned', forMs: bannedUntil - now }
  if (kinds.includes('mute') && mutedUntil > now) return { status: 'muted', forMs: mutedUntil - now }
  return undefined
}

/** The restrictions that concern a draft. Whoever is muted may still take back what they wrote. */
export function kindsAgainst({
  writer,
  amends,
}: Pick<Draft, 'writer' | 'amends'>): readonly RestrictionKind[] {
  if (writer === undefined) return NONE
  return amends?.kind === 'delete' || amends?.kind === 'unreact' ? BAN : BOTH
}

const NONE: readonly RestrictionKind[] = []
const BAN: readonly RestrictionKind[] = ['ban']
const BOTH: readonly RestrictionKind[] = ['mute', 'ban']
