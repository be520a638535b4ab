import type {
  PresenceSnapshot,
  PresentUser,
  Range,
} from '../../../packages/server/src/api/contracts/backplane.js'
import type { Append, AppendReply } from '../../../packages/server/src/backplane/redis/append.js'
import { RedisConnection } from '../../../packages/server/src/backplane/redis/connection.js'
import type { LogUpkeep } from '../../../packages/server/src/backplane/redis/log-upkeep.js'
import type { MarkCommands } from '../../../packages/server/src/backplane/redis/mark-commands.js'
import type { RedisSettings } from '../../../packages/server/src/backplane/redis/options.js'
import type {
  Entered,
  GraceEnd,
  NodeRelay,
  PresentConnection,
  ReactionsReply,
  ReadReply,
  RedisStore,
  StoreLink,
  StreamMessage,
  StreamState,
} from '../../../packages/server/src/backplane/redis/store.js'
import { unavailable } from '../../../packages/server/src/backplane/redis/unavailable.js'
import type { Random } from '../random.js'
import { ModelClient } from './model-client.js'
import { type Message, type ModelRedis, type Operation, RELAYS } from './model-redis.js'
import type { Road } from './road.js'

interface Connections {
  readonly commands: RedisConnection
  readonly subscriber: RedisConnection
  readonly replicated: RedisConnection | undefined
}

