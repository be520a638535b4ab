import { type RoomfulError as AnyRoomfulError, OWN_STREAM } from '@roomful/protocol'
import type { AnyProtocol, Snapshot, SnapshotOptions, User } from '../../api/api.js'
import type { Backplane } from '../../api/contracts/backplane.js'
import { RoomfulError } from '../../api/contracts/roomful-error.js'
import type { Access } from '../application/access.js'
import { toMember } from '../connection/member-list.js'
import { bannedIn } from './bans.js'
import { MAX_PAGE_BYTES, messagesOf } from './log-pages.js'
import { WHOLE_SERVER } from './moderation.js'
import { ownReactionsIn } from './own-reactions.js'
import { streamOf } from './room.js'

/** Reads in the server's own name, which may read everything. */
const SERVER = '@server'

/** Shows rooms to users who have not joined them yet. */
export class Snapshots {
  constructor(
    private readonly access: Access,
    private readonly backplane: Backplane,
  ) {}

  /** @throws RoomfulError as the user's join would be refused */
  async take(
    roomId: string,
    stream: string,
    { as, limit = 50 }: SnapshotOptions,
  ): Promise<Snapshot<AnyProtocol>> {
    const denied = await this.#refusal(roomId, stream, as)
    if (denied) throw denied
    const [present, page] = await Promise.all([
      this.backplane.present(stream),
      this.backplane.read(stream, { before: undefined, limit, maxBytes: MAX_PAGE_BYTES, messagesOnly: true }),
    ])
    const reader = { stream, epoch: page.epoch, userId: typeof as === 'string' ? as : as.id }
    const own = await ownReactionsIn(this.backplane.reactions, reader, page.entries)
    return {
      messages: messagesOf(page),
      more: page.more,
      members: present.users?.map(toMember),
      count: present.count,
      cursor: page.head,
      ...(own.length > 0 && { own_reactions: own }),
    }
  }

  async #refusal(
    roomId: string,
    stream: string,
    as: SnapshotOptions['as'],
  ): Promise<AnyRoomfulError | undefined> {
    if (as === SERVER) return undefined
    const user: User = typeof as === 'string' ? { id: as, data: undefined } : as
    // `@me` is each user's own, and nobody else's.
    if (streamOf(roomId, user.id) !== stream) return new RoomfulError('forbidden', { roomId })
    return (await this.#ban(roomId, user.id)) ?? this.access.authorizeUser(user, 'join', roomId)
  }

  /** Whoever is banned from the server could not even connect to join. */
  async #ban(roomId: string, userId: string): Promise<AnyRoomfulError | undefined> {
    const places = roomId === OWN_STREAM ? [WHOLE_SERVER] : [WHOLE_SERVER, roomId]
    const bans = await Promise.all(places.map((place) => bannedIn(this.backplane, place, userId)))
    return bans.find((banned) => banned !== undefined)
  }
}
