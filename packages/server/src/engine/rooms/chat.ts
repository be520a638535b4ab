import { type ClientMessageOf, RoomfulError } from '@roomful/protocol'
import type { Backplane, PublishResult, Sender } from '../../api/contracts/backplane.js'
import type { Clock } from '../../api/contracts/clock.js'
import { fingerprint } from '../../backplane/log/fingerprint.js'
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
import { type ChatBody, type Publisher, refusalOf } from './publisher.js'
import { streamOf } from './room.js'
import type { Rooms } from './rooms.js'
import type { TypingNotices } from './typing-notices.js'

export interface ChatDeps {
  readonly access: Access
  readonly handlers: HandlerTable
  readonly calls: ApplicationCalls
  readonly replies: Replies
  readonly typing: TypingNotices
  readonly publisher: Publisher
  readonly rooms: Rooms
  readonly backplane: Backplane
  readonly lifeCycle: LifeCycle
  readonly contexts: Contexts
  readonly clock: Clock
  readonly metrics: Metrics
}

type Accepted = PublishResult & { readonly status: 'accepted' }

/** A chat message that is being handled. */
interface Chat {
  readonly connection: Connection
  readonly membership: Membership
  readonly message: ClientMessageOf<'chat_message'>
  readonly userId: string
  readonly arrival: Arrival
}

/** Takes chat messages to the log: asks the application, publishes, acknowledges. */
export class Chats {
  constructor(private readonly deps: ChatDeps) {}

  async take(
    connection: Connection,
    membership: Membership,
    message: ClientMessageOf<'chat_message'>,
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
    if (denied) return this.#fail(chat, denied)
    const handler = deps.handlers.get('chat_message')
    if (typeof handler === 'function') await this.#handle(handler, chat)
    else await this.#publish(chat, chat.message)
  }

  async #handle(handler: Handler, chat: Chat): Promise<void> {
    const { deps } = this
    const { message, data, client_id: clientId } = chat.message
    const body = { message, ...(data && { data }), ...(clientId !== undefined && { clientId }) }
    const { connection, membership, arrival } = chat
    const { context, abort } = deps.contexts.cancellable(connection, membership.roomId, arrival)
    const call = async () => rewritten(await handler(context, body), body)
    const outcome = await deps.calls.run('handle.chat_message', context, call, abort)
    if (outcome.ok) await this.#publish(chat, outcome.value)
    else this.#fail(chat, outcome.error)
  }

  async #publish(chat: Chat, body: ChatBody): Promise<void> {
    const { deps } = this
    const { connection, membership, userId } = chat
    if (!isStillMember(connection, membership)) return this.#fail(chat, new RoomfulError('not_in_room'))
    const stream = streamOf(membership.roomId, userId)
    const room = deps.rooms.get(stream)
    if (room) deps.typing.stop(room, userId, connection.id)
    const { account } = connection.session
    const { roomId } = membership
    const draft = { stream, roomId, userId, body, sender: senderOf(chat), account }
    const result = await deps.publisher.publishChat(draft)
    if (result.status === 'accepted') this.#acknowledge(chat, result)
    else this.#fail(chat, refusalOf(result))
  }

  #acknowledge(chat: Chat, accepted: Accepted): void {
    const { deps } = this
    const { connection, membership, message, arrival } = chat
    const { client_id: clientId, ref } = message
    if (clientId === undefined) return
    membership.lastAccepted = { clientId, position: accepted.position }
    deps.replies.acknowledge(connection, { ref, clientId, roomId: membership.roomId, accepted })
    deps.metrics.acks.observe(deps.clock.now() - arrival.at)
  }

  #fail({ connection, membership, message }: Chat, error: RoomfulError): void {
    this.deps.replies.fail(connection, error, refsOfMessage(message, membership))
  }
}

/** Uses what the client sent, not the handler's version: a repeat is recognised by it. */
function senderOf({ membership, message, userId }: Chat): Sender | undefined {
  const { client_id: clientId, seen } = message
  if (clientId === undefined) return undefined
  const after = message.after === undefined ? undefined : membership.lastAccepted?.position
  return { userId, clientId, fingerprint: digest(message), seen, after }
}

function digest({ message, data }: ChatBody): number {
  return fingerprint(data ? `${message}\n${JSON.stringify(data)}` : message)
}

/**
 * The handler's version of a chat message.
 * @throws TypeError if it returned anything else, which types cannot prevent in JavaScript
 */
function rewritten(result: unknown, chat: ChatBody): ChatBody {
  const { message, data } = (result ?? chat) as Partial<ChatBody>
  if (typeof message !== 'string') {
    throw new TypeError("handle.chat_message must return the chat message, but its 'message' is not a string")
  }
  if (data !== undefined && (typeof data !== 'object' || data === null || Array.isArray(data))) {
    throw new TypeError("handle.chat_message returned 'data' that is not an object")
  }
  return data ? { message, data } : { message }
}
