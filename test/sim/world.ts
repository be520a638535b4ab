import { createHash } from 'node:crypto'
import { type Backplane, refuse, type ServerOptions } from '@roomful/server'
import { type Network, type TestServer, VirtualClock } from '@roomful/server/testing'
import { drawFault, type Targets } from './faults.js'
import { NaiveClient } from './naive-client.js'
import { Oracle, textOf } from './oracle.js'
import { Person, type Surroundings } from './person.js'
import { protocol, type SimProtocol } from './protocol.js'
import { Random } from './random.js'
import { seen } from './seen.js'
import { refusalsIn, type Trait, type Traits } from './traits.js'

export interface Run {
  readonly seed: number
  readonly violations: readonly string[]
  /** What happened and when; the first place to look. */
  readonly schedule: readonly string[]
  /** Over every frame that crossed the network, with its time: equal digests mean identical runs. */
  readonly digest: string
  readonly acked: number
  /** Of these, edits, deletions and reactions. */
  readonly amended: number
  readonly seen: number
  readonly breaks: number
  readonly faults: number
}

/** How long messages are sent and faults happen, in virtual ms. */
export const DURATION_MS = 45_000
const SETTLE_MS = 100_000
/** A message on which the application fails is repeated for 20 s, and several may wait in a row. */
const PATIENCE_MS = 600_000
const FAULTS = 24
const PEOPLE = 3
const MODERATOR = 'user-2'
export const ROOMS = ['room-0', 'room-1']

/** The base of all simulated worlds: people, the faults that strike them, and the application that serves them. */
export abstract class World implements Surroundings {
  readonly clock = new VirtualClock()
  abstract readonly network: Network<VirtualClock>
  readonly rooms = ROOMS
  readonly oracle: Oracle
  protected readonly random: Random
  protected readonly application: Random
  protected readonly people: Person[] = []
  protected readonly naive: NaiveClient[] = []
  readonly #ids: Random
  readonly #schedule: string[] = []
  readonly #digest = createHash('sha256')
  #notices = 0
  #edits = 0
  #isOver = false
  #faults = 0

  protected abstract start(): Promise<void>
  /** The server through which the application itself acts now. */
  protected abstract speaker(): TestServer<SimProtocol> | undefined
  /** Where the logs are, as a server has it. */
  protected abstract store(): Backplane | undefined
  protected abstract restart(how: 'crash' | 'drain', downMs: number): void
  /** With the network whole again, everybody is live and up to date, and nobody shows what is over. */
  protected abstract checkSettled(): Promise<void>

  constructor(
    private readonly seed: number,
    readonly traits: Traits,
  ) {
    this.random = new Random(seed)
    this.#ids = this.random.fork()
    this.application = this.random.fork()
    this.oracle = new Oracle({
      historyCount: traits.memory.historyCount,
      refusals: refusalsIn(traits.names),
    })
    this.log(`a world with ${[...traits.names].join(', ') || 'nothing special'}`)
  }

  async run(): Promise<void> {
    await this.start()
    this.#populate()
    this.planFaults()
    await this.clock.advance(DURATION_MS)
    this.heal()
    await this.clock.advance(SETTLE_MS)
    for (let waited = 0; waited < PATIENCE_MS && this.#hasPending(); waited += 10_000)
      await this.clock.advance(10_000)
    await this.conclude()
    this.oracle.check()
    await this.#readLogs()
    await this.checkSettled()
    for (const { name, isStoredOutboxEmpty } of this.people)
      if (!isStoredOutboxEmpty) this.oracle.fail(`${name} still waits for something that it stored`)
    for (const { client } of this.people) client.close()
  }

  result(): Run {
    const { violations, ackCount: acked, amendedCount: amended, entriesSeen: seen, breaks } = this.oracle
    const digest = this.#digest.digest('hex')
    const schedule = this.#schedule
    return {
      seed: this.seed,
      violations,
      schedule,
      digest,
      acked,
      amended,
      seen,
      breaks,
      faults: this.#faults,
    }
  }

  async #readLogs(): Promise<void> {
    for (const room of ROOMS)
      for (const messagesOnly of [false, true]) {
        const range = { before: undefined, limit: 10_000, maxBytes: 2 ** 30, messagesOnly }
        const reading = this.store()?.read(room, range)
        await this.clock.advance(1_000)
        const { entries = [] } = (await reading) ?? {}
        if (entries.length === 0) this.oracle.fail(`nothing is left of ${room}`)
        this.oracle.kept(
          room,
          entries.map(({ text }) => seen(JSON.parse(text))),
        )
      }
  }

  isOver(): boolean {
    return this.#isOver
  }

