import { OWN_STREAM } from '@roomful/protocol'
import type { ListedRestriction, ListOptions, RestrictionList, RestrictionOptions } from '../../api/api.js'
import type {
  Backplane,
  BanNews,
  RestrictedUser,
  RestrictionKind,
  Restrictions,
} from '../../api/contracts/backplane.js'
import type { Clock } from '../../api/contracts/clock.js'
import type { Logger } from '../../api/contracts/logger.js'
import type { RoomfulError } from '../../api/contracts/roomful-error.js'
import { assertListOptions, assertRestrictionOptions } from '../../api/options/check-calls.js'
import { assertUserId } from '../../api/options/check-ids.js'
import { rejectAndClose } from '../connection/closing.js'
import type { Connection } from '../connection/connection.js'
import type { Registry } from '../connection/registry.js'
import type { Replies } from '../connection/replies.js'
import type { LifeCycle } from '../process/life-cycle.js'
import { bannedIn } from './bans.js'
import { CatchUp } from './catch-up.js'
import type { Memberships } from './memberships.js'

export interface ModerationDeps {
  readonly backplane: Backplane
  readonly registry: Registry
  readonly memberships: Memberships
  readonly replies: Replies
  readonly lifeCycle: LifeCycle
  readonly clock: Clock
  readonly logger: Logger
}

/** Stands for the whole server: no room has this name. */
export const WHOLE_SERVER = '@server'
/** In ms: longer restrictions do not end by themselves. */
const CENTURY_MS = 100 * 366 * 86_400_000

/** Mutes and bans users, and removes those who are banned on whatever node. */
export class Moderation {
  #stopWatching = () => {}
  readonly #catchUp: CatchUp
  /** Grows with each piece of news, so that what was read before it is read again. */
  #heardSoFar = 0

  constructor(private readonly deps: ModerationDeps) {
    const { clock, logger } = deps
    this.#catchUp = new CatchUp(
      clock,
      () => this.#checkAll(),
      (err) => logger.warn({ err }, 'it could not be read who is banned; trying again'),
    )
  }

  /** Follows the bans of all nodes. */
  async start(): Promise<void> {
    const watching = await this.deps.backplane.restrictions?.watch((news) => this.#heard(news))
    if (watching) this.#stopWatching = () => watching.close()
  }

  stop(): void {
    this.#stopWatching()
    this.#catchUp.stop()
  }

  /** @throws TypeError for a wrong argument, or if the backplane cannot; RoomfulError `unavailable` */
  async restrict(
    stream: string,
    userId: string,
    kind: RestrictionKind,
    options: RestrictionOptions = {},
  ): Promise<void> {
    assertUserId(userId)
    assertRestrictionOptions(kind, options)
    const { forMs = Number.POSITIVE_INFINITY } = options
    const lastsMs = forMs > CENTURY_MS ? Number.POSITIVE_INFINITY : forMs
    const restrictions = this.#restrictions(kind)
    await this.deps.lifeCycle.run(() => restrictions.set(stream, userId, kind, lastsMs))
  }

  /** @throws TypeError for a wrong argument, or if the backplane cannot; RoomfulError `unavailable` */
  async lift(stream: string, userId: string, kind: RestrictionKind): Promise<void> {
    assertUserId(userId)
    const restrictions = this.#restrictions(`un${kind}`)
    await this.deps.lifeCycle.run(() => restrictions.lift(stream, userId, kind))
  }

  /** @throws TypeError for a wrong option, or if the backplane cannot; RoomfulError `unavailable` */
  async list(stream: string, options: ListOptions = {}): Promise<RestrictionList> {
    assertListOptions('listRestrictions', options)
    const { after, limit = 50 } = options
    const restrictions = this.#restrictions('listRestrictions')
    const { users, more } = await this.deps.lifeCycle.run(() => restrictions.list(stream, { after, limit }))
    return { restrictions: users.map(listed), more }
  }

  /**
   * Why a user may not connect. When it resolves, no news that concerns its answer is under way: whoever registers the
   * connection at once cannot miss a ban.
   * @throws RoomfulError `unavailable`
   */
  async refusal(userId: string): Promise<RoomfulError | undefined> {
    const { backplane } = this.deps
    if (!backplane.restrictions) return undefined
    for (;;) {
      const before = this.#heardSoFar
      const banned = await bannedIn(backplane, WHOLE_SERVER, userId)
      if (this.#heardSoFar === before) return banned
    }
  }

  #restrictions(call: string): Restrictions {
    const { restrictions } = this.deps.backplane
    if (restrictions) return restrictions
    throw new TypeError(
      `${call}: this backplane does not keep who is muted or banned; memory(), sqlite() and redis() do`,
    )
  }

  #heard(news: BanNews): void {
    this.#heardSoFar++
    if (news === 'missed') this.#catchUp.missed()
    else this.#check(news.stream, news.userId).catch((error: unknown) => this.#catchUp.failed(error))
  }

  /** Reads the ban, since it may be over: news may be late. */
  async #check(stream: string, userId: string): Promise<void> {
    const connections = [...this.deps.registry.ofUser(userId)]
    if (connections.length === 0) return
    const banned = await bannedIn(this.deps.backplane, stream, userId)
    if (banned) for (const connection of connections) this.#remove(connection, stream, banned)
  }

  #remove(connection: Connection, stream: string, banned: RoomfulError): void {
    const { memberships, replies } = this.deps
    if (stream !== WHOLE_SERVER) memberships.expel(connection, stream, 'banned', banned)
    else if (connection.isOpen) rejectAndClose(connection, replies, banned, 'banned')
  }

  /** One after the other, so that the store has time for messages too. */
  async #checkAll(): Promise<void> {
    for (const { session } of [...this.deps.registry.connections()])
      for (const roomId of [WHOLE_SERVER, ...session.rooms.keys()])
        if (session.user && roomId !== OWN_STREAM) await this.#check(roomId, session.user.id)
  }
}

function listed({ userId, mutedForMs, bannedForMs }: RestrictedUser): ListedRestriction {
  return {
    userId,
    ...(mutedForMs !== undefined && { muted: optionsOf(mutedForMs) }),
    ...(bannedForMs !== undefined && { banned: optionsOf(bannedForMs) }),
  }
}

function optionsOf(forMs: number): RestrictionOptions {
  return Number.isFinite(forMs) ? { forMs } : {}
}
