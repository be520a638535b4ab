import { createClient, ReconnectStrategyError, type RedisClientType } from 'redis'
import type { PresenceSnapshot, PresentUser, Range } from '../../api/contracts/backplane.js'
import type { Append, AppendReply } from './append.js'
import type { ChangeStore } from './change-store.js'
import { RedisConnection } from './connection.js'
import { Keys } from './keys.js'
import { LogCalls } from './log-calls.js'
import type { LogUpkeep } from './log-upkeep.js'
import { APPEND } from './lua/append.js'
import { END_GRACE, ENTER, LEAVE, PRESENT, UPDATE, VERSION } from './lua/presence.js'
import { HEAD, READ } from './lua/read.js'
import { PUT_OFF, SCHEDULE, TAKE_DUE } from './lua/tasks.js'
import type { MarkCommands } from './mark-commands.js'
import { type ChangeStoreDeps, NodeRedisChanges } from './node-redis-changes.js'
import { NodeRedisMarks } from './node-redis-marks.js'
import { NodeRedisRestrictions } from './node-redis-restrictions.js'
import { NodeRedisUpkeep } from './node-redis-upkeep.js'
import type { RedisOptions, RedisSettings } from './options.js'
import { RedisProfiles } from './redis-profiles.js'
import { settingsFault } from './refusals.js'
import * as replies from './replies.js'
import { Script } from './script.js'
import { inspectServer, warnOfForeignFeed } from './server-check.js'
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
} from './store.js'
import { unavailable } from './unavailable.js'

/** Commands that may wait for an answer on one connection; further ones are refused. */
const MAX_COMMANDS = 10_000
const RECONNECT_MS = { first: 50, most: 2_000 }

const SCRIPTS = {
  append: new Script(APPEND),
  read: new Script(READ),
  head: new Script(HEAD),
  version: new Script(VERSION),
  enter: new Script(ENTER),
  update: new Script(UPDATE),
  leave: new Script(LEAVE),
  endGrace: new Script(END_GRACE),
  present: new Script(PRESENT),
  schedule: new Script(SCHEDULE),
  putOff: new Script(PUT_OFF),
  takeDue: new Script(TAKE_DUE),
}

interface Connections {
  readonly link: StoreLink
  readonly keys: Keys
  readonly calls: LogCalls
  readonly commands: RedisConnection
  readonly subscriber: RedisConnection
  readonly subscriptions: RedisClientType
  /**
   * A separate connection for WAIT, which concerns only the writes of its own connection and blocks later commands.
   */
  readonly replicated: RedisConnection | undefined
}

/** The store, on node-redis: at most three connections per node, however many clients it has. */
export class NodeRedisStore implements RedisStore {
  #connections: Connections | undefined
  /** Once a node has served, it keeps trying, whatever it meets. */
  #hasOpened = false
  /** Running operations on a stream's channel: node-redis confuses a subscribe that overtakes an unsubscribe. */
  readonly #channels = new Map<string, Promise<void>>()

  readonly changes: ChangeStore | undefined
  readonly upkeep: LogUpkeep
  readonly profiles: RedisProfiles
  readonly restrictions = new NodeRedisRestrictions(() => {
    const { keys, commands } = this.#open
    return { keys, run: (script, call) => script.run(commands, call) }
  })
  readonly marks: MarkCommands

