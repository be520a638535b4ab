import { type ClientMessageOf, OWN_STREAM, RoomfulError } from '@roomful/protocol'
import type { Backplane } from '../../api/contracts/backplane.js'
import type { Clock } from '../../api/contracts/clock.js'
import type { Limits } from '../../api/options/limits.js'
import { paid, waitFor } from '../../util/rate-limit.js'
import type { Connection } from '../connection/connection.js'
import { toPresent } from '../connection/member-list.js'
import type { Replies } from '../connection/replies.js'
import { streamOf } from './room.js'

export interface OwnProfilesDeps {
  readonly backplane: Backplane
  readonly replies: Replies
  readonly clock: Clock
  readonly limits: Pick<Limits, 'profileChangesPerMinute'>
}

/** Lets anonymous users say what they are called. */
export class OwnProfiles {
  constructor(private readonly deps: OwnProfilesDeps) {}

  /** Sets it in all rooms of the connection, and in those that it joins later. */
  async set(connection: Connection, { profile, ref }: ClientMessageOf<'set_profile'>): Promise<void> {
    const { backplane, replies } = this.deps
    const { session } = connection
    const refusal = this.#charge(connection)
    if (refusal) return replies.fail(connection, refusal, { ref })
    if (!session.user) return
    session.user = { ...session.user, profile }
    const present = toPresent(session.user)
    for (const roomId of session.rooms.keys())
      if (roomId !== OWN_STREAM)
        await backplane.enter(streamOf(roomId, session.user.id), present, connection.id)
    if (ref !== undefined) replies.send(connection, { type: 'reply', ref, data: profile })
  }

  /** Each change goes to all members of all rooms of the user. */
  #charge({ session }: Connection): RoomfulError | undefined {
    const { clock, limits } = this.deps
    const most = limits.profileChangesPerMinute
    const rate = { perSecond: most / 60, burst: Math.max(1, most) }
    const now = clock.now()
    const retryAfterMs = waitFor(session.profiles, rate, now)
    if (retryAfterMs > 0) return new RoomfulError('rate_limited', { retryAfterMs })
    session.profiles = paid(session.profiles, rate, now)
    return undefined
  }
}
