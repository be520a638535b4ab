import type { JsonObject } from '@roomful/protocol'
import type {
  Backplane,
  Break,
  Draft,
  LogPage,
  NodeLink,
  Position,
  PresenceSnapshot,
  PresentUser,
  PublishResult,
  Range,
  Relay,
  StreamEvent,
  Subscription,
} from '../../api/contracts/backplane.js'
import { RoomfulError } from '../../api/contracts/roomful-error.js'
import { openText, resumeFault } from '../log/log.js'
import { toPage } from '../log/page.js'
import { kindsAgainst } from '../log/restricting.js'
import { Amending } from './amending.js'
import type { Append, AppendReply } from './append.js'
import { RedisChangeFeed } from './change-feed.js'
import { Erasing } from './erasing.js'
import { Feed } from './feed.js'
import { GroupCommit } from './group-commit.js'
import { BAN_NEWS } from './keys.js'
import type { RedisSettings } from './options.js'
import { PresenceLease } from './presence-lease.js'
import type { RedisProfileStore } from './profile-store.js'
import { RedisMarks } from './redis-marks.js'
import { RedisReactions } from './redis-reactions.js'
import { RedisRestrictions } from './redis-restrictions.js'
import { settingsFault } from './refusals.js'
import type { NodeRelay, RedisStore } from './store.js'
import { Tidying } from './tidying.js'
import { isInDoubt } from './unavailable.js'

interface OpenFeed {
  readonly feed: Feed
  readonly opened: Promise<void>
}

interface Started {
  readonly node: NodeLink
  readonly id: string
  readonly lease: PresenceLease
}

/**
 * Joins many nodes through one Redis. All decisions are made here and in the parts below; `store` carries them out.
 */
export class RedisBackplane implements Backplane {
  readonly durability: RedisSettings['durability']
  readonly dedupeWindowMs: number
  readonly changes: RedisChangeFeed | undefined
  readonly restrictions: RedisRestrictions | undefined
  readonly profiles: RedisProfileStore | undefined
  readonly #groupCommit: GroupCommit
  readonly amends = true
  readonly reactions: RedisReactions
  readonly marks: RedisMarks
  readonly #amending: Amending
  readonly #erasing: Erasing
  readonly #feeds = new Map<string, OpenFeed>()
  #started: Started | undefined
  #sharedSecret: string | undefined
  #stopWork = () => {}

