import { type ApplicationMessage, type ClientMessageOf, isRequest, RoomfulError } from '@roomful/protocol'
import type { AnyProtocol } from '../../api/api.js'
import type { Backplane } from '../../api/contracts/backplane.js'
import type { Limits } from '../../api/options/limits.js'
import { type Access, isStillMember } from '../application/access.js'
import type { ApplicationCalls } from '../application/calls.js'
import type { Contexts } from '../application/contexts.js'
import type { HandlerBatches } from '../application/handler-batches.js'
import type { HandlerTable } from '../application/handlers.js'
import type { Allowances } from '../connection/allowances.js'
import type { Arrival } from '../connection/arrival.js'
import type { Connection } from '../connection/connection.js'
import { pageSpace } from '../connection/page-frames.js'
import { type Refs, refsOfMessage } from '../connection/refs.js'
import type { Replies } from '../connection/replies.js'
import type { Membership } from '../connection/session.js'
import type { Chats } from '../rooms/chat.js'
import type { Marks } from '../rooms/marks.js'
import type { Memberships } from '../rooms/memberships.js'
import type { OwnProfiles } from '../rooms/own-profiles.js'
import { ownReactionsIn, pageNow } from '../rooms/own-reactions.js'
import type { Reactions } from '../rooms/reactions.js'
import { type Room, streamOf } from '../rooms/room.js'
import type { Rooms } from '../rooms/rooms.js'
import type { SharedPages } from '../rooms/shared-pages.js'
import type { TypingNotices } from '../rooms/typing-notices.js'
import type { Watches } from '../rooms/watches.js'
import type { Authenticator } from './authentication.js'
import type { Decision } from './decide.js'

export interface DispatcherDeps {
  readonly protocol: AnyProtocol | undefined
  readonly access: Access
  readonly handlers: HandlerTable
  readonly calls: ApplicationCalls
  readonly replies: Replies
  readonly authenticator: Authenticator
  readonly memberships: Memberships
  readonly marks: Marks
  readonly watches: Watches
  readonly typing: TypingNotices
  readonly allowances: Allowances
  readonly chats: Chats
  readonly reactions: Reactions
  readonly batches: HandlerBatches
  readonly backplane: Backplane
  readonly rooms: Rooms
  readonly pages: SharedPages
  readonly limits: Limits
  readonly contexts: Contexts
  readonly ownProfiles: OwnProfiles
}

const HISTORY_LIMIT = 50

/** Carries out the decision about a connection's message. */
export class Dispatcher {
  constructor(private readonly deps: DispatcherDeps) {}

  /** Returns a promise only if something must be awaited. */
  dispatch(
    connection: Connection,
    decision: Exclude<Decision, { do: 'refuse' }>,
    arrival: Arrival,
  ): void | Promise<void> {
    const { deps } = this
    switch (decision.do) {
      case 'authenticate':
        return deps.authenticator.authenticate(connection, decision.message)
      case 'answer_ping':
        return deps.replies.send(connection, {
          type: 'pong',
          timestamp: deps.replies.timestamp(),
          id: decision.id,
        })
      case 'join':
        return this.#join(connection, decision.message, arrival)
      case 'leave':
        return this.#leave(connection, decision.membership, decision.ref)
      case 'chat':
        return deps.chats.take(connection, decision.membership, decision.message, arrival)
      case 'amend':
        return deps.chats.take(connection, decision.membership, decision.message, arrival)
      case 'mark':
        return deps.marks.take(connection, decision.membership, decision.message)
      case 'watch':
        return deps.watches.take(connection, decision.message)
      case 'typing':
        return this.#type(connection, decision.membership, decision.typing)
      case 'reactions':
        return deps.reactions.send(connection, decision.membership, decision.message)
      case 'history':
        return this.#sendHistory(connection, decision.membership, decision.message)
      case 'presence':
        return this.#setPresence(connection, decision.membership, decision.message)
      case 'set_profile':
        return deps.ownProfiles.set(connection, decision.message)
      case 'application':
        return this.#callHandler(connection, decision.membership, decision.message, arrival)
    }
  }

