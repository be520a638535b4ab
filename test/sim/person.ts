import {
  type Client,
  createClient,
  type HistoryPage,
  type JoinResult,
  type RoomfulError,
  type Sent,
  storedOutbox,
} from '@roomful/client'
import { chat } from '@roomful/client/chat'
import { Device, type Network, type VirtualClock } from '@roomful/server/testing'
import { MemoryOutbox } from './memory-outbox.js'
import { type Handed, type Oracle, textOf } from './oracle.js'
import { protocol, type SimProtocol } from './protocol.js'
import type { Random } from './random.js'
import { reactionText } from './reacted.js'
import { seen } from './seen.js'
import type { Traits } from './traits.js'

/** What a person needs of the world. */
export interface Surroundings {
  readonly clock: VirtualClock
  readonly network: Network<VirtualClock>
  readonly oracle: Oracle
  readonly traits: Traits
  readonly rooms: readonly string[]
  /** Whether people react to messages, beside editing and deleting them. */
  isOver(): boolean
  newId(): string
  /** No two edits are the same, unless somebody says again what is there. */
  nextEdit(): number
  mayModerate(userId: string | undefined): boolean
  log(event: string): void
  trace(name: string, direction: string, text: string): void
}

const HEARD = [
  'chat_message',
  'message_edited',
  'message_deleted',
  'reaction_added',
  'reaction_removed',
  'notice',
] as const
const REACTIONS = ['👍', '🎉', '😀']

/** One who chats: joins rooms, writes, edits, deletes, reacts, types, sets a state, reads back, and perhaps wanders or reloads the page. */
export class Person {
  /** What this page has set by room. */
  readonly states = new Map<string, object>()
  readonly #storage = new MemoryOutbox()
  readonly #sequences = new Map<string, number>()
  /** By room, when a page came from which amendments may be left out. */
  readonly #pagedAt = new Map<string, number>()
  /** Rooms that join anew, because a later page of their resume has shown that the log has forked. */
  readonly #forked = new Set<string>()
  readonly #results = new WeakSet<object>()
  #life = 0
  #page: Page

  constructor(
    readonly name: string,
    readonly userId: string | undefined,
    /** Entries of the past to ask for. */
    private readonly history: number | undefined,
    private readonly random: Random,
    private readonly world: Surroundings,
  ) {
    this.#page = this.#open()
    for (const room of world.rooms) this.#live(room)
  }

  get client(): Client<SimProtocol> {
    return this.#page.client
  }

  get device(): Device {
    return this.#page.device
  }

  /** Each page is a viewer of its own: a new one knows nothing of what the one before has shown. */
  get viewer(): string {
    return `${this.name}#${this.#life}`
  }

  /** Whether nothing is left in the storage that outlives its pages. */
  get isStoredOutboxEmpty(): boolean {
    return this.#storage.clientIds.size === 0
  }