  constructor(
    private readonly store: RedisStore,
    private readonly settings: RedisSettings,
  ) {
    this.durability = settings.durability
    this.dedupeWindowMs = settings.dedupeMs
    this.changes =
      store.changes &&
      new RedisChangeFeed(
        store.changes,
        () => this.#node.newId(),
        (err) => this.#node.logger.debug({ err }, 'redis: a subscription could not be ended'),
      )
    this.profiles = store.profiles
    this.restrictions =
      store.restrictions &&
      new RedisRestrictions(store.restrictions, {
        append: (message) => this.#appendNews(message),
        subscribe: (listener) => this.subscribe(BAN_NEWS, listener),
      })
    this.marks = new RedisMarks(store.marks)
    this.#groupCommit = new GroupCommit(store, settings.replicas, settings.replicationTimeoutMs)
    const readEntry = (stream: string, offset: number) => {
      const alone = { after: offset - 1, limit: 1, maxBytes: 0 }
      return store.read(stream, alone, undefined, this.#node.newId())
    }
    const readReactions = (stream: string, fields: readonly string[]) => store.readReactions(stream, fields)
    this.reactions = new RedisReactions({ readEntry, readReactions })
    this.#amending = new Amending({
      readEntry,
      readReactions,
      editor: (stream) => store.upkeep.editor(stream),
      append: (append) => this.#append(append),
    })
    this.#erasing = new Erasing({
      upkeep: store.upkeep,
      marks: store.marks,
      feed: () => store.changes?.editor,
      newId: () => this.#node.newId(),
      wallTime: () => this.#node.clock.wallTime(),
      delete: (stream) => this.delete(stream),
      forgetReactions: (stream, userId, offset, told) => this.#amending.forget(stream, userId, offset, told),
    })
  }

  get ready(): boolean {
    return this.#started !== undefined && this.store.ready
  }

  get sharedSecret(): string | undefined {
    return this.#sharedSecret
  }

  async start(node: NodeLink): Promise<void> {
    if (this.#started) throw new Error('redis: a backplane serves one server; give each server its own')
    const seen = (stream: string) => this.#feeds.get(stream)?.feed.state.presenceVersion ?? 0
    const reentered = () => {
      for (const { feed } of this.#feeds.values()) feed.doubtPresence()
      this.#shareSecret().catch((err: unknown) =>
        node.logger.warn({ err }, 'redis: the shared secret of the nodes could not be stored'),
      )
    }
    const lease = new PresenceLease(this.store, node, this.settings, seen, reentered)
    this.#started = { node, id: node.newId(), lease }
    try {
      await this.#open(node, lease)
    } catch (error) {
      // If the server cannot start, its process must be able to end: open sockets would keep it alive.
      await this.store.close()
      throw settingsFault(error) ?? error
    }
    this.#startWork(node)
  }

  #startWork({ clock, logger }: NodeLink): void {
    const stopChecks = clock.every(this.settings.headCheckMs, () => void this.#checkHeads())
    const isReady = () => this.store.ready
    const tidying = new Tidying(this.store.upkeep, clock, isReady, (err) =>
      logger.warn({ err }, 'redis: old entries could not be removed; trying again'),
    )
    tidying.start()
    this.#stopWork = () => {
      stopChecks()
      tidying.stop()
    }
  }

  async #open({ clock, logger }: NodeLink, lease: PresenceLease): Promise<void> {
    await this.store.open({
      clock,
      logger,
      reconnected: () => {
        lease.reconnected()
        void this.#checkHeads()
      },
      resubscribed: () => {
        void this.#checkHeads()
        this.#node.relaysMissed?.()
      },
      relayed: (message) => this.#relayed(message),
    })
    await this.#shareSecret()
    await lease.start()
  }

  /**
   * Repeated whenever Redis has lost its data: otherwise a node that starts later would sign with a different secret.
   */
  async #shareSecret(): Promise<void> {
    const candidate = this.#sharedSecret ?? `${this.#node.newId()}${this.#node.newId()}`
    this.#sharedSecret = await this.store.secret(candidate)
  }

  async publish(stream: string, draft: Draft): Promise<PublishResult> {
    const { id, message, timestampMs, sender, idempotency, writer, amends, readBy } = draft
    const open = openText(message)
    const { durability } = this
    const newEpoch = this.#node.newId()
    const restrained = writer === undefined ? undefined : { userId: writer, kinds: kindsAgainst(draft) }
    const append = {
      stream,
      id,
      open,
      timestampMs,
      sender,
      idempotency,
      writer: restrained,
      newEpoch,
      readBy,
    }
    const reply = await (amends ? this.#amending.append(append, amends) : this.#append(append))
    if (reply.status === 'moved' || reply.status === 'refused')
      throw new Error(`Nothing was to be ${reply.status}`)
    if (reply.status !== 'accepted') return reply
    if (amends?.kind === 'delete') this.changes?.retracted()
    if (!reply.duplicate) this.#feeds.get(stream)?.feed.acknowledge(reply.position)
    return { ...reply, durability }
  }

  async subscribe(stream: string, listener: (event: StreamEvent) => void): Promise<Subscription> {
    const open = this.#feeds.get(stream) ?? this.#openFeed(stream)
    const { feed } = open
    feed.listeners.add(listener)
    const close = () => {
      feed.listeners.delete(listener)
      if (feed.listeners.size === 0) this.#closeFeed(open)
    }
    try {
      await open.opened
      return { close }
    } catch (error) {
      close()
      throw error
    }
  }

  async read(
    stream: string,
    range: Range,
    since?: Position,
  ): Promise<LogPage & { readonly fault: Break | undefined }> {
    const asked = this.#feeds.get(stream)?.feed.state.head
    const page = await this.#readLog(stream, range, since)
    await this.#feeds.get(stream)?.feed.reach(page.head, asked)
    return page
  }

  async enter(stream: string, user: PresentUser, connection: string): Promise<PresenceSnapshot> {
    const snapshot = await this.#lease.enter(stream, user, connection)
    this.#feeds.get(stream)?.feed.presentAt(snapshot.version)
    return snapshot
  }

  update(stream: string, userId: string, state: JsonObject): Promise<void> {
    return this.#lease.update(stream, userId, state)
  }

  leave(stream: string, userId: string, connection: string, mayReturn: boolean): Promise<void> {
    return this.#lease.leave({ stream, userId, connection }, mayReturn)
  }

  present(stream: string): Promise<PresenceSnapshot> {
    return this.store.present(stream, this.#node.listedMembers)
  }

  /** The feed again at a repeat, in case the first attempt did not get there. */
  async delete(stream: string): Promise<void> {
    const epoch = await this.store.upkeep.end(stream, this.#node.newId())
    await this.changes?.forget(stream, epoch)
    this.changes?.retracted()
    if (epoch === undefined) return
    await this.#feeds.get(stream)?.feed.reach({ epoch, offset: 0, id: epoch }, undefined)
  }

  async erase(userId: string): Promise<void> {
    await this.profiles?.forget(userId)
    await this.#erasing.erase(userId)
    this.changes?.retracted()
  }

  /** A message for one stream goes only to the nodes that have members there. */
  relay(relay: Relay): void {
    const { id, node } = this.#running
    const message = { from: id, relay }
    const [stream, ...others] = relay.to === 'streams' ? relay.targets : []
    const sent =
      stream !== undefined && others.length === 0
        ? this.store.relayToStream(stream, message)
        : this.store.relayToAll(message)
    sent.catch((error: unknown) => {
      // A message that only informs may be lost; but a user who was to be removed is still there.
      const level = relay.to === 'disconnect' || relay.to === 'kick' ? 'warn' : 'debug'
      node.logger[level]({ to: relay.to, err: error }, 'redis: a message to other nodes could not be sent')
    })
  }

  async close(): Promise<void> {
    this.#stopWork()
    await this.#started?.lease.close()
    this.#feeds.clear()
    await this.store.close()
  }

  async #appendNews(message: JsonObject): Promise<void> {
    const { newId, clock } = this.#node
    await this.publish(BAN_NEWS, { id: newId(), message, timestampMs: clock.wallTime() })
  }

  async #append(append: Append): Promise<AppendReply> {
    try {
      return await (this.durability === 'replicated' ? this.#groupCommit : this.store).append(append)
    } catch (error) {
      // A repeat is recognised by its client id or key, and a reaction changes nothing twice. Anything else would be in the
      // log twice.
      if (append.sender || append.idempotency || append.isReaction || !isInDoubt(error)) throw error
      throw new RoomfulError('outcome_unknown', { cause: error.cause })
    }
  }

  async #readLog(
    stream: string,
    range: Range,
    since?: Position,
  ): Promise<LogPage & { readonly fault: Break | undefined }> {
    const reply = await this.store.read(stream, range, since?.offset, this.#node.newId())
    const { epoch, head, idAt } = reply
    const page = toPage(reply, range)
    const more = reply.more ?? page.more
    return { ...page, more, fault: since && resumeFault({ epoch, head, idAt: () => idAt }, since) }
  }

  #openFeed(stream: string): OpenFeed {
    const { clock, logger } = this.#node
    const feed = new Feed(stream, {
      clock,
      read: (name, range, since) => this.#readLog(name, range, since),
      relayed: (message) => this.#relayed(message),
      failed: (name, error) =>
        logger.warn({ stream: name, err: error }, 'redis: a log could not be repaired; trying again'),
    })
    const open = { feed, opened: this.#subscribe(feed) }
    this.#feeds.set(stream, open)
    return open
  }

  /** Subscribes first and then reads the head; otherwise entries published in between would be lost. */
  async #subscribe(feed: Feed): Promise<void> {
    const { stream } = feed
    await this.store.subscribe(stream, (message) => feed.receive(message))
    const nothing = { before: undefined, limit: 0, maxBytes: 0 }
    const { head } = await this.store.read(stream, nothing, undefined, this.#node.newId())
    feed.start(head)
  }

  #closeFeed(open: OpenFeed): void {
    const { stream } = open.feed
    if (this.#feeds.get(stream) !== open) return
    this.#feeds.delete(stream)
    this.store.unsubscribe(stream).catch((error: unknown) => {
      this.#node.logger.debug(
        { stream, err: error },
        'redis: a subscription could not be ended; it ends with the connection',
      )
    })
  }

  /** Detects what no message reveals: a lost publish, or a log that forked while nobody wrote. */
  async #checkHeads(): Promise<void> {
    if (!this.store.ready) return
    const feeds = [...this.#feeds.values()].map(({ feed }) => feed)
    try {
      for (let start = 0; start < feeds.length; start += HEADS) {
        const some = feeds.slice(start, start + HEADS)
        const asked = some.map(({ state }) => state)
        const states = await this.store.streamStates(some.map(({ stream }) => stream))
        for (const [index, feed] of some.entries()) {
          const [state, before] = [states[index], asked[index]]
          if (state && before) feed.check(state, before)
        }
      }
    } catch (error) {
      this.#node.logger.warn(
        { err: error },
        'redis: the heads of the logs could not be checked; trying again',
      )
    }
  }

  #relayed({ from, relay }: NodeRelay): void {
    const { id, node } = this.#running
    if (from !== id) node.receive(relay)
  }

  get #running(): Started {
    if (!this.#started)
      throw new RoomfulError('unavailable', { cause: new Error('redis: start() comes first') })
    return this.#started
  }

  get #node(): NodeLink {
    return this.#running.node
  }

  get #lease(): PresenceLease {
    return this.#running.lease
  }
}

/** Maximum number of heads in one pipeline. */
const HEADS = 500
