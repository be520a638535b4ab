import { checkText, isWellFormed, type JsonObject, REACTION, type Target, validate } from '@roomful/protocol'
import type { AnyProtocol, Published } from '../../api/api.js'
import type {
  Amendment,
  Backplane,
  Draft,
  Idempotency,
  PublishResult,
  Sender,
} from '../../api/contracts/backplane.js'
import type { Clock } from '../../api/contracts/clock.js'
import { RoomfulError } from '../../api/contracts/roomful-error.js'
import type { Limits } from '../../api/options/limits.js'
import { fingerprint } from '../../backplane/log/fingerprint.js'
import { canonicalJson } from '../../util/canonical-json.js'
import { isoTime } from '../../util/iso-time.js'
import { invalid, type ServerMessages } from '../application/server-messages.js'
import type { Metrics } from '../process/metrics.js'
import { channels, isTraced } from '../process/tracing.js'
import { restrictionError } from './bans.js'
import { type ChatBody, type ChatContent, reactionFault } from './chat-content.js'

/** A chat message, or what changes one, that is about to be logged. */
export interface ChatDraft {
  readonly stream: string
  /** The room's name, as its members use it. */
  readonly roomId: string
  readonly userId: string
  /** What is logged. */
  readonly content: ChatContent
  /** Whether the user may change messages of others. */
  readonly moderates: boolean
  /** The client's id for it, for its frame. */
  readonly clientId?: string | undefined
  readonly sender: Sender | undefined
  /** The user whose client sent it. */
  readonly writer: string | undefined
  readonly account: string | undefined
  readonly idempotency?: Idempotency | undefined
}

interface FramedDraft extends Draft {
  readonly message: JsonObject & { readonly type: string }
}

/** Turns messages into log entries. */
export class Publisher {
  constructor(
    private readonly protocol: AnyProtocol | undefined,
    private readonly messages: ServerMessages,
    private readonly backplane: Backplane,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
    private readonly limits: Limits,
    private readonly newId: () => string,
  ) {}

  async publishChat(chat: ChatDraft): Promise<PublishResult> {
    const { stream, roomId, sender, account, idempotency } = chat
    const id = this.newId()
    const timestampMs = this.clock.wallTime()
    const message = chatFrame(chat, id, isoTime(timestampMs))
    const how = { amends: this.#amendmentOf(chat), readBy: readerOf(chat), writer: chat.writer }
    const draft = { id, message, timestampMs, sender, account, idempotency, ...how }
    return this.#commit(stream, roomId, draft)
  }

  /**
   * Publishes the server's own chat message, edit, deletion or reaction.
   * @throws RoomfulError the errors with which a client's message would be refused
   */
  async publishOwnChat(
    stream: string,
    roomId: string,
    userId: string,
    content: ChatContent,
    key: string | undefined,
  ): Promise<Published> {
    if ('body' in content) this.#checkChat(content.body)
    if ('reaction' in content) this.#checkReaction(content.reaction)
    const idempotency = idempotencyOf(key, keyedContent(userId, content))
    const own = { moderates: true, sender: undefined, writer: undefined, account: undefined, idempotency }
    return publishedOf(await this.publishChat({ stream, roomId, userId, content, ...own }))
  }

  #checkReaction(reaction: unknown): void {
    if (typeof reaction !== 'string') throw invalid('reaction', 'Expected a string')
    if (!isWellFormed(reaction)) throw new RoomfulError('invalid_text')
    const fault = REACTION.test(reaction) ? reactionFault(reaction, this.limits) : ONE_LINE
    if (fault) throw new RoomfulError('invalid_message', { issues: [fault] })
  }

