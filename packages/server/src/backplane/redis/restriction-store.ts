import type { RestrictionKind } from '../../api/contracts/restrictions.js'

/** Who is muted or banned, in Redis and by its clock. Each method is one script. */
export interface RestrictionStore {
  /** Replaces a restriction; Infinity for one that does not end by itself, 0 lifts it. */
  restrict(stream: string, userId: string, kind: RestrictionKind, forMs: number): Promise<void>
  bannedFor(stream: string, userId: string): Promise<number | undefined>
}
