import { CLOSE_CODES, closeCode, type JsonObject, OWN_STREAM } from '@roomful/protocol'
import type {
  AnyProtocol,
  BroadcastOptions,
  DeleteOptions,
  HistoryOptions,
  HistoryPage,
  ListOptions,
  Published,
  PublishOptions,
  RestrictionList,
  RestrictionOptions,
  RoomChat,
  RoomHandle,
  RoomInfo,
  Snapshot,
  SnapshotOptions,
  UserHandle,
} from '../../api/api.js'
import type { Backplane, Range, Relay, RestrictionKind } from '../../api/contracts/backplane.js'
import type { Logger } from '../../api/contracts/logger.js'
import { RoomfulError } from '../../api/contracts/roomful-error.js'
import {
  assertBroadcastOptions,
  assertBroadcastToAllOptions,
  assertChatOptions,
  assertDeleteOptions,
  assertEditOptions,
  assertHistoryOptions,
  assertIds,
  assertPublishOptions,
  assertSnapshotOptions,
  assertTarget,
} from '../../api/options/check-calls.js'
import { assertRoomId, assertUserId } from '../../api/options/check-ids.js'
import type { ServerMessages } from '../application/server-messages.js'
import { closeFault, disconnect } from '../connection/closing.js'
import type { Connection } from '../connection/connection.js'
import type { Registry } from '../connection/registry.js'
import type { Replies } from '../connection/replies.js'
import type { LifeCycle } from '../process/life-cycle.js'
import { type AroundRange, readAround } from './around.js'
import type { Broadcasts } from './broadcasts.js'
import type { ChatContent } from './chat-content.js'
import { MAX_PAGE_BYTES, messagesOf } from './log-pages.js'
import type { Marks } from './marks.js'
import type { Memberships } from './memberships.js'
import { type Moderation, WHOLE_SERVER } from './moderation.js'
import type { Publisher } from './publisher.js'
import { relayFault } from './relays.js'
import { streamOf, userStream } from './room.js'
import type { Rooms } from './rooms.js'
import type { Snapshots } from './snapshots.js'

export interface MessengerDeps {
  readonly lifeCycle: LifeCycle
  readonly registry: Registry
  readonly rooms: Rooms
  readonly broadcasts: Broadcasts
  readonly backplane: Backplane
  readonly messages: ServerMessages
  readonly publisher: Publisher
  readonly marks: Marks
  readonly memberships: Memberships
  readonly moderation: Moderation
  readonly snapshots: Snapshots
  readonly replies: Replies
  readonly logger: Logger
}

type Message = { readonly type: string }

/** The author of chat messages that the server sends in nobody's name. */
const SERVER_USER_ID = '@server'

/**
 * Sends the application's messages to rooms, to users and to everyone: on this node, and through the backplane on all
 * others.
 */
export class Messenger {
  constructor(private readonly deps: MessengerDeps) {}

  /** @throws RoomfulError `invalid_room` */
  room(id: string): RoomHandle<AnyProtocol> {
    assertRoomId(id)
    return this.#handle(id, id)
  }

  /** A room by the name that a member uses: `@me` is that user's own stream. */
  roomFor(roomId: string, userId: string): RoomHandle<AnyProtocol> {
    return this.#handle(roomId, streamOf(roomId, userId))
  }

  /** @throws TypeError if this is not a user id */
  user(id: string): UserHandle<AnyProtocol> {
    assertUserId(id)
    const stream = userStream(id)
    return {
      id,
      broadcast: (message: Message) => this.broadcastToUsers([id], message),
      publish: (message: Message, options) => this.#publish(stream, OWN_STREAM, message, options),
      disconnect: (code, reason) => this.#disconnect(id, code, reason),
      history: (page) => this.#history(stream, page),
      erase: () => this.#erase(id),
    }
  }

  ban(userId: string, options?: RestrictionOptions): Promise<void> {
    return this.deps.moderation.restrict(WHOLE_SERVER, userId, 'ban', options)
  }

  unban(userId: string): Promise<void> {
    return this.deps.moderation.lift(WHOLE_SERVER, userId, 'ban')
  }

  listRestrictions(options?: ListOptions): Promise<RestrictionList> {
    return this.deps.moderation.list(WHOLE_SERVER, options)
  }

