import type { BuiltIn, JsonObject, Target } from '@roomful/protocol'
import { type Check, isWellFormed } from '@roomful/protocol/wire'
import type {
  AnyProtocol,
  HistoryOptions,
  HistoryPage,
  ListedRestriction,
  ListOptions,
  Published,
  PublishOptions,
  RestrictionList,
  RestrictionOptions,
  RoomChat,
  RoomList,
  Snapshot,
} from '../api/api.js'
import { RoomfulError } from '../api/contracts/roomful-error.js'
import {
  assertChatOptions,
  assertDeleteOptions,
  assertEditOptions,
  assertHistoryOptions,
  assertListOptions,
  assertPublishOptions,
  assertRestrictionOptions,
  assertSnapshotOptions,
  assertTarget,
} from '../api/options/check-calls.js'
import { assertKey, assertRestOptions, roomPath, userPath } from './check-rest.js'
import { type Request, Requests } from './requests.js'
import type { Rest, RestOptions, RestRoom, RestRoomInfo, RestUser, RoomMembers } from './rest-api.js'
import { SHAPES } from './shapes.js'

const MIB = 1_048_576

/**
 * Reaches the rooms of a server over its HTTP API, from any runtime with `fetch`. Use it on servers only: whoever has
 * the key may do everything.
 * @throws TypeError for a wrong option; its message says how to fix it
 *
 * @example
 * const rest = createRest({ url: 'https://example.com/api', key: process.env.API_KEY, protocol })
 * await rest.room('orders').publish({ type: 'paid', order: 17 }, { key: 'order 17' })
 */
export function createRest<const P extends AnyProtocol = BuiltIn>(options: RestOptions<P>): Rest<P> {
  const { url, key, retries = 3, timeoutMs = 10_000, answerBytes = 16 * MIB } = assertRestOptions(options)
  const { fetch = globalThis.fetch } = options
  const requests = new Requests({
    url: url.replace(/\/+$/, ''),
    key,
    retries,
    timeoutMs,
    answerBytes,
    // A plain call: some runtimes refuse a `fetch` with a `this`.
    fetch: (target, init) => fetch(target, init),
  })
  // Inside, messages have no static types: the server's schemas check them.
  return new RestServer(requests) as unknown as Rest<P>
}

type Message = { readonly type: string }

class RestServer implements Rest<AnyProtocol> {
  constructor(private readonly requests: Requests) {}

  room(id: string): RestRoom<AnyProtocol> {
    const path = roomPath(id)
    return {
      id,
      chat: this.#chat(path),
      publish: (message: Message, options) => this.#publish(path, message, options),
      history: (options) => this.#history(path, options),
      snapshot: (options) => this.#snapshot(path, options),
      info: () => this.#info(path),
      members: () => this.#members(path),
      kick: async (userId) => {
        await this.requests.make({ method: 'DELETE', path: `${path}/members/${userPath(userId)}` })
      },
      mute: (userId, options) => this.#restrict(`${path}/members`, userId, 'mute', options),
      unmute: (userId) => this.#lift(`${path}/members`, userId, 'unmute'),
      ban: (userId, options) => this.#restrict(`${path}/members`, userId, 'ban', options),
      unban: (userId) => this.#lift(`${path}/members`, userId, 'unban'),
      listRestrictions: (options) => this.#restrictions(path, options),
    }
  }

  user(id: string): RestUser<AnyProtocol> {
    const path = `/users/${userPath(id)}`
    return {
      id,
      publish: (message: Message, options) => this.#publish(path, message, options),
      disconnect: async (code, reason) => {
        await this.requests.make({ method: 'POST', path: `${path}/disconnect`, body: { code, reason } })
      },
    }
  }

  ban(userId: string, options?: RestrictionOptions): Promise<void> {
    return this.#restrict('/users', userId, 'ban', options)
  }

  unban(userId: string): Promise<void> {
    return this.#lift('/users', userId, 'unban')
  }

  listRestrictions(options?: ListOptions): Promise<RestrictionList> {
    return this.#restrictions('', options)
  }

  async listRooms(options: ListOptions = {}): Promise<RoomList> {
    assertListOptions('listRooms', options)
    const { rooms, more } = await this.#read<ListedRooms>('/rooms', SHAPES.rooms, options)
    return { rooms: rooms.map(({ room_id, ...figures }) => ({ roomId: room_id, ...figures })), more }
  }

