import type { RestrictedUser, RestrictionKind } from '../../api/contracts/restrictions.js'

/** Who is muted or banned, in Redis and by its clock. Each script works on one key. */
export interface RestrictionStore {
  /** Replaces a restriction; Infinity for one that does not end by itself, 0 lifts it. */
  restrict(stream: string, userId: string, kind: RestrictionKind, forMs: number): Promise<void>
  bannedFor(stream: string, userId: string): Promise<number | undefined>
  /** Everybody who is restricted in a stream, some of them perhaps twice. */
  restricted(stream: string): AsyncGenerator<RestrictedUser, void>
}
