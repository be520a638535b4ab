import type { ConnectionList, ListedConnection, ListedRoom, ListOptions, RoomList } from '../../api/api.js'
import type { Clock } from '../../api/contracts/clock.js'
import { keysetPage } from '../../util/keyset-page.js'
import type { Connection } from '../connection/connection.js'
import type { Registry } from '../connection/registry.js'
import type { Room } from './room.js'
import type { Rooms } from './rooms.js'

/** Lists what is open on this node. */
export class Listings {
  constructor(
    private readonly open: Rooms,
    private readonly registry: Registry,
    private readonly clock: Clock,
  ) {}

  rooms({ after, limit = 50 }: ListOptions): RoomList {
    const { items, more } = keysetPage(this.#withMembers(), ({ id }) => id, { after, limit })
    return { rooms: items.map(listedRoom), more }
  }

  connections({ after, limit = 50 }: ListOptions): ConnectionList {
    const { items, more } = keysetPage(this.registry.connections(), ({ id }) => id, { after, limit })
    return { connections: items.map((connection) => this.#listed(connection)), more }
  }

  /** Without the users' own streams, and without rooms that only a join is about to use. */
  *#withMembers(): IterableIterator<Room> {
    for (const room of this.open.all()) if (!room.isOwnStream && room.audience.size > 0) yield room
  }

  #listed({ id, session, request }: Connection): ListedConnection {
    const openMs = this.clock.now() - session.startedAt
    return {
      id,
      userId: session.user?.id,
      remoteAddress: request.remoteAddress,
      connectedAt: Math.round(this.clock.wallTime() - openMs),
      rooms: session.rooms.size,
    }
  }
}

function listedRoom({ id, count, audience }: Room): ListedRoom {
  return { roomId: id, count, connections: audience.size }
}