  /** All pages of a join count as one join. */
  #join(connection: Connection, message: ClientMessageOf<'join'>, arrival: Arrival): void | Promise<void> {
    const { allowances, memberships, replies } = this.deps
    const isPage = connection.session.pagedTo(message.room_id) !== undefined
    const allowed = isPage ? undefined : allowances.join(connection)
    if (!allowed) return memberships.join(connection, message, arrival)
    return allowed.then((refusal) => {
      if (refusal) return replies.fail(connection, refusal, refsOfMessage(message))
      if (connection.isOpen) return memberships.join(connection, message, arrival)
    })
  }

  async #leave(connection: Connection, { roomId }: Membership, ref: string | undefined): Promise<void> {
    const { deps } = this
    await deps.memberships.leave(connection, roomId, false)
    deps.replies.send(connection, { type: 'left', room_id: roomId, ref })
  }

  #type(connection: Connection, { roomId }: Membership, typing: boolean): void {
    const { deps } = this
    const { user } = connection.session
    const room = user && deps.rooms.get(streamOf(roomId, user.id))
    if (!room) return
    if (typing) deps.typing.start(room, user.id, connection.id)
    else deps.typing.reportStopped(room, user.id, connection.id)
  }

  async #sendHistory(
    connection: Connection,
    membership: Membership,
    message: ClientMessageOf<'history'>,
  ): Promise<void> {
    const { deps } = this
    const { roomId } = membership
    const refs = refsOfMessage(message, membership)
    const denied = await deps.access.authorize(connection, 'history', roomId)
    if (denied) return deps.memberships.deny(connection, roomId, denied, refs)
    await deps.allowances.page(connection, deps.limits.pageBytes, () =>
      this.#sendPage(connection, membership, message),
    )
  }

  async #sendPage(
    connection: Connection,
    membership: Membership,
    message: ClientMessageOf<'history'>,
  ): Promise<void> {
    const { deps } = this
    const { roomId } = membership
    const { user } = connection.session
    const refs = refsOfMessage(message, membership)
    if (!user || !isStillMember(connection, membership))
      return deps.replies.fail(connection, new RoomfulError('not_in_room'), refs)
    const room = deps.rooms.get(streamOf(roomId, user.id))
    if (!room) return deps.replies.fail(connection, new RoomfulError('not_in_room'), refs)
    await deps.rooms.acquire(room.stream)
    try {
      const page = await this.#readPage(room, message)
      const reader = { stream: room.stream, epoch: page.epoch, userId: user.id }
      const own = await ownReactionsIn(deps.backplane.reactions, reader, page.entries)
      if (!isStillMember(connection, membership))
        return deps.replies.fail(connection, new RoomfulError('not_in_room'), refs)
      if (message.epoch !== undefined && message.epoch !== page.epoch)
        return deps.replies.fail(connection, new RoomfulError('epoch_changed'), refs)
      if ('isFound' in page && !page.isFound)
        return deps.replies.fail(connection, new RoomfulError('not_found'), refs)
      const current = pageNow({ ...page, own }, room.tail, user.id)
      deps.allowances.charge(connection, deps.replies.history(connection, roomId, current, message.ref))
    } finally {
      deps.rooms.release(room)
    }
  }

  #readPage(room: Room, { limit = HISTORY_LIMIT, before, after, around }: ClientMessageOf<'history'>) {
    const { pages, limits } = this.deps
    const maxBytes = pageSpace(limits.pageBytes)
    if (around) return pages.readAround(room, { around, limit, maxBytes })
    const bounds = { limit, maxBytes, messagesOnly: true }
    return pages.read(room, after === undefined ? { before, ...bounds } : { after, ...bounds })
  }

  async #setPresence(
    connection: Connection,
    membership: Membership,
    message: ClientMessageOf<'presence'>,
  ): Promise<void> {
    const { deps } = this
    const { user } = connection.session
    const { roomId } = membership
    if (!user) return
    const refs = refsOfMessage(message, membership)
    if (!(await this.#mayAct(connection, membership, 'presence', refs))) return
    await deps.backplane.update(streamOf(roomId, user.id), user.id, message.state)
  }

  async #callHandler(
    connection: Connection,
    membership: Membership,
    { type, envelope, body }: ApplicationMessage,
    arrival: Arrival,
  ): Promise<void> {
    const { deps } = this
    const { roomId } = membership
    const refs = refsOfMessage(envelope, membership)
    if (!(await this.#mayAct(connection, membership, type as 'join', refs))) return
    const handler = deps.handlers.get(type)
    if (!handler) return
    const { context, abort } = deps.contexts.cancellable(connection, roomId, arrival)
    const message = { type, ...body }
    const stream = streamOf(roomId, context.user.id)
    if (typeof handler !== 'function') {
      deps.batches.add(type, stream, handler, { context, message })
      return
    }
    const outcome = await deps.calls.run(`handle.${type}`, context, () => handler(context, message), abort)
    if (!outcome.ok) return deps.replies.fail(connection, outcome.error, refs)
    if (envelope.ref !== undefined) this.#reply(connection, type, envelope.ref, outcome.value)
  }

  /** Answers a member that may not act. */
  async #mayAct(
    connection: Connection,
    membership: Membership,
    action: 'join' | 'presence',
    refs: Refs,
  ): Promise<boolean> {
    const { access, replies } = this.deps
    const refusal = await access.refusal(connection, membership, action)
    if (refusal) replies.fail(connection, refusal, refs)
    return refusal === undefined
  }

  #reply(connection: Connection, type: string, ref: string, data: unknown): void {
    const { deps } = this
    const definition = (deps.protocol?.client as Record<string, never> | undefined)?.[type]
    if (isRequest(definition)) deps.replies.send(connection, { type: 'reply', ref, data })
  }
}