  constructor(
    private readonly options: RedisOptions,
    private readonly settings: RedisSettings,
  ) {
    const { changes, dedupeMs } = settings
    this.changes = changes && new NodeRedisChanges(changes, () => this.#changeStoreDeps())
    this.profiles = new RedisProfiles(settings.historyMs, () => ({
      keys: this.#keys,
      send: (...command) => this.#send(...command),
    }))
    this.marks = new NodeRedisMarks(settings, () => {
      const { keys, commands, subscriber, subscriptions } = this.#open
      return {
        keys,
        run: (script, call) => script.run(commands, call),
        subscribe: async (channels, listener) => {
          const own = (message: string) => listener(message)
          await subscriber.ask(() => subscriptions.sSubscribe([...channels], own))
          return () => subscriber.ask(() => subscriptions.sUnsubscribe([...channels], own))
        },
      }
    })
    this.upkeep = new NodeRedisUpkeep(dedupeMs, () => {
      const { keys, calls, commands } = this.#open
      return {
        keys,
        calls,
        run: (script, call) => script.run(commands, call),
        send: (...command) => this.#send(...command),
      }
    })
  }

  get ready(): boolean {
    if (!this.#connections) return false
    const { commands, subscriber, replicated } = this.#connections
    return commands.ready && subscriber.ready && (replicated?.ready ?? true)
  }

  async open(link: StoreLink): Promise<void> {
    const connections = this.#connect(link)
    this.#connections = connections
    const { commands, subscriber, subscriptions, replicated } = connections
    try {
      await Promise.all([commands.open(), subscriber.open(), replicated?.open()])
    } catch (error) {
      throw error instanceof ReconnectStrategyError ? error.originalError : error
    }
    await inspectServer(commands, link.logger)
    if (!this.changes) await warnOfForeignFeed(commands, connections.keys, link.logger)
    const relayed = (message: string) => this.#understood(message, replies.nodeRelay, link.relayed)
    await subscriber.ask(() => subscriptions.subscribe(this.#keys.relay, relayed))
    this.#hasOpened = true
  }

  #connect(link: StoreLink): Connections {
    const { clock, logger } = link
    const { commandTimeoutMs: timeoutMs, durability } = this.settings
    const all: RedisConnection[] = []
    const demoted = () => {
      for (const connection of all) connection.replace('this Redis became a replica')
    }
    const make = (name: string, client: RedisClientType, reconnected: () => void) => {
      const connection = new RedisConnection(name, client, { clock, logger, timeoutMs, reconnected, demoted })
      all.push(connection)
      return connection
    }
    const client = this.#newClient()
    const keys = new Keys(this.settings.prefix, client.options?.database ?? 0)
    const commands = make('commands', client, () => {
      link.reconnected()
      inspectServer(commands, logger).catch((err: unknown) =>
        logger.error({ err }, 'redis: what answers at this address now cannot be used'),
      )
    })
    const subscriptions = this.#newClient()
    const subscriber = make('subscriber', subscriptions, () => link.resubscribed())
    const replicated =
      durability === 'replicated' ? make('replicated', this.#newClient(), () => {}) : undefined
    const calls = new LogCalls(keys, this.settings)
    return { link, keys, calls, commands, subscriber, subscriptions, replicated }
  }

  async close(): Promise<void> {
    if (!this.#connections) return
    const { commands, subscriber, replicated } = this.#connections
    await Promise.all([commands.close(), subscriber.close(), replicated?.close()])
  }

  async append(append: Append): Promise<AppendReply> {
    const { commands, calls } = this.#open
    return replies.appendReply(await SCRIPTS.append.run(commands, calls.append(append)))
  }

  /** Sends all in one turn, and thus in one pipeline: WAIT comes directly after the appends. */
  async appendReplicated(appends: readonly Append[], replicas: number, timeoutMs: number) {
    const { replicated, calls } = this.#open
    if (!replicated) throw unavailable(new Error('No connection was made for replicated messages'))
    const { generation } = replicated
    const patience = timeoutMs + this.settings.commandTimeoutMs
    const loading = SCRIPTS.append.load(replicated)
    const appending = appends.map(async (append) =>
      replies.appendReply(await SCRIPTS.append.runLoaded(replicated, calls.append(append), patience)),
    )
    const waiting = replicated.send(['WAIT', String(replicas), String(timeoutMs)], patience)
    const confirming = Promise.all([waiting, loading]).then(([answer]) => {
      if (replicated.generation === generation) return Number(answer)
      throw new Error('The connection broke before WAIT answered')
    })
    const [settled, [confirmedBy]] = await Promise.all([
      Promise.allSettled(appending),
      Promise.allSettled([confirming]),
    ])
    return { replies: settled, confirmedBy }
  }

  async read(stream: string, range: Range, idAt: number | undefined, newEpoch: string): Promise<ReadReply> {
    const { commands, calls } = this.#open
    const reply = await SCRIPTS.read.run(commands, calls.read(stream, range, idAt, newEpoch))
    return replies.readReply(reply, 'after' in range ? 1 : -1)
  }

  async readReactions(stream: string, fields: readonly string[]): Promise<ReactionsReply> {
    return replies.reactionsReply(await this.#send('HMGET', this.#keys.log(stream), 'h', ...fields))
  }

  async streamStates(streams: readonly string[]): Promise<readonly StreamState[]> {
    const { keys, subscriber } = this.#open
    const idle = [this.settings.idleMs]
    const asked = streams.map(async (stream) => {
      const head = this.#run('head', [keys.log(stream)], idle)
      const version = this.#run('version', [keys.present(stream)], idle)
      return replies.streamState(...(await Promise.all([head, version])))
    })
    // A subscriber whose other end is gone would never notice. When asked, it is replaced if it stays silent.
    const [states] = await Promise.all([Promise.all(asked), subscriber.send(['PING'])])
    return states
  }

  async subscribe(stream: string, listener: (message: StreamMessage) => void): Promise<void> {
    const { subscriber, subscriptions } = this.#open
    const receive = (message: string) => this.#understood(message, replies.streamMessage, listener)
    return this.#inTurn(stream, () =>
      subscriber.ask(() => subscriptions.sSubscribe(this.#keys.channel(stream), receive)),
    )
  }

  async unsubscribe(stream: string): Promise<void> {
    const { subscriber, subscriptions } = this.#open
    return this.#inTurn(stream, () =>
      subscriber.ask(() => subscriptions.sUnsubscribe(this.#keys.channel(stream))),
    )
  }

  async relayToStream(stream: string, message: NodeRelay): Promise<void> {
    await this.#send('SPUBLISH', this.#keys.channel(stream), `relay\n${replies.relayText(message)}`)
  }

  async relayToAll(message: NodeRelay): Promise<void> {
    await this.#send('PUBLISH', this.#keys.relay, replies.relayText(message))
  }

  async enter(
    stream: string,
    user: PresentUser,
    { connection, lease, seen, listed }: Parameters<RedisStore['enter']>[2],
  ): Promise<Entered> {
    const { profile, state } = replies.presentUser(user)
    const args = [user.userId, profile, state, connection, lease, seen, this.#keys.channel(stream)]
    const reply = await this.#run(
      'enter',
      [this.#keys.present(stream)],
      [...args, this.settings.idleMs, listed, user.profile ? 1 : 0],
    )
    return replies.entered(reply)
  }

  async update(stream: string, userId: string, state: string, seen: number): Promise<void> {
    const args = [userId, state, seen, this.#keys.channel(stream)]
    await this.#run('update', [this.#keys.present(stream)], args)
  }

  async leave(
    { stream, userId, connection }: PresentConnection,
    { lease, graceMs, seen }: Parameters<RedisStore['leave']>[1],
  ): Promise<number | undefined> {
    const args = [userId, connection, lease ?? '', graceMs, seen, this.#keys.channel(stream)]
    return replies.usersLeft(await this.#run('leave', [this.#keys.present(stream)], args))
  }

  async endGrace(stream: string, userId: string, seen: number): Promise<GraceEnd> {
    const args = [userId, seen, this.#keys.channel(stream)]
    return replies.graceEnd(await this.#run('endGrace', [this.#keys.present(stream)], args))
  }

  async present(stream: string, listed: number): Promise<PresenceSnapshot> {
    return replies.snapshot(await this.#run('present', [this.#keys.present(stream)], [listed]))
  }

  async schedule(task: string, ms: number): Promise<void> {
    await this.#run('schedule', [this.#keys.tasks], [task, ms, this.settings.idleMs])
  }

  async extend(task: string, ms: number): Promise<boolean> {
    return (await this.#run('putOff', [this.#keys.tasks], [task, ms, this.settings.idleMs])) === 1
  }

  async takeDue(limit: number, retryMs: number): Promise<readonly string[]> {
    return replies.texts(await this.#run('takeDue', [this.#keys.tasks], [limit, retryMs]))
  }

  async done(task: string): Promise<void> {
    await this.#send('ZREM', this.#keys.tasks, `!${task}`)
  }

  async record(lease: string, memberships: readonly PresentConnection[]): Promise<void> {
    const noted = this.#send('SADD', this.#keys.lease(lease), ...memberships.map(replies.membershipText))
    await Promise.all([noted, this.keepNoted(lease)])
  }

  async keepNoted(lease: string): Promise<void> {
    await this.#send('PEXPIRE', this.#keys.lease(lease), String(this.settings.idleMs))
  }

  async remove(lease: string, memberships: readonly PresentConnection[]): Promise<void> {
    await this.#send('SREM', this.#keys.lease(lease), ...memberships.map(replies.membershipText))
  }

  async noted(lease: string, limit: number): Promise<readonly PresentConnection[]> {
    const reply = await this.#send('SRANDMEMBER', this.#keys.lease(lease), String(limit))
    return replies.memberships(replies.texts(reply))
  }

  async secret(candidate: string): Promise<string> {
    const { secret } = this.#keys
    const known = await this.#send('GET', secret)
    if (typeof known === 'string') return known
    await this.#send('SET', secret, candidate, 'NX')
    return String(await this.#send('GET', secret))
  }

  #changeStoreDeps(): ChangeStoreDeps {
    const { keys, commands, subscriber, subscriptions } = this.#open
    return {
      keys,
      run: (script, call) => script.run(commands, call),
      subscribe: (channel, listener) =>
        this.#inTurn(channel, () =>
          subscriber.ask(() => subscriptions.sSubscribe(channel, (message) => listener(message))),
        ),
      unsubscribe: (channel) =>
        this.#inTurn(channel, () => subscriber.ask(() => subscriptions.sUnsubscribe(channel))),
    }
  }

  /** Ignores messages that another version may have published; if one was an entry, the head check finds it. */
  #understood<T>(message: string, parse: (message: string) => T, receive: (parsed: T) => void): void {
    let parsed: T
    try {
      parsed = parse(message)
    } catch (err) {
      const event = 'redis: a message was of another kind or version, and was ignored'
      this.#open.link.logger.warn({ err }, event)
      return
    }
    receive(parsed)
  }

  #run(
    script: keyof typeof SCRIPTS,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    return SCRIPTS[script].run(this.#open.commands, { keys, args })
  }

  #send(...command: string[]): Promise<unknown> {
    return this.#open.commands.send(command)
  }

  /** Runs the tasks of each stream one after the other. The map entry is removed once nothing is waiting. */
  #inTurn(stream: string, task: () => Promise<void>): Promise<void> {
    const before = this.#channels.get(stream) ?? Promise.resolve()
    const turn = before.then(task, task)
    this.#channels.set(stream, turn)
    const tidy = () => {
      if (this.#channels.get(stream) === turn) this.#channels.delete(stream)
    }
    turn.then(tidy, tidy)
    return turn
  }

  get #keys(): Keys {
    return this.#open.keys
  }

  get #open(): Connections {
    if (!this.#connections) throw unavailable(new Error('Redis is not connected yet'))
    return this.#connections
  }

  #newClient(): RedisClientType {
    const { url, client } = this.options
    const settings = { disableOfflineQueue: true, commandsQueueMaxLength: MAX_COMMANDS, RESP: 3 } as const
    const reconnectStrategy = (retries: number, cause: Error) =>
      (!this.#hasOpened && settingsFault(cause)) || backoff(retries)
    const socket = { reconnectStrategy, connectTimeout: this.settings.commandTimeoutMs }
    return client
      ? client.duplicate({ ...settings, socket: { ...client.options?.socket, ...socket } })
      : createClient({ ...settings, url: url ?? 'redis://localhost:6379', socket })
  }
}

/** Random, so that not all nodes reconnect at once to a Redis that has just come back. */
function backoff(retries: number): number {
  const ms = Math.min(RECONNECT_MS.most, RECONNECT_MS.first * 2 ** retries)
  return Math.round(ms * (0.5 + Math.random() / 2))
}
