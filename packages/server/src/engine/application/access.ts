import { type RoomfulError as AnyRoomfulError, OWN_STREAM } from '@roomful/protocol'
import type { Action, AnyProtocol, ServerOptions, User } from '../../api/api.js'
import { RoomfulError } from '../../api/contracts/roomful-error.js'
import type { Connection } from '../connection/connection.js'
import type { Membership } from '../connection/session.js'
import type { ApplicationCalls } from './calls.js'

type Authorize = NonNullable<ServerOptions<AnyProtocol, unknown>['authorize']>

/** Decides who may do what in which room. */
export class Access {
  constructor(
    private readonly ask: Authorize | undefined,
    private readonly calls: ApplicationCalls,
  ) {}

  /**
   * Why a member may not act, or `undefined` if they may. The membership may have ended before the application
   * answered.
   */
  async refusal(
    connection: Connection,
    membership: Membership,
    action: Action<AnyProtocol>,
  ): Promise<AnyRoomfulError | undefined> {
    const denied = await this.authorize(connection, action, membership.roomId)
    return denied ?? (isStillMember(connection, membership) ? undefined : new RoomfulError('not_in_room'))
  }

  /** Why a member may not change messages of others. Nobody may if the application has no `authorize`. */
  async moderationRefusal(
    connection: Connection,
    membership: Membership,
  ): Promise<AnyRoomfulError | undefined> {
    if (!this.ask) return new RoomfulError('forbidden', { roomId: membership.roomId })
    return this.refusal(connection, membership, 'moderate')
  }

  /** Why the user of a connection may not act in a room, or `undefined` if they may. */
  authorize(
    { session: { user } }: Connection,
    action: Action<AnyProtocol>,
    roomId: string,
  ): undefined | Promise<AnyRoomfulError | undefined> {
    return user && this.authorizeUser(user, action, roomId)
  }

  /**
   * Why a user, connected or not, may not act in a room, or `undefined` if they may. Answers at once if the application
   * has no `authorize`. A throw denies temporarily.
   */
  authorizeUser(
    user: User,
    action: Action<AnyProtocol>,
    roomId: string,
  ): undefined | Promise<AnyRoomfulError | undefined> {
    return this.ask && roomId !== OWN_STREAM ? this.#authorize(this.ask, { user, action, roomId }) : undefined
  }

  async #authorize(ask: Authorize, question: Parameters<Authorize>[0]): Promise<AnyRoomfulError | undefined> {
    const { roomId } = question
    const outcome = await this.calls.run('authorize', undefined, () => ask(question))
    if (outcome.ok) return outcome.value === true ? undefined : new RoomfulError('forbidden', { roomId })
    if (outcome.error.code !== 'internal') return outcome.error
    return new RoomfulError('unavailable', { retryAfterMs: 1_000, roomId, cause: outcome.error })
  }
}

/** False if the member was kicked or disconnected while the application was deciding. */
export function isStillMember({ isOpen, session }: Connection, membership: Membership): boolean {
  return isOpen && session.rooms.get(membership.roomId) === membership
}