  async #publish(path: string, message: Message, options: PublishOptions = {}): Promise<Published> {
    assertPublishOptions(options)
    // Without a type, it would be sent as chat.
    if (typeof Object(message).type !== 'string')
      throw new RoomfulError('invalid_message', { issues: [{ path: 'type', message: 'Expected a string' }] })
    const request = { method: 'POST', path: `${path}/messages`, body: message } as const
    return this.#log(request, 'publish', options.key)
  }

  #chat(room: string): RoomChat<AnyProtocol> {
    return {
      send: async (message, options = {}) => {
        assertChatOptions(options)
        const { key, replyTo, ...chat } = options
        const body = { message, ...chat, reply_to: replyTo && { offset: replyTo.offset, id: replyTo.id } }
        return this.#log({ method: 'POST', path: `${room}/messages`, body }, 'chat.send', key)
      },
      edit: async (target, message, options = {}) => {
        assertTarget('chat.edit', target)
        assertEditOptions(options)
        const { key, ...edit } = options
        const body = { offset: target.offset, message, ...edit }
        return this.#log({ method: 'PATCH', path: messagePath(room, target), body }, 'chat.edit', key)
      },
      delete: async (target, options = {}) => {
        assertTarget('chat.delete', target)
        assertDeleteOptions('chat.delete', options)
        const { key, ...deletion } = options
        const query = queryOf({ offset: target.offset, ...deletion })
        const path = `${messagePath(room, target)}?${query}`
        return this.#log({ method: 'DELETE', path }, 'chat.delete', key)
      },
      react: async (target, reaction, options = {}) => {
        assertTarget('chat.react', target)
        assertDeleteOptions('chat.react', options)
        const { key, ...addition } = options
        const body = { offset: target.offset, reaction, ...addition }
        const path = `${messagePath(room, target)}/reactions`
        return this.#log({ method: 'POST', path, body }, 'chat.react', key)
      },
      unreact: async (target, reaction, options = {}) => {
        assertTarget('chat.unreact', target)
        assertDeleteOptions('chat.unreact', options)
        const { key, ...removal } = options
        const query = queryOf({ offset: target.offset, reaction, ...removal })
        const path = `${messagePath(room, target)}/reactions?${query}`
        return this.#log({ method: 'DELETE', path }, 'chat.unreact', key)
      },
    }
  }

  /** Always sends a key: without one, a second attempt could log the message twice. */
  async #log(
    request: Pick<Request, 'method' | 'path' | 'body'>,
    caller: string,
    callersKey: string | undefined,
  ): Promise<Published> {
    assertKey(caller, callersKey)
    const key = callersKey ?? crypto.randomUUID()
    const keyed = { key, isCallersKey: callersKey !== undefined }
    return (await this.requests.make({ ...request, ...keyed, shape: SHAPES.published })) as Published
  }

  async #restrict(
    users: string,
    userId: string,
    kind: 'mute' | 'ban',
    options: RestrictionOptions = {},
  ): Promise<void> {
    assertRestrictionOptions(kind, options)
    const path = `${users}/${userPath(userId)}/${kind}`
    // JSON has no Infinity: without a time, it does not end by itself.
    const { forMs = Number.POSITIVE_INFINITY } = options
    const body = Number.isFinite(forMs) ? { for_ms: forMs } : {}
    await this.requests.make({ method: 'POST', path, body, isIdempotent: true })
  }

  async #lift(users: string, userId: string, call: 'unmute' | 'unban'): Promise<void> {
    const path = `${users}/${userPath(userId)}/${call}`
    await this.requests.make({ method: 'POST', path, isIdempotent: true })
  }

  async #restrictions(path: string, options: ListOptions = {}): Promise<RestrictionList> {
    assertListOptions('listRestrictions', options)
    const { restrictions, more } = await this.#read<Restrictions>(
      `${path}/restrictions`,
      SHAPES.restrictions,
      options,
    )
    return { restrictions: restrictions.map(restrictionOf), more }
  }

  async #history(path: string, options: HistoryOptions = {}): Promise<HistoryPage<AnyProtocol>> {
    assertHistoryOptions(options)
    const { around, ...range } = options
    const asked = around ? { ...range, around: `${around.offset},${around.id}` } : range
    const answer = await this.#read<Page>(`${path}/messages`, SHAPES.page, asked)
    const { more_after: moreAfter, ...page } = answer
    return moreAfter === undefined ? page : { ...page, moreAfter }
  }

  async #snapshot(
    path: string,
    options: { readonly as: string; readonly limit?: number },
  ): Promise<Snapshot<AnyProtocol>> {
    assertSnapshotOptions(options)
    if (typeof options.as !== 'string' || !isWellFormed(options.as))
      throw new TypeError('snapshot: over HTTP, as must be a user id, of valid Unicode')
    const { last_event_id: _, ...snapshot } = await this.#read<
      Snapshot<AnyProtocol> & { last_event_id: string }
    >(`${path}/snapshot`, SHAPES.snapshot, options)
    return snapshot
  }

  async #info(path: string): Promise<RestRoomInfo> {
    const { room_id, count, head } = await this.#read<Info>(path, SHAPES.room)
    return { roomId: room_id, count, head }
  }

  async #members(path: string): Promise<RoomMembers> {
    const { count, members } = await this.#read<Members>(`${path}/members`, SHAPES.members)
    return { count, members: members?.map(({ user_id, ...shown }) => ({ userId: user_id, ...shown })) }
  }

  /** `shape` checks that the answer is an `Answer`. */
  async #read<Answer>(path: string, shape: Check, query: object = {}): Promise<Answer> {
    const asked = queryOf(query)
    return (await this.requests.make({
      method: 'GET',
      path: asked ? `${path}?${asked}` : path,
      shape,
    })) as Answer
  }
}

function restrictionOf({ user_id, muted, banned }: Restrictions['restrictions'][number]): ListedRestriction {
  const timed = ({ for_ms }: Timed) => (for_ms === undefined ? {} : { forMs: for_ms })
  return { userId: user_id, ...(muted && { muted: timed(muted) }), ...(banned && { banned: timed(banned) }) }
}

function messagePath(room: string, { id }: Target): string {
  return `${room}/messages/${encodeURIComponent(id)}`
}

function queryOf(query: object): string {
  const fields = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) fields.append(name, String(value))
  return String(fields)
}

interface Page extends Omit<HistoryPage<AnyProtocol>, 'moreAfter'> {
  readonly more_after?: boolean
}

interface Info extends Omit<RestRoomInfo, 'roomId'> {
  readonly room_id: string
}

interface Members {
  readonly count: number
  readonly members?: readonly {
    readonly user_id: string
    readonly profile?: JsonObject
    readonly state?: JsonObject
  }[]
}

interface ListedRooms {
  readonly rooms: readonly {
    readonly room_id: string
    readonly count: number
    readonly connections: number
  }[]
  readonly more: boolean
}

interface Timed {
  readonly for_ms?: number
}

interface Restrictions {
  readonly restrictions: readonly {
    readonly user_id: string
    readonly muted?: Timed
    readonly banned?: Timed
  }[]
  readonly more: boolean
}
