import { RoomfulError } from '@roomful/protocol'
import type { Backplane, PublishResult, Sender } from '../../api/contracts/backplane.js'
import type { Clock } from '../../api/contracts/clock.js'
import type { Limits } from '../../api/options/limits.js'
import { paid, type Rate, waitFor } from '../../util/rate-limit.js'
import { type Access, isStillMember } from '../application/access.js'
import type { ApplicationCalls } from '../application/calls.js'
import type { Contexts } from '../application/contexts.js'
import type { Handler, HandlerTable } from '../application/handlers.js'
import type { Arrival } from '../connection/arrival.js'
import type { Connection } from '../connection/connection.js'
import { refsOfMessage } from '../connection/refs.js'
import type { Replies } from '../connection/replies.js'
import type { Membership } from '../connection/session.js'
import type { LifeCycle } from '../process/life-cycle.js'
import type { Metrics } from '../process/metrics.js'
import type { Authors } from './authors.js'
import {
  type ChatContent,
  type ChatRequest,
  contentOf,
  digest,
  rewritten,
  type WrittenContent,
} from './chat-content.js'
import { type ChatDraft, type Publisher, refusalOf } from './publisher.js'
import { type Room, streamOf } from './room.js'
import type { Rooms } from './rooms.js'
import type { TypingNotices } from './typing-notices.js'

export interface ChatDeps {
  readonly access: Access
  readonly handlers: HandlerTable
  readonly calls: ApplicationCalls
  readonly replies: Replies
  readonly typing: TypingNotices
  readonly publisher: Publisher
  readonly authors: Pick<Authors, 'keep'>
  readonly rooms: Rooms
  readonly backplane: Backplane
  readonly lifeCycle: LifeCycle
  readonly contexts: Contexts
  readonly clock: Clock
  readonly metrics: Metrics
  readonly limits: Pick<Limits, 'amendmentsPerSecond'>
}

type Accepted = PublishResult & { readonly status: 'accepted' }

/** A message that is being handled. */
interface Chat {
  readonly connection: Connection
  readonly membership: Membership
  readonly message: ChatRequest
  readonly userId: string
  readonly arrival: Arrival
}

/** Takes chat messages, edits, deletions and reactions to the log: asks the application, publishes, acknowledges. */
export class Chats {
  constructor(private readonly deps: ChatDeps) {}

  async take(
    connection: Connection,
    membership: Membership,
    message: ChatRequest,
    arrival: Arrival,
  ): Promise<void> {
    const { deps } = this
    const { user } = connection.session
    if (!user)
      return deps.replies.fail(
        connection,
        new RoomfulError('not_in_room'),
        refsOfMessage(message, membership),
      )
    const chat = { connection, membership, message, userId: user.id, arrival }
    // A message that is accepted now would be lost with this process.
    if (deps.lifeCycle.isDraining && deps.backplane.durability === 'memory')
      return this.#fail(chat, new RoomfulError('draining', { retryAfterMs: 1_000 }))
    const denied = await deps.access.refusal(connection, membership, 'chat_message')
    // Charged last: those who may not write could otherwise use up what is for those who may.
    const refusal = denied ?? this.#chargeAmendment(chat)
    if (refusal) return this.#fail(chat, refusal)
    const handler = deps.handlers.get('chat_message')
    const content = contentOf(message)
    if ('body' in content && typeof handler === 'function') await this.#handle(handler, chat, content)
    else await this.#publish(chat, content)
  }

  /** Amendments of a room have a rate of their own: many users could otherwise fill its log with them. */
  #chargeAmendment(chat: Chat): RoomfulError | undefined {
    const room = this.#roomToAmend(chat)
    if (!room) return undefined
    const [rate, now] = [this.#amendmentRate, this.deps.clock.now()]
    const retryAfterMs = waitFor(room.amendments, rate, now)
    if (retryAfterMs > 0) return new RoomfulError('rate_limited', { retryAfterMs })
    room.amendments = paid(room.amendments, rate, now)
    return undefined
  }

  /** Nothing was logged. Somebody who is muted could otherwise use up what is for those who are not. */
  #refundAmendment(chat: Chat): void {
    const room = this.#roomToAmend(chat)
    if (room) room.amendments = paid(room.amendments, this.#amendmentRate, this.deps.clock.now(), -1)
  }

