import { type ClientMessageOf, RoomfulError } from '@roomful/protocol'
import type { Answers, Refs } from './answers.js'
import type { ApplicationCalls, Outcome } from './application.js'
import type { PublishResult } from './backplane.js'
import type { Connection } from './connection.js'
import { type CancellableContext, isStillIn } from './contexts.js'
import { refsOfMessage } from './core/decide.js'
import { ackText } from './core/frame-texts.js'
import { isoTime } from './core/iso-time.js'
import { andThen, type MaybePromise } from './core/maybe-promise.js'
import type { Membership } from './core/session.js'
import type { FanOut } from './fanout.js'
import type { HandlerTable } from './handlers.js'
import type { Members } from './members.js'
import { type ChatBody, type ChatDraft, type Publisher, refusalOf } from './publisher.js'
import { streamOf } from './room.js'
import type { Rooms } from './rooms.js'

export interface ChatDeps {
  readonly handlers: HandlerTable
  readonly calls: ApplicationCalls
  readonly answers: Answers
  readonly members: Members
  readonly publisher: Publisher
  readonly rooms: Rooms
  readonly fanOut: FanOut
  /** Whether what is accepted now would be lost with this process. */
  losesMessages(): boolean
  cancellableContextOf(connection: Connection, roomId: string): CancellableContext
}

type Chat = ClientMessageOf<'chat_message'>
type Accepted = PublishResult & { readonly status: 'accepted' }

/**
 * A chat message's way into the log: the application is asked, then it is published and acknowledged. All of it
 * happens at once, in the turn in which the message arrived, where nothing must be awaited.
 */
export class Chats {
  constructor(private readonly deps: ChatDeps) {}

  take(connection: Connection, membership: Membership, message: Chat): void | Promise<void> {
    const { deps } = this
    const { roomId } = membership
    const refs = refsOfMessage(message, membership)
    if (deps.losesMessages()) {
      return deps.answers.fail(connection, new RoomfulError('draining', { retryAfterMs: 1_000 }), refs)
    }
    const denied = deps.members.authorize(connection, 'chat_message', roomId)
    return andThen<RoomfulError | undefined, void>(denied, (error) => {
      if (error || !isStillIn(connection, membership))
        return deps.answers.fail(connection, error ?? new RoomfulError('not_in_room'), refs)
      return this.#accept(connection, membership, message, refs)
    })
  }

  #accept(connection: Connection, membership: Membership, message: Chat, refs: Refs): void | Promise<void> {
    const { message: text, data } = message
    const sent: ChatBody = data ? { message: text, data } : { message: text }
    return andThen(this.#handle(connection, membership.roomId, sent), (outcome) => {
      if (!outcome.ok) return this.deps.answers.fail(connection, outcome.error, refs)
      return this.#publish(connection, membership, message, { sent, body: outcome.value }, refs)
    })
  }

  #handle(connection: Connection, roomId: string, chat: ChatBody): MaybePromise<Outcome<ChatBody>> {
    const { deps } = this
    const handler = deps.handlers.get('chat_message')
    if (typeof handler !== 'function') return { ok: true, value: chat }
    const { context, abort } = deps.cancellableContextOf(connection, roomId)
    return deps.calls.run(
      'handle.chat_message',
      context,
      () => andThen(handler(context, chat) as MaybePromise<unknown>, (result) => rewritten(result, chat)),
      abort,
    )
  }

  #publish(
    connection: Connection,
    membership: Membership,
    message: Chat,
    bodies: Pick<ChatDraft, 'sent' | 'body'>,
    refs: Refs,
  ): void | Promise<void> {
    const { deps } = this
    const { roomId } = membership
    const { user } = connection.session
    if (!user || !isStillIn(connection, membership))
      return deps.answers.fail(connection, new RoomfulError('not_in_room'), refs)
    const stream = streamOf(roomId, user.id)
    const room = deps.rooms.get(stream)
    if (room) deps.members.stopTyping(room, user.id, connection.id)
    const { client_id: clientId, seen } = message
    const after = message.after === undefined ? undefined : membership.lastAccepted?.position
    const draft = { stream, roomId, userId: user.id, clientId, seen, after, ...bodies }
    return andThen(deps.publisher.publishChat(draft), (result) => {
      if (result.status !== 'accepted') return deps.answers.fail(connection, refusalOf(result), refs)
      if (room) deps.fanOut.accepted(room, connection)
      this.#acknowledge(connection, membership, message, result)
    })
  }

  #acknowledge(connection: Connection, membership: Membership, message: Chat, accepted: Accepted): void {
    const { client_id: clientId, ref } = message
    if (clientId === undefined) return
    const { position, wall, duplicate, durability } = accepted
    membership.lastAccepted = { clientId, position }
    const { roomId } = membership
    const timestamp = isoTime(wall)
    const text = ackText({ ref, clientId, roomId, ...position, timestamp, duplicate, durability })
    this.deps.answers.sendText(connection, text)
  }
}

/** What a handler made of a chat message. @throws TypeError if it returned something else, which no type has stopped */
function rewritten(result: unknown, chat: ChatBody): ChatBody {
  if (result === undefined || result === null) return chat
  const { message, data } = result as Partial<ChatBody>
  if (typeof message !== 'string') {
    throw new TypeError("handle.chat_message must return the chat message, but its 'message' is no string")
  }
  if (data !== undefined && (typeof data !== 'object' || data === null || Array.isArray(data))) {
    throw new TypeError("handle.chat_message returned 'data' that is no object")
  }
  return data ? { message, data } : { message }
}