  broadcast(message: Message, options: { readonly exceptUser?: string } = {}): void {
    const checked = this.deps.messages.volatile(message)
    assertBroadcastToAllOptions(options)
    const { exceptUser } = options
    this.#everywhere({
      to: 'everyone',
      targets: [],
      payload: { message: checked, ...(exceptUser !== undefined && { exceptUser }) },
    })
  }

  broadcastToUsers(ids: readonly string[], message: Message): void {
    assertIds('users', ids)
    for (const id of ids) assertUserId(id)
    this.#everywhere({
      to: 'users',
      targets: ids,
      payload: { message: this.deps.messages.volatile(message) },
    })
  }

  broadcastToRooms(ids: readonly string[], message: Message, options: BroadcastOptions = {}): void {
    assertIds('rooms', ids)
    const streams = ids.map((id) => this.room(id).id)
    this.#broadcastToStreams(streams, this.deps.messages.volatile(message), options)
  }

  /**
   * Carries out a message from another node. It ignores what it does not understand, for example from a newer
   * version: one node's messages must not crash another.
   */
  receive(relay: unknown): void {
    const { logger } = this.deps
    const field = relayFault(relay)
    try {
      if (field === undefined) this.#carryOut(relay as Relay)
      else logger.warn({ field }, 'a message from another node was not understood and was ignored')
    } catch (err) {
      logger.error({ err }, 'a message from another node could not be carried out')
    }
  }

  #carryOut(relay: Relay): void {
    const { registry, replies, broadcasts, marks } = this.deps
    const { targets, payload } = relay
    switch (relay.to) {
      case 'disconnect':
        for (const connection of registry.ofUsers(targets))
          disconnect(connection, replies, Number(payload.code), String(payload.reason))
        break
      case 'kick':
        for (const connection of registry.ofUsers([String(payload.userId)])) this.#kick(connection, targets)
        break
      case 'marks':
        marks.deliver(relay)
        break
      default:
        broadcasts.deliver(relay)
    }
  }

  #handle(id: string, stream: string): RoomHandle<AnyProtocol> {
    return {
      id,
      chat: this.#chat(stream, id),
      publish: (message: Message, options) => this.#publish(stream, id, message, options),
      broadcast: (message: Message, options = {}) =>
        this.#broadcastToStreams([stream], this.deps.messages.volatile(message), options),
      kick: (userId) => {
        assertUserId(userId)
        this.#everywhere({ to: 'kick', targets: [id], payload: { userId } })
      },
      mute: (userId, options) => this.#restrict(id, userId, 'mute', options),
      unmute: (userId) => this.deps.moderation.lift(stream, userId, 'mute'),
      ban: (userId, options) => this.#restrict(id, userId, 'ban', options),
      unban: (userId) => this.deps.moderation.lift(stream, userId, 'ban'),
      listRestrictions: (options) => this.deps.moderation.list(stream, options),
      info: () => this.deps.lifeCycle.run(() => this.#info(id, stream)),
      history: (page) => this.#history(stream, page),
      snapshot: (options) => this.#snapshot(id, stream, options),
      delete: () => this.#delete(stream),
    }
  }

  /** Nobody else reads or writes a user's own stream. */
  async #restrict(
    roomId: string,
    userId: string,
    kind: RestrictionKind,
    options: RestrictionOptions | undefined,
  ): Promise<void> {
    if (roomId === OWN_STREAM) throw new RoomfulError('forbidden', { roomId })
    await this.deps.moderation.restrict(roomId, userId, kind, options)
  }

  #disconnect(
    id: string,
    code: number = CLOSE_CODES.forbidden.code,
    reason: string = closeCode(code).reason,
  ): void {
    const fault = closeFault(code, reason)
    if (fault) throw fault
    this.#everywhere({ to: 'disconnect', targets: [id], payload: { code, reason } })
  }

  async #publish(
    stream: string,
    roomId: string,
    message: Message,
    options: PublishOptions = {},
  ): Promise<Published> {
    assertPublishOptions(options)
    return this.deps.lifeCycle.run(() => this.deps.publisher.publish(stream, roomId, message, options.key))
  }

  #chat(stream: string, roomId: string): RoomChat<AnyProtocol> {
    return {
      send: async (message, options = {}) => {
        assertChatOptions(options)
        const { data, replyTo, mentions } = options
        const body = { message, data: data as JsonObject | undefined, replyTo, mentions }
        return this.#publishChat(stream, roomId, { kind: 'send', body }, options)
      },
      edit: async (target, message, options = {}) => {
        assertTarget('chat.edit', target)
        assertEditOptions(options)
        const body = { message, data: options.data as JsonObject | undefined }
        return this.#amend(stream, roomId, { kind: 'edit', target, body }, options)
      },
      delete: async (target, options = {}) => {
        assertTarget('chat.delete', target)
        assertDeleteOptions('chat.delete', options)
        return this.#amend(stream, roomId, { kind: 'delete', target }, options)
      },
      react: async (target, reaction, options = {}) => {
        assertTarget('chat.react', target)
        assertDeleteOptions('chat.react', options)
        return this.#amend(stream, roomId, { kind: 'react', target, reaction }, options)
      },
      unreact: async (target, reaction, options = {}) => {
        assertTarget('chat.unreact', target)
        assertDeleteOptions('chat.unreact', options)
        return this.#amend(stream, roomId, { kind: 'unreact', target, reaction }, options)
      },
    }
  }

  #amend(stream: string, roomId: string, content: ChatContent, options: DeleteOptions): Promise<Published> {
    const { amends, reactions } = this.deps.backplane
    if ('reaction' in content ? reactions : amends) return this.#publishChat(stream, roomId, content, options)
    throw new TypeError(
      `chat.${content.kind}: this backplane cannot change what is logged; memory(), sqlite() and redis() can`,
    )
  }

  async #publishChat(
    stream: string,
    roomId: string,
    content: ChatContent,
    { as = SERVER_USER_ID, key }: DeleteOptions,
  ): Promise<Published> {
    if (roomId === OWN_STREAM) throw new RoomfulError('forbidden', { roomId })
    const { lifeCycle, publisher } = this.deps
    return lifeCycle.run(() => publisher.publishOwnChat(stream, roomId, as, content, key))
  }

  /** @throws RoomfulError `closed`, or TypeError for what the other nodes would not understand */
  #everywhere(relay: Relay): void {
    const { lifeCycle, backplane } = this.deps
    lifeCycle.assertOpen()
    const field = relayFault(relay)
    if (field !== undefined) throw new TypeError(`'${relay.to}' was given a wrong ${field}`)
    this.#carryOut(relay)
    lifeCycle.soon(() => backplane.relay(relay))
  }

  #broadcastToStreams(streams: readonly string[], message: object, options: BroadcastOptions): void {
    assertBroadcastOptions(options)
    const { except, coalesceKey } = options
    this.#everywhere({
      to: 'streams',
      targets: streams,
      payload: {
        message,
        ...(except !== undefined &&
          (typeof except === 'string' ? { exceptConnection: except } : { exceptUser: except.user })),
        ...(coalesceKey !== undefined && { coalesceKey }),
      },
    })
  }

  #kick(connection: Connection, roomIds: readonly string[]): void {
    for (const roomId of roomIds)
      this.deps.memberships.expel(connection, roomId, 'kicked', new RoomfulError('forbidden'))
  }

  async #delete(stream: string): Promise<void> {
    const { lifeCycle, backplane } = this.deps
    if (!backplane.delete)
      throw new TypeError('delete: this backplane cannot end a log; memory(), sqlite() and redis() can')
    await lifeCycle.run(async () => backplane.delete?.(stream))
  }

  async #erase(userId: string): Promise<void> {
    const { lifeCycle, backplane } = this.deps
    if (!backplane.erase)
      throw new TypeError(
        'erase: this backplane cannot change what is logged; memory(), sqlite() and redis() can',
      )
    await lifeCycle.run(async () => backplane.erase?.(userId))
  }

  async #info(roomId: string, stream: string): Promise<RoomInfo> {
    const { backplane, rooms } = this.deps
    const [present, { head }] = await Promise.all([
      backplane.present(stream),
      backplane.read(stream, { before: undefined, limit: 0, maxBytes: 0 }),
    ])
    const connections = rooms.get(stream)?.audience.size ?? 0
    return { roomId, count: present.count, connections, members: present.users, head }
  }

  async #history(stream: string, options: HistoryOptions = {}): Promise<HistoryPage<AnyProtocol>> {
    assertHistoryOptions(options)
    return this.deps.lifeCycle.run(() => this.#page(stream, options))
  }

  async #page(
    stream: string,
    { limit = 50, before, after, around }: HistoryOptions,
  ): Promise<HistoryPage<AnyProtocol>> {
    if (around) return this.#pageAround(stream, { around, limit, maxBytes: MAX_PAGE_BYTES })
    const bounds = { limit, maxBytes: MAX_PAGE_BYTES, messagesOnly: true }
    const range: Range = after === undefined ? { before, ...bounds } : { after, ...bounds }
    const page = await this.deps.backplane.read(stream, range)
    return { messages: messagesOf(page), more: page.more, truncated: page.truncated }
  }

  async #pageAround(stream: string, range: AroundRange): Promise<HistoryPage<AnyProtocol>> {
    const { backplane } = this.deps
    const page = await readAround((part, since) => backplane.read(stream, part, since), range)
    if (!page.isFound) throw new RoomfulError('not_found')
    const { more, truncated, moreAfter } = page
    return { messages: messagesOf(page), more, truncated, moreAfter }
  }

  async #snapshot(roomId: string, stream: string, options: SnapshotOptions): Promise<Snapshot<AnyProtocol>> {
    assertSnapshotOptions(options)
    return this.deps.lifeCycle.run(() => this.deps.snapshots.take(roomId, stream, options))
  }
}
