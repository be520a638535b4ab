import { createHash } from 'node:crypto'
import { memory, refuse, type ServerOptions } from '@roomful/server'
import { createTestServer, newNetwork, type TestServer, VirtualClock } from '@roomful/server/testing'
import { distant } from './distant.js'
import { drawFault, type Targets } from './faults.js'
import { NaiveClient } from './naive-client.js'
import { Oracle, textOf } from './oracle.js'
import { Person, type Surroundings } from './person.js'
import { protocol, type SimProtocol } from './protocol.js'
import { Random } from './random.js'
import { recorded } from './recorded.js'
import { checkPresent, checkRoom, checkState } from './settled.js'
import { refusalsIn, type Trait, type Traits, traitsOf } from './traits.js'

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

/** How long messages are sent and faults happen, in virtual ms. */
const DURATION_MS = 45_000
const SETTLE_MS = 100_000
const FAULTS = 24
const PEOPLE = 3
const ROOMS = ['room-0', 'room-1']

/** Runs real clients against a real server over a network in memory, with a fault now and then, all by one seed. */
export async function simulate(seed: number, traits = traitsOf(seed)): Promise<Run> {
  const world = new World(seed, traits)
  await world.run()
  return world.result()
}

class World implements Surroundings {
  readonly clock = new VirtualClock()
  readonly network = newNetwork(this.clock)
  readonly rooms = ROOMS
  readonly oracle: Oracle
  readonly #random: Random
  readonly #ids: Random
  readonly #application: Random
  readonly #schedule: string[] = []
  readonly #digest = createHash('sha256')
  readonly #people: Person[] = []
  readonly #naive: NaiveClient[] = []
  #server: TestServer<SimProtocol> | undefined
  #notices = 0
  #isOver = false
  #faults = 0

  constructor(
    private readonly seed: number,
    readonly traits: Traits,
  ) {
    this.#random = new Random(seed)
    this.#ids = this.#random.fork()
    this.#application = this.#random.fork()
    this.oracle = new Oracle({
      historyCount: traits.memory.historyCount,
      refusals: refusalsIn(traits.names),
    })
    this.log(`a world with ${[...traits.names].join(', ') || 'nothing special'}`)
  }