  /** The page dies in the middle of whatever it does, and another one opens. */
  reload(): void {
    const { oracle } = this.world
    const { device, die } = this.#page
    device.turnOff()
    oracle.orphaned(this.name, this.#storage.clientIds)
    oracle.died(this.viewer)
    die()
    this.#life++
    this.states.clear()
    this.#page = this.#open()
  }

  write(room: string, suffix = ''): Sent {
    const sequence = this.#sequences.get(room) ?? 0
    this.#sequences.set(room, sequence + 1)
    const text = textOf(this.name, sequence, suffix)
    const sent = this.client.room(room).send(text)
    this.#follow(sent, { sender: this.name, room, text })
    return sent
  }

  #follow(sent: Sent, message: Handed): void {
    const { oracle } = this.world
    const life = this.#life
    // It took back what had not left yet, and nothing is left to say.
    if (message.reaction && sent.state === 'sent') return
    // It takes the place of what had not left yet.
    if (oracle.rewritten(sent.clientId, message.text)) return
    oracle.handed(sent.clientId, message)
    sent.then(
      ({ epoch = '', offset = 0, id = '', durability }) => {
        if (life !== this.#life) return
        oracle.acked(sent.clientId, { epoch, offset, id }, this.viewer, durability)
        this.#look(message.room)
      },
      ({ code }: RoomfulError) => {
        if (life !== this.#life) return
        oracle.refused(sent.clientId, code)
        this.world.log(`${this.name} learns the outcome of '${message.text}' in ${message.room}: ${code}`)
      },
    )
  }

  #open(): Page {
    const { network, traits } = this.world
    const { name, random, userId } = this
    const device = new Device(network, {
      random: () => random.next(),
      newId: () => this.world.newId(),
      observe: (direction, text) => this.world.trace(name, direction, text),
    })
    const { storage, die } = this.#storage.page()
    const client = createClient(
      {
        url: 'ws://sim',
        protocol,
        session: 'memory',
        ...(userId !== undefined && { token: () => this.#fetchToken(userId) }),
        ...(traits.names.has('reloads') && { storage: storedOutbox(storage) }),
        logger: { warn() {}, error: (what, error) => this.#reported(what, error) },
      },
      device.runtime,
    )
    const page = { client, device, die }
    for (const room of this.world.rooms) this.#enter(page, room)
    return page
  }

  #reported(what: string, error: unknown): void {
    if (what !== 'The token getter failed') this.world.oracle.fail(`${this.name}: ${what}: ${error}`)
  }

  async #fetchToken(userId: string): Promise<string> {
    const { clock } = this.world
    await new Promise<void>((resolve) => clock.after(this.random.between(0, 500), resolve))
    if (!this.world.isOver() && this.random.next() < 0.05) throw new Error('The token service is away')
    return `${userId} ${clock.wallTime() + 20_000}`
  }

  /** Listens, and joins. */
  #enter({ client }: Pick<Page, 'client'>, roomId: string): void {
    const { oracle, clock } = this.world
    const { viewer } = this
    const room = client.room(roomId)
    // From now on, it counts the reactions to all that it shows.
    void chat(room).messages
    for (const type of HEARD)
      room.on(type, (message) => {
        const isFolded = this.#pagedAt.get(roomId) === clock.now()
        oracle.saw(viewer, roomId, seen(message), isFolded)
      })
    room.on('resync', ({ reason }) => {
      this.#pagedAt.set(roomId, clock.now())
      if (room.status.get().state !== 'live') this.#forked.add(roomId)
      oracle.broke(viewer, roomId, reason)
    })
    room.timeline.subscribe((entries) => {
      oracle.shown.look(`${viewer} ${roomId}`, entries)
      for (const entry of entries)
        if (entry.kind === 'message' && entry.state === 'failed')
          oracle.shownAsFailed(String(entry.message.client_id))
    })
    room.on('status', ({ to }) => {
      if (to.state === 'live' && this.#forked.delete(roomId)) this.#pagedAt.set(roomId, clock.now())
      if (to.state !== 'denied') return
      clock.after(500, () => viewer === this.viewer && this.#join(roomId))
    })
    this.#join(roomId, client, viewer)
  }

  #look(roomId: string): void {
    this.world.oracle.shown.look(`${this.viewer} ${roomId}`, this.client.room(roomId).timeline.get())
  }

  #join(roomId: string, client = this.client, viewer = this.viewer): void {
    const { oracle } = this.world
    const options = this.history === undefined ? {} : { history: this.history }
    client
      .room(roomId)
      .join(options)
      .then(
        (result) => this.#joined(viewer, roomId, result),
        ({ code }: RoomfulError) => {
          // It was left again, or its member sent away, before it was joined.
          if (code !== 'not_in_room' && code !== 'forbidden' && code !== 'closed')
            oracle.fail(`${viewer} could not join ${roomId}: ${code}`)
        },
      )
  }

  #joined(viewer: string, roomId: string, { messages, recovered }: JoinResult<SimProtocol>): void {
    const { oracle, clock } = this.world
    this.#pagedAt.set(roomId, clock.now())
    // Two joins at once have one result.
    if (this.#results.has(messages)) return
    this.#results.add(messages)
    for (const [index, message] of messages.map(seen).entries()) {
      const before = messages[index - 1]
      const follows = before?.epoch === message.epoch && before.offset === message.offset - 1
      if (recovered === false && !follows) oracle.told(viewer, roomId, before)
      oracle.saw(viewer, roomId, message, true)
    }
    if (recovered === false) oracle.told(viewer, roomId)
  }

  #live(roomId: string): void {
    const { names } = this.world.traits
    this.#nowAndThen(100, 4_500, () => this.#talk(roomId))
    this.#nowAndThen(200, 6_000, () => this.#amend(roomId))
    this.#nowAndThen(500, 12_000, () => this.#react(roomId))
    this.#nowAndThen(2_000, 12_000, () => this.#setState(roomId))
    this.#nowAndThen(5_000, 20_000, () => this.#readBack(roomId))
    if (names.has('wanderers')) this.#nowAndThen(6_000, 25_000, () => this.#wander(roomId))
  }

