import type { ClientMessageOf } from '@roomful/protocol'
import type { Backplane } from '../../api/contracts/backplane.js'
import { RoomfulError } from '../../api/contracts/roomful-error.js'
import type { Limits } from '../../api/options/limits.js'
import { type Access, isStillMember } from '../application/access.js'
import type { Allowances } from '../connection/allowances.js'
import type { Connection } from '../connection/connection.js'
import { TextFrame } from '../connection/frames.js'
import { refsOfMessage } from '../connection/refs.js'
import type { Replies } from '../connection/replies.js'
import type { Membership } from '../connection/session.js'
import type { Memberships } from './memberships.js'
import { streamOf } from './room.js'

export interface ReactionsDeps {
  readonly access: Access
  readonly allowances: Allowances
  readonly memberships: Memberships
  readonly replies: Replies
  readonly backplane: Backplane
  readonly limits: Pick<Limits, 'pageBytes'>
}

type Request = ClientMessageOf<'reactions'>

const USERS = 100

/** Answers who reacted to a message. */
export class Reactions {
  constructor(private readonly deps: ReactionsDeps) {}

  async send(connection: Connection, membership: Membership, message: Request): Promise<void> {
    const { access, allowances, memberships, limits } = this.deps
    const { roomId } = membership
    const denied = await access.authorize(connection, 'history', roomId)
    if (denied) return memberships.deny(connection, roomId, denied, refsOfMessage(message, membership))
    await allowances.page(connection, limits.pageBytes, () => this.#answer(connection, membership, message))
  }

  async #answer(connection: Connection, membership: Membership, message: Request): Promise<void> {
    const { backplane, replies, allowances } = this.deps
    const { user } = connection.session
    const { target, reaction, after = 0, limit = USERS, ref } = message
    if (!user || !backplane.reactions) return
    const found = await backplane.reactions.users(streamOf(membership.roomId, user.id), target, reaction, {
      after,
      limit,
    })
    const refs = refsOfMessage(message, membership)
    if (!isStillMember(connection, membership))
      return replies.fail(connection, new RoomfulError('not_in_room'), refs)
    if (found.status !== 'found') return replies.fail(connection, new RoomfulError(found.status), refs)
    const { users, next } = found
    const answer = {
      type: 'reactions',
      room_id: membership.roomId,
      target,
      reaction,
      users,
      more: next !== undefined,
      next,
      ref,
    }
    const frame = TextFrame.of(answer)
    connection.write(frame)
    allowances.charge(connection, frame.payloadBytes)
  }
}
