import { createHash } from 'node:crypto'
import {
  type ChatMessage,
  type Client,
  createClient,
  type JoinResult,
  type RoomfulError,
  type Signal,
  type Socket,
  type SocketHandlers,
} from '@roomful/client'
import type { BuiltIn } from '@roomful/protocol'
import { type MemoryOptions, memory } from '@roomful/server'
import {
  createTestServer,
  type Link,
  newNetwork,
  type TestServer,
  VirtualClock,
} from '@roomful/server/testing'
import { Oracle, type Seen, textOf } from './oracle.js'
import { Random } from './random.js'
import { recorded } from './recorded.js'

export interface WorldOptions {
  readonly clients: number
  readonly rooms: number
  /** How long messages are sent and faults happen, in virtual ms. */
  readonly durationMs: number
  /** Faults in that time. */
  readonly faults: number
  readonly memory?: MemoryOptions
}

export const DEFAULT_WORLD: WorldOptions = { clients: 4, rooms: 2, durationMs: 60_000, faults: 24 }

export interface Run {
  readonly seed: number
  readonly violations: readonly string[]
  /** What happened and when; the first place to look. */
  readonly schedule: readonly string[]
  /** Over every frame that crossed the network, with its time: equal digests mean identical runs. */
  readonly digest: string
  readonly acked: number
  readonly seen: number
  readonly breaks: number
  readonly faults: number
}

const SETTLE_MS = 120_000
const SESSION_SECRET = 'the same for every server of this world'

/** Runs real clients against a real server over a network in memory, with a fault now and then, all by one seed. */
export async function simulate(seed: number, options: WorldOptions = DEFAULT_WORLD): Promise<Run> {
  const world = new World(seed, options)
  await world.run()
  return world.result()
}

type Chat = ChatMessage<BuiltIn>

interface Actor {
  readonly name: string
  readonly client: Client<BuiltIn>
  readonly random: Random
  readonly surroundings: Surroundings
  readonly sequences: Map<string, number>
  unsettled: number
}

/** What a client hears of its network, and the link of its present connection. */
class Surroundings {
  readonly #listeners = new Set<(signal: Signal) => void>()
  link: Link | undefined
  isOffline = false