  #hasPending(): boolean {
    const timelines = this.people.flatMap(({ client }) =>
      ROOMS.map((room) => client.room(room).timeline.get()),
    )
    return timelines.flat().some((entry) => entry.kind === 'message' && entry.state === 'pending')
  }

  newId(): string {
    return Array.from({ length: 4 }, () => this.#ids.between(0, 2 ** 32).toString(36)).join('')
  }

  nextEdit(): number {
    return this.#edits++
  }

  mayModerate(userId: string | undefined): boolean {
    return this.has('tokens') && userId === MODERATOR
  }

  trace(name: string, direction: string, text: string): void {
    this.#digest.update(`${this.clock.now()} ${name} ${direction} ${text}\n`)
  }

  log(event: string): void {
    this.#schedule.push(`${Math.round(this.clock.now())} ms: ${event}`)
  }

  protected has(trait: Trait): boolean {
    return this.traits.names.has(trait)
  }

  #populate(): void {
    for (let index = 0; index < PEOPLE; index++) this.#admit(index, 1_000)
    if (this.has('naive')) {
      const room = this.random.pick(ROOMS)
      this.naive.push(new NaiveClient('naive', room, this.random.fork(), this))
    }
    if (this.has('latecomers')) {
      for (const history of [undefined, 5]) {
        const at = this.random.between(5_000, DURATION_MS)
        this.clock.after(at, () => this.#admit(this.people.length, history))
      }
    }
    if (this.has('server messages')) this.#announce()
  }

  #admit(index: number, history: number | undefined): void {
    // The first two are one user, on two devices.
    const userId = this.has('tokens') ? `user-${Math.max(1, index)}` : undefined
    this.people.push(new Person(`p${index}`, userId, history, this.random.fork(), this))
  }

  /** What a server of this world is made with, beside where it keeps its logs. */
  protected options(): ServerOptions<SimProtocol> {
    return {
      protocol,
      limits: this.traits.limits,
      sessionSecret: 'the same for every server of this world',
      ...(this.has('tokens') && { authenticate: this.#authenticate, authorize: this.#authorize }),
      handle: { chat_message: (_, chat) => this.#handleChat(chat) },
    }
  }

  readonly #authenticate: NonNullable<ServerOptions<SimProtocol>['authenticate']> = ({ token = '' }) => {
    if (!this.#isOver && this.application.next() < 0.03) throw new Error('The user table is away')
    const [userId = '', expiry] = token.split(' ')
    const expiresAt = Number(expiry)
    return expiresAt <= this.clock.wallTime() ? { refused: 'expired' } : { userId, expiresAt }
  }

  readonly #authorize: NonNullable<ServerOptions<SimProtocol>['authorize']> = ({ user, action }) => {
    if (!this.#isOver && this.application.next() < 0.02) throw new Error('The access table is away')
    return action !== 'moderate' || this.mayModerate(user.id)
  }

  async #handleChat<C extends { readonly message: string }>(chat: C): Promise<C> {
    if (this.has('slow handlers')) {
      const ms = this.application.between(0, 300)
      await new Promise<void>((resolve) => this.clock.after(ms, resolve))
    }
    if (chat.message.endsWith(':bad')) throw refuse('bad_word', 'That is not said here')
    if (chat.message.endsWith(':boom')) throw new Error('The application fails on this message')
    return chat
  }

  /** The server itself has something to say, now and then. */
  #announce(): void {
    const again = async () => {
      if (this.#isOver) return
      this.clock.after(this.random.between(500, 4_000), again)
      const roomId = this.random.pick(ROOMS)
      const server = this.speaker()
      if (server) await this.publish(server, roomId, this.#notices++)
    }
    this.clock.after(1_000, again)
  }

  protected publish(server: TestServer<SimProtocol>, roomId: string, sequence: number): Promise<void> {
    return this.say(server, roomId, textOf('server', sequence))
  }

  protected async say({ server }: TestServer<SimProtocol>, roomId: string, text: string): Promise<void> {
    const place = await server.room(roomId).publish({ type: 'notice', text })
    this.oracle.published(roomId, text, place)
  }

  protected planFaults(): void {
    for (let i = 0; i < FAULTS; i++) this.#planFault()
  }

  #planFault(): void {
    const at = this.random.between(1_000, DURATION_MS)
    const strike = drawFault(this.random)
    const targets: Targets = {
      people: this.people,
      naive: this.naive,
      canReload: this.has('reloads'),
      canKick: this.has('kicks'),
      // Records must outlive what is on its way, which five of them do not.
      canDelay: !this.has('few remembered'),
      after: (ms, task) => void this.clock.after(ms, task),
      log: (event) => this.log(event),
      jumpWall: (ms) => this.clock.jumpWall(ms),
      kick: ({ client }) => this.#kick(client.user.get()),
      restart: (how, downMs) => this.restart(how, downMs),
    }
    this.strikeAt(at, () => strike(targets))
  }

  protected strikeAt(at: number, strike: () => void): void {
    this.clock.after(at, () => {
      this.#faults++
      strike()
    })
  }

  #kick(userId: string | undefined): void {
    if (userId !== undefined) this.speaker()?.server.room(this.random.pick(ROOMS)).kick(userId)
  }

  protected heal(): void {
    this.#isOver = true
    this.log('the world heals')
    for (const { device } of this.people) {
      device.link?.slow(false)
      device.link?.delay(0)
    }
  }

  /** A last word in each room: whoever is live sees it. */
  protected async conclude(): Promise<void> {
    for (const room of ROOMS) this.people[0]?.write(room)
    await this.clock.advance(10_000)
  }
}
