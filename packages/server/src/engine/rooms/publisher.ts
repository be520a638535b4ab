import { checkText, type JsonObject, validate } from '@roomful/protocol'
import type { AnyProtocol, Published } from '../../api/api.js'
import type { Backplane, Draft, Idempotency, PublishResult, Sender } from '../../api/contracts/backplane.js'
import type { Clock } from '../../api/contracts/clock.js'
import { RoomfulError } from '../../api/contracts/roomful-error.js'
import type { Limits } from '../../api/options/limits.js'
import { fingerprint } from '../../backplane/log/fingerprint.js'
import { canonicalJson } from '../../util/canonical-json.js'
import { isoTime } from '../../util/iso-time.js'
import { invalid, type ServerMessages } from '../application/server-messages.js'
import type { Metrics } from '../process/metrics.js'
import { channels, isTraced } from '../process/tracing.js'

export interface ChatBody {
  readonly message: string
  readonly data?: JsonObject | undefined
}

/** A chat message that is about to be logged. */
export interface ChatDraft {
  readonly stream: string
  /** The room's name, as its members use it. */
  readonly roomId: string
  readonly userId: string
  /** The content that is logged. */
  readonly body: ChatBody
  readonly sender: Sender | undefined
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

  async publishChat({
    stream,
    roomId,
    userId,
    body,
    sender,
    account,
    idempotency,
  }: ChatDraft): Promise<PublishResult> {
    const id = this.newId()
    const timestampMs = this.clock.wallTime()
    const { message, data } = body
    const timestamp = isoTime(timestampMs)
    const frame = {
      type: 'chat_message',
      message,
      timestamp,
      user_id: userId,
      room_id: roomId,
      id,
      client_id: sender?.clientId,
      data,
    }
    const draft = { id, message: frame, timestampMs, sender, account, idempotency }
    return this.#commit(stream, roomId, draft)
  }

  /**
   * Publishes the server's own chat message.
   * @throws RoomfulError the errors with which a client's message would be refused
   */
  async publishOwnChat(
    stream: string,
    roomId: string,
    userId: string,
    body: ChatBody,
    key: string | undefined,
  ): Promise<Published> {
    this.#checkChat(body)
    const idempotency = idempotencyOf(key, { type: 'chat_message', user_id: userId, ...body })
    const own = { sender: undefined, account: undefined, idempotency }
    return publishedOf(await this.publishChat({ stream, roomId, userId, body, ...own }))
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

const REFUSALS = {
  conflict: 'id_conflict',
  forgotten: 'outcome_unknown',
  out_of_order: 'out_of_order',
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
export function refusalOf({ status }: Exclude<PublishResult, { status: 'accepted' }>): RoomfulError {
  return new RoomfulError(REFUSALS[status])
}