  watch(listener: (signal: Signal) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  signal(signal: Signal): void {
    for (const listener of this.#listeners) listener(signal)
  }
}

class World {
  readonly #oracle = new Oracle()
  readonly #clock = new VirtualClock()
  readonly #network = newNetwork(this.#clock)
  readonly #random: Random
  readonly #ids: Random
  readonly #schedule: string[] = []
  readonly #digest = createHash('sha256')
  readonly #logs = new Map<string, Seen[]>()
  readonly #rooms: readonly string[]
  #server: TestServer | undefined
  #actors: readonly Actor[] = []
  #isOver = false
  #faults = 0

  constructor(
    private readonly seed: number,
    private readonly options: WorldOptions,
  ) {
    this.#random = new Random(seed)
    this.#ids = this.#random.fork()
    this.#rooms = Array.from({ length: options.rooms }, (_, index) => `room-${index}`)
  }

  async run(): Promise<void> {
    await this.#startServer()
    this.#actors = Array.from({ length: this.options.clients }, (_, index) => this.#enter(`c${index}`))
    this.#planFaults()
    await this.#clock.advance(this.options.durationMs)
    await this.#heal()
    await this.#clock.advance(SETTLE_MS)
    this.#checkSettled()
    this.#oracle.check({ logs: this.#logs })
    for (const { client } of this.#actors) client.close()
    const closed = this.#server?.server.close()
    await this.#clock.advance(5_000)
    await closed
  }

  result(): Run {
    const { entries, breaks } = this.#oracle.observed
    return {
      seed: this.seed,
      violations: this.#oracle.violations,
      schedule: this.#schedule,
      digest: this.#digest.digest('hex'),
      acked: this.#oracle.ackCount,
      seen: entries,
      breaks,
      faults: this.#faults,
    }
  }

  #newId(): string {
    return Array.from({ length: 4 }, () => this.#ids.between(0, 2 ** 32).toString(36)).join('')
  }

  async #startServer(): Promise<void> {
    const surroundings = { network: this.#network, newId: () => this.#newId() }
    const backplane = recorded(memory(this.options.memory), (room, entry) => this.#record(room, entry))
    this.#server = await createTestServer({ backplane, sessionSecret: SESSION_SECRET }, surroundings)
  }

  #record(room: string, entry: Seen): void {
    const key = `${room} ${entry.epoch}`
    const log = this.#logs.get(key) ?? []
    this.#logs.set(key, log)
    log.push(entry)
  }

  #enter(name: string): Actor {
    const random = this.#random.fork()
    const surroundings = new Surroundings()
    const client = createClient(
      {
        url: 'ws://sim',
        session: 'memory',
        logger: { warn: () => {}, error: (what, error) => this.#oracle.fail(`${name}: ${what} ${error}`) },
      },
      {
        clock: this.#clock,
        wallTime: () => this.#clock.wall(),
        random: () => random.next(),
        id: () => this.#newId(),
        isOffline: () => surroundings.isOffline,
        watch: (listener) => surroundings.watch(listener),
        connect: (url, handlers) => this.#dial(name, surroundings, url, handlers),
      },
    )
    const actor: Actor = { name, client, random, surroundings, sequences: new Map(), unsettled: 0 }
    for (const room of this.#rooms) this.#inhabit(actor, room)
    return actor
  }

  #dial(name: string, surroundings: Surroundings, url: string, handlers: SocketHandlers): Socket {
    const received = (text: string) => {
      this.#trace(name, '<', text)
      handlers.received(text)
    }
    const end = this.#network.connect(url, { ...handlers, received })
    surroundings.link = end.link
    const send = (text: string) => {
      this.#trace(name, '>', text)
      return end.send(text)
    }
    return { send, close: end.close }
  }

  /** Joins, watches, and sends now and then. */
  #inhabit(actor: Actor, roomId: string): void {
    const room = actor.client.room(roomId)
    const saw = (message: Partial<Chat>) => {
      const { epoch = '', offset = 0, id = '', client_id: clientId, message: text = '' } = message
      this.#oracle.saw(actor.name, roomId, { kind: 'entry', entry: { epoch, offset, id, clientId, text } })
    }
    room.on('chat_message', saw)
    room.on('resync', ({ reason }) => this.#oracle.saw(actor.name, roomId, { kind: 'break', reason }))
    room.join({ history: 1_000 }).then(
      ({ messages }: JoinResult<BuiltIn>) => {
        for (const message of messages) saw(message as Partial<Chat>)
      },
      (error: RoomfulError) => this.#oracle.fail(`${actor.name} could not join ${roomId}: ${error.code}`),
    )
    const talk = () => {
      if (this.#isOver) return
      this.#speak(actor, roomId)
      this.#clock.after(actor.random.between(100, 3_000), talk)
    }
    this.#clock.after(actor.random.between(0, 2_000), talk)
  }

  #speak(actor: Actor, roomId: string): void {
    const { random, client } = actor
    const room = client.room(roomId)
    if (random.next() < 0.3) room.typing.keystroke()
    const burst = random.next() < 0.1 ? random.between(5, 15) : 1
    for (let i = 0; i < burst; i++) {
      const sequence = actor.sequences.get(roomId) ?? 0
      actor.sequences.set(roomId, sequence + 1)
      const text = textOf(actor.name, sequence)
      const sent = room.send(text)
      actor.unsettled++
      sent.then(
        ({ epoch = '', offset = 0, id = '' }) => {
          actor.unsettled--
          this.#oracle.acked({
            sender: actor.name,
            room: roomId,
            sequence,
            text,
            clientId: sent.clientId,
            epoch,
            offset,
            id,
          })
        },
        (error: RoomfulError) => {
          actor.unsettled--
          this.#log(`${actor.name} was told of '${text}': ${error.code}`)
        },
      )
    }
  }

  #planFaults(): void {
    const { faults, durationMs } = this.options
    for (let i = 0; i < faults; i++) {
      const at = this.#random.between(1_000, durationMs)
      const kind = this.#random.next()
      const actor = this.#random.pick(this.#actors)
      const size = this.#random.next()
      this.#clock.after(at, () => this.#strike(kind, actor, size))
    }
  }