  #checkChat({ message, data }: ChatBody): void {
    if (typeof message !== 'string') throw invalid('message', 'Expected a string')
    const fault = checkText(message, this.limits.textLength)
    if (fault) throw new RoomfulError(fault)
    if (data === undefined) return
    const schema = this.protocol?.chat
    if (!schema) throw invalid('data', 'This protocol declares no chat data')
    const result = validate(schema, data)
    if (!result.ok) throw new RoomfulError('invalid_message', { issues: result.issues })
  }

  /**
   * Publishes the application's own message.
   * @throws RoomfulError `invalid_message`, `id_conflict`, `unavailable`, `outcome_unknown`
   */
  async publish(
    stream: string,
    roomId: string,
    message: { readonly type: string },
    key: string | undefined,
  ): Promise<Published> {
    const body = this.messages.check(message, 'published')
    const id = this.newId()
    const content = { type: message.type, ...body }
    const frame = { ...content, room_id: roomId, id }
    const idempotency = idempotencyOf(key, content)
    const draft = { id, message: frame, timestampMs: this.clock.wallTime(), idempotency }
    return publishedOf(await this.#commit(stream, roomId, draft))
  }

  #amendmentOf({ userId, content, moderates }: ChatDraft): Amendment | undefined {
    if (content.kind === 'send') return undefined
    const how = { target: refTo(content.target), userId, moderates }
    switch (content.kind) {
      case 'edit': {
        const { message, data } = content.body
        return { kind: 'edit', message, data, ...how }
      }
      case 'delete':
        return { kind: 'delete', ...how }
      case 'react': {
        const { reactionKinds: kinds, reactionsPerMessage: users } = this.limits
        return { kind: 'react', reaction: content.reaction, most: { kinds, users }, ...how }
      }
      case 'unreact':
        return { kind: 'unreact', reaction: content.reaction, ...how }
    }
  }

  /** The only path into the log, so that every message is counted and traced. */
  #commit(stream: string, roomId: string, draft: FramedDraft): Promise<PublishResult> {
    if (!isTraced(channels.publish)) return this.#append(stream, draft)
    const trace = { roomId, type: draft.message.type, id: draft.id }
    return channels.publish.tracePromise(() => this.#append(stream, draft), trace)
  }

  async #append(stream: string, draft: Draft): Promise<PublishResult> {
    const { backplane, clock, metrics } = this
    const startedAt = clock.now()
    try {
      const result = await backplane.publish(stream, draft)
      metrics.commits.observe(clock.now() - startedAt)
      if (result.status === 'accepted') {
        if (result.duplicate) metrics.duplicates++
        else metrics.published++
      }
      return result
    } catch (error) {
      metrics.failedCommits++
      throw error
    }
  }
}

/** Begins with the type and the target: by that, a store finds the edits of a message. */
function chatFrame({ roomId, userId, content, clientId }: ChatDraft, id: string, timestamp: string) {
  const by = { timestamp, user_id: userId, room_id: roomId, id, client_id: clientId }
  switch (content.kind) {
    case 'send': {
      const { message, data, replyTo, mentions } = content.body
      return { type: 'chat_message', message, ...by, data, reply_to: replyTo && refTo(replyTo), mentions }
    }
    case 'edit': {
      const { message, data } = content.body
      return { type: 'message_edited', target: refTo(content.target), message, ...by, data }
    }
    case 'delete':
      return { type: 'message_deleted', target: refTo(content.target), ...by }
    case 'react':
    case 'unreact': {
      const type = content.kind === 'react' ? 'reaction_added' : 'reaction_removed'
      return { type, target: refTo(content.target), reaction: content.reaction, ...by }
    }
  }
}

/** Whoever writes has read. No user's id begins with `@`. */
function readerOf({ userId, content }: ChatDraft): string | undefined {
  return content.kind === 'send' && !userId.startsWith('@') ? userId : undefined
}

/** The application may pass a whole message. */
function refTo({ offset, id }: Target): Target {
  return { offset, id }
}

/** What is the same in each repeat under one key. */
function keyedContent(userId: string, content: ChatContent): object {
  if (content.kind === 'send') return { type: 'chat_message', user_id: userId, ...content.body }
  return { type: content.kind, user_id: userId, ...content, target: refTo(content.target) }
}

const ONE_LINE = { path: 'reaction', message: 'Expected a text on one line' }

const REFUSALS = {
  conflict: 'id_conflict',
  forgotten: 'outcome_unknown',
  out_of_order: 'out_of_order',
  not_found: 'not_found',
  deleted: 'deleted',
  forbidden: 'forbidden',
  reaction_limit: 'reaction_limit',
} as const

/** The fingerprint covers the content but not the time, so that a repeat has the same one. */
function idempotencyOf(key: string | undefined, content: object): Idempotency | undefined {
  return key === undefined ? undefined : { key, fingerprint: fingerprint(canonicalJson(content)) }
}

/** @throws RoomfulError */
function publishedOf(result: PublishResult): Published {
  if (result.status === 'conflict')
    throw new RoomfulError('id_conflict', { message: 'This key was used for another message' })
  if (result.status !== 'accepted') throw refusalOf(result)
  return { ...result.position, duplicate: result.duplicate }
}

/** The error for a message that the log did not accept. */
export function refusalOf(result: Exclude<PublishResult, { status: 'accepted' }>): RoomfulError {
  const { status } = result
  return status === 'muted' || status === 'banned'
    ? restrictionError(status, result.forMs)
    : new RoomfulError(REFUSALS[status])
}