  async run(): Promise<void> {
    await this.#startServer()
    this.#populate()
    for (let i = 0; i < FAULTS; i++) this.#planFault()
    await this.clock.advance(DURATION_MS)
    this.#heal()
    await this.clock.advance(SETTLE_MS)
    await this.#conclude()
    this.oracle.check()
    await this.#checkSettled()
    for (const { client } of this.#people) client.close()
  }

  result(): Run {
    const { violations, ackCount: acked, entriesSeen: seen, breaks } = this.oracle
    const digest = this.#digest.digest('hex')
    const schedule = this.#schedule
    return { seed: this.seed, violations, schedule, digest, acked, seen, breaks, faults: this.#faults }
  }

  isOver(): boolean {
    return this.#isOver
  }

  newId(): string {
    return Array.from({ length: 4 }, () => this.#ids.between(0, 2 ** 32).toString(36)).join('')
  }

  trace(name: string, direction: string, text: string): void {
    this.#digest.update(`${this.clock.now()} ${name} ${direction} ${text}\n`)
  }

  log(event: string): void {
    this.#schedule.push(`${Math.round(this.clock.now())} ms: ${event}`)
  }

  #has(trait: Trait): boolean {
    return this.traits.names.has(trait)
  }

  #populate(): void {
    for (let index = 0; index < PEOPLE; index++) this.#admit(index, 1_000)
    if (this.#has('naive')) {
      const room = this.#random.pick(ROOMS)
      this.#naive.push(new NaiveClient('naive', room, this.#random.fork(), this))
    }
    if (this.#has('latecomers')) {
      for (const history of [undefined, 5]) {
        const at = this.#random.between(5_000, DURATION_MS)
        this.clock.after(at, () => this.#admit(this.#people.length, history))
      }
    }
    if (this.#has('server messages')) this.#announce()
  }

  #admit(index: number, history: number | undefined): void {
    // The first two are one user, on two devices.
    const userId = this.#has('tokens') ? `user-${Math.max(1, index)}` : undefined
    this.#people.push(new Person(`p${index}`, userId, history, this.#random.fork(), this))
  }

  async #startServer(): Promise<void> {
    const store = recorded(memory(this.traits.memory), (room, entry) => this.oracle.logged(room, entry))
    const backplane = this.#has('distant store')
      ? distant(store, this.clock, this.#application.fork())
      : store
    const options: ServerOptions<SimProtocol> = {
      protocol,
      backplane,
      limits: this.traits.limits,
      sessionSecret: 'the same for every server of this world',
      ...(this.#has('tokens') && { authenticate: this.#authenticate, authorize: this.#authorize }),
      handle: { chat_message: (_, chat) => this.#handleChat(chat) },
    }
    this.#server = await createTestServer(options, { network: this.network, newId: () => this.newId() })
  }

  readonly #authenticate: NonNullable<ServerOptions<SimProtocol>['authenticate']> = ({ token = '' }) => {
    if (!this.#isOver && this.#application.next() < 0.03) throw new Error('The user table is away')
    const [userId = '', expiry] = token.split(' ')
    const expiresAt = Number(expiry)
    return expiresAt <= this.clock.wall() ? { refused: 'expired' } : { userId, expiresAt }
  }

  readonly #authorize: NonNullable<ServerOptions<SimProtocol>['authorize']> = () => {
    if (!this.#isOver && this.#application.next() < 0.02) throw new Error('The access table is away')
    return true
  }

  async #handleChat<C extends { readonly message: string }>(chat: C): Promise<C> {
    if (this.#has('slow handlers')) {
      const ms = this.#application.between(0, 300)
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
      this.clock.after(this.#random.between(500, 4_000), again)
      const roomId = this.#random.pick(ROOMS)
      if (!this.#server) return
      const text = textOf('server', this.#notices++)
      const place = await this.#server.server.room(roomId).publish({ type: 'notice', text })
      this.oracle.published(roomId, text, place)
    }
    this.clock.after(1_000, again)
  }

  #planFault(): void {
    const at = this.#random.between(1_000, DURATION_MS)
    const strike = drawFault(this.#random)
    const targets: Targets = {
      people: this.#people,
      naive: this.#naive,
      canReload: this.#has('reloads'),
      canKick: this.#has('kicks'),
      after: (ms, task) => void this.clock.after(ms, task),
      log: (event) => this.log(event),
      jumpWall: (ms) => this.clock.jumpWall(ms),
      kick: ({ client }) => this.#kick(client.user.get()),
      restart: (how, downMs) => void this.#restart(how, downMs),
    }
    this.clock.after(at, () => {
      this.#faults++
      strike(targets)
    })
  }

  #kick(userId: string | undefined): void {
    if (userId !== undefined) this.#server?.server.room(this.#random.pick(ROOMS)).kick(userId)
  }

  async #restart(how: 'crash' | 'drain', downMs: number): Promise<void> {
    const old = this.#server
    if (!old) return
    this.#server = undefined
    if (how === 'crash') old.crash()
    else await old.server.close({ drainMs: 2_000 })
    this.oracle.restarts++
    this.clock.after(200 + downMs, () => void this.#startServer())
  }

  #heal(): void {
    this.#isOver = true
    this.log('the world heals')
    for (const { device } of this.#people) {
      device.link?.slow(false)
      device.link?.delay(0)
    }
  }

  /** A last word in each room: whoever is live sees it. */
  async #conclude(): Promise<void> {
    for (const room of ROOMS) this.#people[0]?.write(room)
    await this.clock.advance(10_000)
  }

  /** With the network whole again, everybody is live and up to date, and nobody shows what is over. */
  async #checkSettled(): Promise<void> {
    for (const room of ROOMS) {
      const asked = this.#server?.server.room(room).info()
      await this.clock.advance(1_000)
      const info = await asked
      if (!info) return this.oracle.fail('there is no server at the end')
      const guests = this.#naive.filter(({ roomId }) => roomId === room).length
      checkPresent(info, this.#people, guests, this.oracle)
      for (const person of this.#people) {
        checkRoom(info, person, this.oracle)
        // Which of a user's two devices set its state last is not known from outside.
        if (person.userId !== 'user-1') checkState(info, person, this.oracle)
      }
    }
  }
}