  #strike(kind: number, actor: Actor, size: number): void {
    this.#faults++
    const { surroundings } = actor
    const { link } = surroundings
    const what = (fault: string) => this.#log(`${fault} ${actor.name}`)
    if (kind < 0.25) {
      what('cut')
      link?.cut()
    } else if (kind < 0.35) {
      what('drop the next frame to the server and cut')
      link?.dropNext('to_server')
    } else if (kind < 0.45) {
      what('drop the next frame to the client and cut')
      link?.dropNext('to_client')
    } else if (kind < 0.55) {
      const direction = size < 0.3 ? 'to_server' : size < 0.6 ? 'to_client' : 'both'
      what(`half-open (${direction})`)
      link?.halfOpen(direction)
    } else if (kind < 0.65) {
      what(`delay ${Math.round(size * 3_000)} ms`)
      link?.delay(Math.round(size * 3_000))
    } else if (kind < 0.75) {
      what('slow')
      link?.slow(true)
      this.#clock.after(size * 10_000, () => link?.slow(false))
    } else if (kind < 0.85) {
      what('duplicate a frame')
      link?.duplicateNext()
    } else if (kind < 0.9) {
      what(`offline for ${Math.round(size * 5_000)} ms`)
      surroundings.isOffline = true
      surroundings.signal('offline')
      link?.cut()
      this.#clock.after(size * 5_000, () => {
        surroundings.isOffline = false
        surroundings.signal('online')
      })
    } else if (kind < 0.94) {
      this.#log('the wall clock jumps')
      this.#clock.jumpWall(size < 0.5 ? 3_600_000 : -3_600_000)
    } else void this.#restart(kind < 0.97, size)
  }

  async #restart(isCrash: boolean, size: number): Promise<void> {
    const old = this.#server
    if (!old) return
    this.#server = undefined
    this.#log(isCrash ? 'the server crashes' : 'the server drains')
    if (isCrash) old.crash()
    else await old.server.close({ drainMs: 2_000 })
    this.#clock.after(200 + size * 8_000, () => void this.#startServer())
  }

  async #heal(): Promise<void> {
    this.#isOver = true
    this.#log('the world heals')
    for (const { surroundings } of this.#actors) {
      surroundings.link?.slow(false)
      surroundings.link?.delay(0)
    }
  }

  /** With the network whole again, everybody is live, has seen the last entry, and knows what became of each message. */
  #checkSettled(): void {
    for (const actor of this.#actors) {
      const { client, name } = actor
      if (client.status.get().state !== 'online')
        this.#oracle.fail(`${name} is ${client.status.get().state} at the end`)
      if (actor.unsettled > 0) this.#oracle.fail(`${name} was not told of ${actor.unsettled} messages`)
      for (const room of this.#rooms) {
        const { state } = client.room(room).status.get()
        if (state !== 'live') this.#oracle.fail(`${name} is ${state} in ${room} at the end`)
        this.#checkCaughtUp(name, room)
        this.#checkTimeline(actor, room)
      }
    }
  }

  #checkCaughtUp(name: string, room: string): void {
    const last = this.#oracle.lastSeen(name, room)
    const log = last && this.#logs.get(`${room} ${last.epoch}`)
    if (log && log.length !== last.offset)
      this.#oracle.fail(`${name} saw ${last.offset} of ${log.length} in ${room}`)
  }

  /** Nothing is shown twice, and nothing is shown as under way for ever. */
  #checkTimeline({ name, client }: Actor, room: string): void {
    const shown = new Set<string>()
    for (const entry of client.room(room).timeline.get()) {
      if (entry.kind !== 'message') continue
      const { client_id: clientId } = entry.message as { client_id?: string }
      if (entry.state === 'pending')
        this.#oracle.fail(`${name}'s timeline of ${room} still has a pending message`)
      if (clientId !== undefined && shown.has(clientId))
        this.#oracle.fail(`${name}'s timeline of ${room} shows ${clientId} twice`)
      if (clientId !== undefined) shown.add(clientId)
    }
  }

  #trace(name: string, direction: string, text: string): void {
    this.#digest.update(`${this.#clock.now()} ${name} ${direction} ${text}\n`)
  }

  #log(event: string): void {
    this.#schedule.push(`${Math.round(this.#clock.now())} ms: ${event}`)
  }
}