/** The store of one node on the model of Redis: the product's own connections, over clients that are modelled. */
export class ModelStore implements RedisStore {
  readonly subscriptions: ModelClient
  readonly upkeep: LogUpkeep = {
    takeTurn: (ms) => this.#run((data, turn) => data.takeTurn(turn, ms)),
    // A pass over so few logs is done before it.
    keepTurn: async () => {},
    streams: async () => ({ streams: await this.#run((data, turn) => data.streams(turn)), cursor: '0' }),
    tidy: async (stream) => {
      await this.#run((data, turn) => data.tidy(turn, stream))
      return false
    },
    time: isNotModelled,
    editor: (stream) => ({
      edits: (from) => this.#run((data, turn) => data.edits(turn, stream, from)),
      rewrite: (rewrites) => this.#run((data, turn) => data.rewrite(turn, stream, rewrites)),
      find: isNotModelled,
    }),
    end: isNotModelled,
    rewriteAndAppend: isNotModelled,
    forget: isNotModelled,
  }
  readonly marks: MarkCommands = {
    move: (...args) => this.#run((data, turn) => data.moveMark(turn, ...args)),
    reading: (...args) => this.#run((data, turn) => data.unread(turn, ...args)),
    list: (stream) => this.#run((data, turn) => data.marks(turn, stream)),
    forget: isNotModelled,
    watch: isNotModelled,
  }
  readonly #client: ModelClient
  readonly #replicatedClient: ModelClient
  #connections: Connections | undefined
  readonly #channels = new Map<string, Promise<void>>()

  constructor(
    redis: ModelRedis,
    private readonly road: Road,
    random: Random,
    private readonly settings: RedisSettings,
  ) {
    const newClient = () => new ModelClient(redis, road, random.fork())
    this.#client = newClient()
    this.subscriptions = newClient()
    this.#replicatedClient = newClient()
  }

  /** The process dies: nothing is said to Redis any more, and nothing is heard of it. */
  die(): void {
    for (const traveller of this.road.travellers) traveller.destroy()
  }

  cutCommands(): void {
    this.#client.cut()
  }

  get ready(): boolean {
    if (!this.#connections) return false
    const { commands, subscriber, replicated } = this.#connections
    return commands.ready && subscriber.ready && (replicated?.ready ?? true)
  }

  async open(link: StoreLink): Promise<void> {
    const { clock, logger } = link
    const { commandTimeoutMs: timeoutMs, durability } = this.settings
    const make = (name: string, client: ModelClient, reconnected: () => void) =>
      new RedisConnection(name, client, { clock, logger, timeoutMs, reconnected, demoted() {} })
    const commands = make('commands', this.#client, () => link.reconnected())
    const subscriber = make('subscriber', this.subscriptions, () => link.resubscribed())
    const replicated =
      durability === 'replicated' ? make('replicated', this.#replicatedClient, () => {}) : undefined
    this.#connections = { commands, subscriber, replicated }
    await Promise.all([commands.open(), subscriber.open(), replicated?.open()])
    const relayed = (message: Message) => {
      if ('relay' in message) link.relayed(message)
    }
    await subscriber.ask(() => this.subscriptions.subscribe(RELAYS, relayed))
  }

  async close(): Promise<void> {
    if (!this.#connections) return
    const { commands, subscriber, replicated } = this.#connections
    await Promise.all([commands.close(), subscriber.close(), replicated?.close()])
  }

  append(append: Append): Promise<AppendReply> {
    return this.#run((data, turn) => data.append(turn, append))
  }

  async appendReplicated(appends: readonly Append[], replicas: number, timeoutMs: number) {
    const { replicated } = this.#open
    if (!replicated) throw unavailable(new Error('No connection was made for replicated messages'))
    const { generation } = replicated
    const patience = timeoutMs + this.settings.commandTimeoutMs
    const client = this.#replicatedClient
    const appending = appends.map((append) =>
      replicated.ask(() => client.run((data, turn) => data.append(turn, append)), patience),
    )
    const waiting = replicated.ask(() => client.wait(replicas, timeoutMs), patience)
    const confirming = waiting.then((answer) => {
      if (replicated.generation === generation) return answer
      throw new Error('The connection broke before WAIT answered')
    })
    const [replies, [confirmedBy]] = await Promise.all([
      Promise.allSettled(appending),
      Promise.allSettled([confirming]),
    ])
    return { replies, confirmedBy }
  }

  read(stream: string, range: Range, idAt: number | undefined, newEpoch: string): Promise<ReadReply> {
    return this.#run((data, turn) => data.read(turn, stream, range, idAt, newEpoch))
  }

  readReactions(stream: string, fields: readonly string[]): Promise<ReactionsReply> {
    return this.#run((data, turn) => data.readReactions(turn, stream, fields))
  }

  async streamStates(streams: readonly string[]): Promise<readonly StreamState[]> {
    const asked = streams.map((stream) => this.#run((data, turn) => data.standing(turn, stream)))
    const [standings] = await Promise.all([Promise.all(asked), this.#open.subscriber.send(['PING'])])
    return standings
  }

  subscribe(stream: string, listener: (message: StreamMessage) => void): Promise<void> {
    const receive = (message: Message) => {
      if ('kind' in message) listener(message)
    }
    return this.#inTurn(stream, () =>
      this.#open.subscriber.ask(() => this.subscriptions.subscribe(stream, receive)),
    )
  }

  unsubscribe(stream: string): Promise<void> {
    return this.#inTurn(stream, () => this.#open.subscriber.ask(() => this.subscriptions.unsubscribe(stream)))
  }

  relayToStream(stream: string, message: NodeRelay): Promise<void> {
    return this.#open.commands.ask(() => this.#client.publish(stream, { kind: 'relay', message }))
  }

  relayToAll(message: NodeRelay): Promise<void> {
    return this.#open.commands.ask(() => this.#client.publish(RELAYS, message))
  }

  enter(stream: string, user: PresentUser, at: Parameters<RedisStore['enter']>[2]): Promise<Entered> {
    return this.#run((data, turn) => data.enter(turn, stream, user, at))
  }

  update(stream: string, userId: string, state: string, seen: number): Promise<void> {
    return this.#run((data, turn) => data.update(turn, stream, userId, state, seen))
  }

  leave(membership: PresentConnection, how: Parameters<RedisStore['leave']>[1]): Promise<number | undefined> {
    return this.#run((data, turn) => data.leave(turn, membership, how))
  }

  endGrace(stream: string, userId: string, seen: number): Promise<GraceEnd> {
    return this.#run((data, turn) => data.endGrace(turn, stream, userId, seen))
  }

  present(stream: string, listed: number): Promise<PresenceSnapshot> {
    return this.#run((data, turn) => data.present(turn, stream, listed))
  }

  schedule(task: string, ms: number): Promise<void> {
    return this.#run((data, turn) => data.schedule(turn, task, ms))
  }

  extend(task: string, ms: number): Promise<boolean> {
    return this.#run((data, turn) => data.putOff(turn, task, ms))
  }

  takeDue(limit: number, retryMs: number): Promise<readonly string[]> {
    return this.#run((data, turn) => data.takeDue(turn, limit, retryMs))
  }

  done(task: string): Promise<void> {
    return this.#run((data) => data.done(task))
  }

  record(lease: string, memberships: readonly PresentConnection[]): Promise<void> {
    return this.#run((data) => data.note(lease, memberships))
  }

  /** No run is long enough for it to expire. */
  async keepNoted(): Promise<void> {}

  remove(lease: string, memberships: readonly PresentConnection[]): Promise<void> {
    return this.#run((data) => data.strike(lease, memberships))
  }

  noted(lease: string, limit: number): Promise<readonly PresentConnection[]> {
    return this.#run((data) => data.noted(lease, limit))
  }

  secret(candidate: string): Promise<string> {
    return this.#run((data) => data.secret(candidate))
  }

  async #run<T>(operation: Operation<T>): Promise<T> {
    return this.#open.commands.ask(() => this.#client.run(operation))
  }

  #inTurn(stream: string, task: () => Promise<void>): Promise<void> {
    const turn = (this.#channels.get(stream) ?? Promise.resolve()).then(task, task)
    this.#channels.set(stream, turn)
    return turn
  }

  get #open(): Connections {
    if (!this.#connections) throw unavailable(new Error('Redis is not connected yet'))
    return this.#connections
  }
}

function isNotModelled(): never {
  throw new Error('Nobody deletes or erases in this simulation')
}
