import type { Subscription } from './log.js'

/** What a user may not do in a stream: with `mute` write messages and edit them, with `ban` also enter it. */
export type RestrictionKind = 'mute' | 'ban'

/** A ban on some node. `missed`: news may have been lost, so any user may have been banned. */
export type BanNews = { readonly stream: string; readonly userId: string } | 'missed'

/** For how much longer a user is restricted in a stream, in ms; Infinity: until it is lifted. */
export interface RestrictedUser {
  readonly userId: string
  /** Absent if the user is not muted. */
  readonly mutedForMs?: number
  /** Absent if the user is not banned. */
  readonly bannedForMs?: number
}

export interface RestrictedPage {
  readonly users: readonly RestrictedUser[]
  /** Whether there are others after these. */
  readonly more: boolean
}

/**
 * Keeps who is muted or banned in a stream. A restriction outlives the log of its stream, also if that is deleted, and
 * ends by itself.
 */
export interface Restrictions {
  /**
   * Restricts a user for `forMs`, from now on, or until `lift` if that is Infinity; replaces an earlier restriction of
   * the same kind. Once it has resolved, no node's `publish` accepts a draft of this `writer`.
   */
  set(stream: string, userId: string, kind: RestrictionKind, forMs: number): Promise<void>
  lift(stream: string, userId: string, kind: RestrictionKind): Promise<void>
  /** For how much longer a user is banned, in ms; `undefined` if not. */
  bannedFor(stream: string, userId: string): Promise<number | undefined>
  /**
   * The users who are restricted in a stream now, after one of them (also if that one is not restricted any more), in an
   * order of their ids that stays.
   */
  list(
    stream: string,
    page: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<RestrictedPage>
  /** Tells of every ban from then on, whichever node set it. */
  watch(listener: (news: BanNews) => void): Promise<Subscription>
}