  #roomToAmend({ membership, message, userId }: Chat): Room | undefined {
    if (message.type === 'chat_message') return undefined
    return this.deps.rooms.get(streamOf(membership.roomId, userId))
  }

  get #amendmentRate(): Rate {
    const { amendmentsPerSecond: perSecond } = this.deps.limits
    return { perSecond, burst: Math.max(1, perSecond) }
  }

  async #handle(handler: Handler, chat: Chat, content: WrittenContent): Promise<void> {
    const { deps } = this
    const { connection, membership, message, arrival } = chat
    const { client_id: clientId } = message
    const sent = { ...content.body, ...(clientId !== undefined && { clientId }) }
    const edit = content.kind === 'edit' ? content.target : undefined
    const { context, abort } = deps.contexts.cancellable(connection, membership.roomId, arrival, edit)
    const call = async () => rewritten(await handler(context, sent), sent)
    const outcome = await deps.calls.run('handle.chat_message', context, call, abort)
    if (outcome.ok) await this.#publish(chat, { ...content, body: outcome.value })
    else this.#refuse(chat, outcome.error)
  }

  async #publish(chat: Chat, content: ChatContent): Promise<void> {
    const { deps } = this
    const { connection, membership, userId } = chat
    if (!isStillMember(connection, membership)) return this.#refuse(chat, new RoomfulError('not_in_room'))
    const { roomId } = membership
    const stream = streamOf(roomId, userId)
    const room = deps.rooms.get(stream)
    if (room && content.kind === 'send') deps.typing.stop(room, userId, connection.id)
    const { account } = connection.session
    const { client_id: clientId } = chat.message
    const from = { clientId, sender: senderOf(chat), writer: userId, account }
    const draft = { stream, roomId, userId, content, moderates: false, ...from }
    const { user } = connection.session
    if (content.kind === 'send' && user?.profile) await deps.authors.keep(user)
    const result = await deps.publisher.publishChat(draft)
    if (result.status === 'forbidden') await this.#moderate(chat, draft)
    else this.#answer(chat, result)
  }

  /** The message to change is somebody else's, so the application decides. Only the store knew whose it is. */
  async #moderate(chat: Chat, draft: ChatDraft): Promise<void> {
    const { access, publisher } = this.deps
    const denied = await access.moderationRefusal(chat.connection, chat.membership)
    if (denied) return this.#refuse(chat, denied)
    this.#answer(chat, await publisher.publishChat({ ...draft, moderates: true }))
  }

  #answer(chat: Chat, result: PublishResult): void {
    if (result.status === 'accepted') this.#acknowledge(chat, result)
    else this.#refuse(chat, refusalOf(result))
  }

  #acknowledge(chat: Chat, accepted: Accepted): void {
    const { deps } = this
    const { connection, membership, message, arrival } = chat
    const { client_id: clientId, ref } = message
    const room = deps.rooms.get(streamOf(membership.roomId, chat.userId))
    if (accepted.duplicate) this.#refundAmendment(chat)
    // A page that its sender asks for from now on contains it.
    if (room) room.acknowledged = accepted.position
    if (clientId === undefined) return
    if (message.type === 'chat_message') membership.lastAccepted = { clientId, position: accepted.position }
    deps.replies.acknowledge(connection, { ref, clientId, roomId: membership.roomId, accepted })
    deps.metrics.acks.observe(deps.clock.now() - arrival.at)
  }

  #refuse(chat: Chat, error: RoomfulError): void {
    this.#refundAmendment(chat)
    this.#fail(chat, error)
  }

  #fail({ connection, membership, message }: Chat, error: RoomfulError): void {
    this.deps.replies.fail(connection, error, refsOfMessage(message, membership))
  }
}

/**
 * Uses what the client sent, not the handler's version: a repeat is recognised by it. A repeated reaction changes nothing,
 * so none is remembered.
 */
function senderOf({ membership, message, userId }: Chat): Sender | undefined {
  if (message.type === 'add_reaction' || message.type === 'remove_reaction') return undefined
  const { client_id: clientId, seen } = message
  if (clientId === undefined) return undefined
  const isAfter = message.type === 'chat_message' && message.after !== undefined
  const after = isAfter ? membership.lastAccepted?.position : undefined
  return { userId, clientId, fingerprint: digest(contentOf(message)), seen, after }
}