  #nowAndThen(least: number, most: number, act: () => void): void {
    const again = () => {
      if (this.world.isOver()) return
      act()
      this.world.clock.after(this.random.between(least, most), again)
    }
    this.world.clock.after(this.random.between(least, most), again)
  }

  #talk(roomId: string): void {
    const { random, world } = this
    if (random.next() < 0.4) this.client.room(roomId).typing.keystroke()
    const burst = random.next() < 0.1 ? random.between(4, 12) : 1
    for (let i = 0; i < burst; i++) {
      const kind = world.traits.names.has('refusals') ? random.next() : 1
      this.write(roomId, kind < 0.04 ? ':bad' : kind < 0.05 ? ':boom' : '')
    }
  }

  /** Edits or deletes what is shown: mostly its own, and mostly new messages, whether they have been sent yet or not. */
  #amend(roomId: string): void {
    const { random, world } = this
    const room = this.client.room(roomId)
    const user = this.client.user.get()
    const wantsOwn = random.next() < 0.85
    const entries = room.timeline.get().slice(random.next() < 0.8 ? -8 : -40)
    const messages = entries.flatMap((entry) => {
      if (entry.kind !== 'message' || entry.message.type !== 'chat_message' || entry.state === 'failed')
        return []
      const isOwn = entry.state === 'pending' || entry.message.user_id === user
      return isOwn === wantsOwn ? [entry.message] : []
    })
    if (messages.length === 0) return
    const message = random.pick(messages)
    const text = this.#newText(message.message)
    const sent = text === '' ? chat(room).delete(message) : chat(room).edit(message, text)
    const amends = message.id ?? String(message.client_id)
    const isAllowed = wantsOwn || world.mayModerate(user)
    this.#follow(sent, { sender: this.name, room: roomId, text, amends, isAllowed })
  }

  /** Reacts to what is shown, whether it has been sent yet or not, or takes that back; sometimes it says what is so already. */
  #react(roomId: string): void {
    const { random } = this
    const room = this.client.room(roomId)
    const messages = room.timeline.get().flatMap((entry) => {
      const isChat = entry.kind === 'message' && entry.message.type === 'chat_message'
      return isChat && entry.state !== 'failed' ? [entry.message] : []
    })
    if (messages.length === 0) return
    const message = random.pick(messages.slice(random.next() < 0.8 ? -5 : -40))
    const name = random.pick(REACTIONS)
    const isShown = (message as Reactable).reactions?.some(({ reaction, own }) => own && reaction === name)
    const isOn = random.next() < 0.9 ? !isShown : Boolean(isShown)
    const sent = isOn ? chat(room).react(message, name) : chat(room).unreact(message, name)
    const user = this.client.user.get() ?? ''
    const amends = message.id ?? String(message.client_id)
    const reaction = { name, user, isOn }
    this.#follow(sent, { sender: this.name, room: roomId, text: reactionText(isOn, name), amends, reaction })
  }

  /** Nothing at all, the same again, or something new, which the application may refuse. */
  #newText(text: string): string {
    const { random, world } = this
    const kind = random.next()
    if (kind < 0.3) return kind < 0.2 ? '' : text
    const isBad = world.traits.names.has('refusals') && random.next() < 0.05
    return `${text.split(':', 2).join(':')}:e${world.nextEdit()}${isBad ? ':bad' : ''}`
  }

  #setState(roomId: string): void {
    const state = { mood: this.random.between(0, 1_000) }
    this.states.set(roomId, state)
    this.client.room(roomId).presence.set(state)
  }

  #readBack(roomId: string): void {
    const { oracle } = this.world
    const { viewer } = this
    const read = async () => {
      let page: HistoryPage<SimProtocol> | undefined
      for (let pages = 0; pages < 3 && (!page || page.more); pages++) {
        const since = oracle.lastSeen(viewer, roomId)
        page = await (page ? page.next() : this.client.room(roomId).history({ limit: 7 }))
        oracle.paged(viewer, roomId, page.messages.map(seen), since)
      }
    }
    // Refused by its rate, or broken off by a fault: a page is asked for, not promised.
    read().catch(({ code }: RoomfulError) => this.world.log(`${viewer} cannot read back: ${code}`))
  }

  #wander(roomId: string): void {
    const { world } = this
    world.log(`${this.name} leaves ${roomId}`)
    void this.client.room(roomId).leave()
    world.clock.after(this.random.between(0, 4_000), () => this.#join(roomId))
  }
}

interface Reactable {
  readonly reactions?: readonly { readonly reaction: string; readonly own?: boolean }[]
}

interface Page {
  readonly client: Client<SimProtocol>
  readonly device: Device
  die(): void
}
