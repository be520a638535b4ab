import type { JsonObject } from '@roomful/protocol'
import type { Backplane, Relay } from '../../api/contracts/backplane.js'
import type { Connection } from '../connection/connection.js'
import { TextFrame } from '../connection/frames.js'
import type { Registry } from '../connection/registry.js'
import type { FanOut } from '../delivery/fan-out.js'
import type { DeliveryOptions } from '../delivery/write-batch.js'
import type { LifeCycle } from '../process/life-cycle.js'
import type { Room } from './room.js'
import type { Rooms } from './rooms.js'

export interface BroadcastsDeps {
  readonly rooms: Rooms
  readonly registry: Registry
  readonly fanOut: FanOut
  readonly backplane: Backplane
  readonly lifeCycle: LifeCycle
}

/**
 * Delivers volatile messages, typing notices included: to connections on this node, and through the backplane to all
 * others.
 */
export class Broadcasts {
  constructor(private readonly deps: BroadcastsDeps) {}

  send(broadcast: Relay): void {
    this.deliver(broadcast)
    this.deps.lifeCycle.soon(() => this.deps.backplane.relay(broadcast))
  }

  /** Delivers only to the connections of this node: another node has sent the broadcast. */
  deliver({ to, targets, payload }: Relay): void {
    if (to === 'streams') this.#deliverToStreams(targets, payload)
    else if (to === 'users') sendTo(this.deps.registry.ofUsers(targets), payload.message as object)
    else if (to === 'everyone') sendTo(this.#allExcept(payload.exceptUser), payload.message as object)
  }

  /** A connection that is in several of the rooms gets the message once, as a message of the first one. */
  #deliverToStreams(streams: readonly string[], payload: JsonObject): void {
    const rooms = streams.flatMap((stream) => this.deps.rooms.get(stream) ?? [])
    for (const [index, room] of rooms.entries()) {
      this.deps.fanOut.deliver(room.audience, {
        frame: TextFrame.of({ ...(payload.message as object), room_id: room.id }),
        options: optionsOf(payload, alsoIn(rooms.slice(0, index), room)),
      })
    }
  }

  *#allExcept(userId: unknown): IterableIterator<Connection> {
    for (const connection of this.deps.registry.connections()) {
      const { user, standing } = connection.session
      if (standing === 'authenticated' && (userId === undefined || user?.id !== userId)) yield connection
    }
  }
}

/** Sends one volatile message to the given connections, whichever rooms they are in. */
function sendTo(connections: Iterable<Connection>, message: object): void {
  const frame = TextFrame.of(message)
  for (const connection of connections) if (!connection.isCongested) connection.write(frame)
}

function optionsOf(
  { exceptConnection, exceptUser, coalesceKey }: JsonObject,
  exceptConnections: ReadonlySet<string>,
): DeliveryOptions {
  return {
    volatile: true,
    ...(typeof exceptConnection === 'string' && { exceptConnection }),
    ...(typeof exceptUser === 'string' && { exceptUser }),
    ...(typeof coalesceKey === 'string' && { coalesceKey }),
    ...(exceptConnections.size > 0 && { exceptConnections }),
  }
}

/**
 * Members of a room who get the message now as members of another room. This is determined now, because some may join
 * or leave before the flush.
 */
function alsoIn(others: readonly Room[], { audience }: Room): ReadonlySet<string> {
  const ids = others.length === 0 ? [] : [...audience.connectionIds]
  return new Set(ids.filter((id) => others.some((other) => other.audience.isLive(id))))
}
