import assert from 'node:assert/strict'
import { type Backplane, memory, type Roomful, UNLIMITED } from '@roomful/server'
import {
  createTestServer,
  Device,
  type Network,
  newNetwork,
  type VirtualClock,
} from '@roomful/server/testing'
import { distant } from './distant.js'
import { Random } from './random.js'

export interface AmendmentCounts {
  operations: number
  /** Answered after the connection on which they were sent had broken. */
  repeated: number
  edits: number
  deletions: number
  reactions: number
  refused: number
  /** States of messages in pages and resumes that were compared with the log. */
  compared: number
  cuts: number
}

const ROOM = 'r'
const USERS = ['ana', 'bob', 'moderator']

interface Frame {
  readonly type: string
  readonly [field: string]: unknown
}

interface Place {
  readonly epoch: string
  readonly offset: number
  readonly id: string
}

/** A message as somebody sees it; without a text once it is deleted. */
interface State {
  readonly text: string | undefined
  readonly version: number
  readonly reactions: readonly Count[]
}

interface Count {
  readonly reaction: string
  readonly count: number
}

/** Of all users; with more, some are refused. */
const MOST_KINDS = 3
const REACTIONS = ['👍', '🎉', '😀', '👎']

/** One more or one less; what was added first comes first. */
function counted(reactions: readonly Count[], reaction: string, by: number): readonly Count[] {
  const known = reactions.find((one) => one.reaction === reaction)
  if (!known) return [...reactions, { reaction, count: 1 }]
  return reactions.flatMap((one) => {
    const count = one === known ? one.count + by : one.count
    return count > 0 ? [{ ...one, count }] : []
  })
}

const isReaction = (type: string) => type === 'reaction_added' || type === 'reaction_removed'

/** What the log accepted, and by that what each message was at each of its offsets. It knows nothing of the product. */
class Ledger {
  readonly places: (Place & {
    readonly type: string
    readonly text: string
    readonly target: number
    readonly user: string
  })[] = []
  /** Who reacted how to which message. */
  readonly #reacted = new Set<string>()
  /** The states of each message, by its offset. */
  readonly #states = new Map<number, State[]>()

  get head(): number {
    return this.places.length
  }

  accepted(place: Place, message: Record<string, unknown>): void {
    assert.equal(place.offset, this.head + 1, 'an offset was left out, or given twice')
    const { type, target } = message as { type: string; target?: { offset: number } }
    const text = String(message.message ?? message.reaction ?? '')
    const user = String(message.user_id)
    this.places.push({ ...place, type, text, target: target?.offset ?? 0, user })
    const { offset } = place
    if (type === 'chat_message') this.#states.set(offset, [{ text, version: 0, reactions: [] }])
    else if (isReaction(type)) this.#react(this.places[offset - 1] as (typeof this.places)[number])
    else {
      const states = this.#states.get(target?.offset ?? 0) ?? []
      assert.notEqual(states.at(-1)?.text, undefined, `${type} changed what is deleted, or never was`)
      const { reactions = [] } = states.at(-1) ?? {}
      if (type === 'message_deleted') states.push({ text: undefined, version: offset, reactions: [] })
      else states.push({ text, version: offset, reactions })
    }
  }

  #react({ type, offset, target, user, text: reaction }: (typeof this.places)[number]): void {
    const states = this.#states.get(target) ?? []
    const last = states.at(-1)
    assert(last?.text !== undefined, `${type} changed what is deleted, or never was`)
    const name = `${target} ${user} ${reaction}`
    const isAdded = type === 'reaction_added'
    assert.notEqual(this.#reacted.has(name), isAdded, `${type} was logged, and changes nothing`)
    if (isAdded) this.#reacted.add(name)
    else this.#reacted.delete(name)
    const reactions = counted(last.reactions, reaction, isAdded ? 1 : -1)
    assert(reactions.length <= MOST_KINDS, 'a message has too many reactions')
    states.push({ ...last, version: offset, reactions })
  }

  /** What a user has reacted to a message that is not deleted. */
  own(offset: number, user: string): readonly string[] {
    return REACTIONS.filter((reaction) => this.#reacted.has(`${offset} ${user} ${reaction}`))
  }

  /** A message at the time when the log ended with an offset. */
  stateAt(offset: number, head: number): State | undefined {
    return this.#states.get(offset)?.findLast(({ version }) => version <= head)
  }

  isMessage(offset: number): boolean {
    return this.#states.has(offset)
  }

  /** Whether these states, by offset, were the present ones at one moment between two heads. */
  wereTogether(states: ReadonlyMap<number, State>, from: number, to: number): boolean {
    for (let head = from; head <= to; head++) {
      const isHere = [...states].every(([offset, state]) => isSame(this.stateAt(offset, head), state))
      if (isHere) return true
    }
    return false
  }
}

const isSame = (one: State | undefined, other: State) =>
  one?.text === other.text &&
  one?.version === other.version &&
  JSON.stringify(one.reactions) === JSON.stringify(other.reactions)

function stateOf(entry: Frame): State {
  return {
    text: entry.deleted === true ? undefined : String(entry.message),
    version: Number(entry.version ?? 0),
    reactions: (entry.reactions ?? []) as readonly Count[],
  }
}

type Tail = readonly { readonly offset: number; readonly reactions: readonly string[] }[]

interface Operation {
  readonly frame: Frame
  /** The head of the log when it was first sent. */
  readonly since: number
  readonly connection: number
}

/** One who writes, edits, deletes and reads, repeats what has no answer, and resumes; by the rules of the wire alone. */
class Participant {
  readonly view = new Map<number, State>()
  /** What this user has reacted to the messages in view. */
  readonly own = new Map<number, readonly string[]>()
  cursor: Place | undefined
  isLive = false
  #device: Device | undefined
  #send: (frame: Frame) => void = () => {}
  #connections = 0
  #pending: Operation | undefined
  #asked: { readonly head: number } | undefined
  #resumedFrom: number | undefined
  readonly #handlers: Readonly<Record<string, (frame: Frame) => void>> = {
    system: () => this.#greeted(),
    joined: (frame) => this.#joined(frame),
    history: (frame) => this.#page(frame),
    ack: (frame) => this.#acked(frame),
    error: (frame) => this.#refused(frame),
    chat_message: (frame) => this.#live(frame),
    message_edited: (frame) => this.#live(frame),
    message_deleted: (frame) => this.#live(frame),
    reaction_added: (frame) => this.#live(frame),
    reaction_removed: (frame) => this.#live(frame),
  }

  constructor(
    readonly name: string,
    private readonly world: AmendmentWorld,
    private readonly random: Random,
  ) {
    this.#dial()
    this.#again()
  }

  get device(): Device | undefined {
    return this.#device
  }

  get isSettled(): boolean {
    return this.isLive && this.#pending === undefined
  }

  #dial(): void {
    const { clock, network } = this.world
    const connection = ++this.#connections
    const device = new Device(network)
    this.#device = device
    const socket = device.runtime.connect(`ws://sim/?token=${this.name}`, {
      opened: () => {},
      received: (text) => connection === this.#connections && this.#receive(JSON.parse(text)),
      closed: () => {
        if (connection !== this.#connections) return
        this.isLive = false
        clock.after(this.random.between(10, 500), () => this.#dial())
      },
    })
    this.#send = (frame) => socket.send(JSON.stringify(frame))
  }

  #receive(frame: Frame): void {
    this.#handlers[frame.type]?.(frame)
  }

  #greeted(): void {
    this.#send({ type: 'auth', protocol: 1 })
    this.#join()
  }

  #join(): void {
    const { epoch, offset, id } = this.cursor ?? { epoch: '', offset: 0, id: '' }
    this.#resumedFrom = this.cursor?.offset
    const what = this.cursor ? { since: { epoch, offset, id } } : { history: this.random.between(0, 8) }
    this.#send({ type: 'join', room_id: ROOM, ...what })
  }

  #joined(frame: Frame): void {
    const { offset, epoch, id, messages, more, recovered, covers, own_reactions } = frame as Frame & {
      messages: Frame[]
      covers?: { from: number; to: number }
      own_reactions?: Tail
    }
    const head = Number(offset)
    if (recovered === true) {
      for (const entry of messages) this.#replay(entry, head, own_reactions)
      assert.equal(this.cursor?.offset, head, `${this.name} was resumed with a hole`)
    } else {
      assert(recovered === undefined || this.world.isShort, `${this.name} could not resume: ${frame.reason}`)
      this.view.clear()
      this.#compare(messages, head, head, covers)
      for (const entry of messages) this.#show(Number(entry.offset), stateOf(entry), own_reactions)
    }
    this.cursor = { epoch: String(epoch), offset: head, id: String(id) }
    if (more === true) this.#join()
    else this.#goLive()
  }

  #goLive(): void {
    this.isLive = true
    if (this.#pending) this.#send(this.#pending.frame)
  }

  /** All entries after the cursor: messages as they were when the page was read, at the latest where it ends. */
  #replay(entry: Frame, head: number, tail: Tail = []): void {
    const { ledger } = this.world
    const offset = Number(entry.offset)
    assert.equal(offset, (this.cursor?.offset ?? 0) + 1, `${this.name} was resumed with a hole`)
    const place = ledger.places[offset - 1]
    assert.equal(place?.id, entry.id)
    if (entry.type === 'message_edited' && entry.deleted === true)
      assert.equal(ledger.stateAt(place?.target ?? 0, ledger.head)?.text, undefined, 'an edit lost its text')
    else if (entry.type === 'message_edited') assert.equal(entry.message, place?.text)
    else if (isReaction(entry.type)) assert.equal(entry.reaction, place?.text)
    else if (entry.type === 'chat_message') {
      const states = new Map([[offset, stateOf(entry)]])
      assert(
        ledger.wereTogether(states, this.#resumedFrom ?? 0, head),
        'a resume shows a state that never was',
      )
      this.world.counts.compared++
    }
    this.#apply(entry, tail)
  }

  #live(entry: Frame): void {
    const offset = Number(entry.offset)
    if (this.cursor && offset <= this.cursor.offset) return
    assert.equal(offset, (this.cursor?.offset ?? 0) + 1, `${this.name} missed an entry`)
    assert.equal(entry.message ?? entry.reaction ?? '', this.world.ledger.places[offset - 1]?.text)
    this.#apply(entry)
  }

  /** Rule D8. */
  #apply(entry: Frame, tail: Tail = []): void {
    const offset = Number(entry.offset)
    this.cursor = { epoch: String(entry.epoch), offset, id: String(entry.id) }
    if (entry.type === 'chat_message') this.#show(offset, stateOf(entry), tail)
    else this.#amend(offset, entry)
  }

  #amend(offset: number, entry: Frame): void {
    const target = Number((entry.target as { offset: number }).offset)
    const known = this.view.get(target)
    if (!known || offset <= known.version) return
    const { reactions } = known
    if (isReaction(entry.type)) {
      this.#count(offset, target, known, entry)
      return
    }
    const isGone = entry.type === 'message_deleted' || entry.deleted === true
    if (isGone) this.view.set(target, { text: undefined, version: offset, reactions: [] })
    else this.view.set(target, { text: String(entry.message), version: offset, reactions })
  }

  /** Rule D19. */
  #count(offset: number, target: number, known: State, { type, reaction, user_id }: Frame): void {
    const by = type === 'reaction_added' ? 1 : -1
    const reactions = counted(known.reactions, String(reaction), by)
    this.view.set(target, { ...known, version: offset, reactions })
    if (user_id !== this.name) return
    const others = (this.own.get(target) ?? []).filter((one) => one !== reaction)
    this.own.set(target, by > 0 ? [...others, String(reaction)] : others)
  }

  #show(offset: number, state: State, tail: Tail = []): void {
    const known = this.view.get(offset)
    if (known && state.version < known.version) return
    this.view.set(offset, state)
    this.own.set(offset, tail.find((one) => one.offset === offset)?.reactions ?? [])
  }

  #page(frame: Frame): void {
    const { messages, covers, own_reactions } = frame as Frame & {
      messages: Frame[]
      covers?: { from: number; to: number }
      own_reactions?: Tail
    }
    const asked = this.#asked
    this.#asked = undefined
    assert(asked)
    this.#compare(messages, asked.head, this.world.ledger.head, covers)
    for (const entry of messages) this.#show(Number(entry.offset), stateOf(entry), own_reactions)
  }

  /** A page shows one moment of the log, and everything of the offsets that it covers. */
  #compare(
    messages: readonly Frame[],
    from: number,
    to: number,
    covers?: { from: number; to: number },
  ): void {
    const { ledger, counts } = this.world
    const states = new Map(messages.map((entry) => [Number(entry.offset), stateOf(entry)]))
    assert(ledger.wereTogether(states, from, to), `${this.name} got a page of no moment of the log`)
    counts.compared += states.size
    for (let offset = covers?.from ?? 1; offset <= (covers?.to ?? 0); offset++)
      assert.equal(states.has(offset), ledger.isMessage(offset), `a page covers ${offset} without showing it`)
  }

  #acked({ client_id, offset, id, duplicate }: Frame): void {
    const pending = this.#pending
    if (!pending || client_id !== pending.frame.client_id) return
    this.#settle(pending)
    const { ledger } = this.world
    const place = ledger.places[Number(offset) - 1]
    assert.equal(place?.id, id, 'an acknowledged entry is not there')
    const { type, target, message } = pending.frame as Frame & { target: Place }
    if ('reaction' in pending.frame) {
      this.#reacted(pending, Number(offset), duplicate === true)
      return
    }
    // It changed nothing: the last amendment made the present state, perhaps a reaction.
    const isEarlier = Number(offset) <= pending.since || isReaction(place?.type ?? '')
    const isIdle = duplicate === true && type === 'edit_message' && isEarlier
    if (isIdle) assert.equal(ledger.stateAt(target.offset, Number(offset))?.text, message)
    else {
      assert(Number(offset) > pending.since, 'an entry is older than what it was sent for')
      assert.equal(place?.text, type === 'delete_message' ? '' : message)
    }
  }

  /** Rule D13: the entry that made the state, perhaps of another device of this user, or the message. */
  #reacted({ frame, since }: Operation, offset: number, isDuplicate: boolean): void {
    const { type, target, reaction } = frame as Frame & { target: Place }
    const place = this.world.ledger.places[offset - 1]
    const isMessage = offset === target.offset
    assert(isDuplicate || offset > since, 'an entry is older than what it was sent for')
    assert(!isMessage || (isDuplicate && (type === 'remove_reaction' || this.world.isShort)))
    if (isMessage) return
    const made = [place?.type, place?.target, place?.user, place?.text]
    const isAdded = type === 'add_reaction'
    assert.deepEqual(made, [
      isAdded ? 'reaction_added' : 'reaction_removed',
      target.offset,
      this.name,
      reaction,
    ])
  }

  #refused({ client_id, code }: Frame): void {
    const pending = this.#pending
    if (!pending || client_id !== pending.frame.client_id) return
    this.#settle(pending)
    this.world.counts.refused++
    const { target } = pending.frame as Frame & { target: Place }
    const state = this.world.ledger.stateAt(target.offset, this.world.ledger.head)
    const { text } = state ?? {}
    if (code === 'deleted') assert.equal(text, undefined, 'refused as deleted, which it is not')
    else if (code === 'not_found') assert(this.world.isShort, 'a message is not found that is kept')
    else if (code === 'reaction_limit') assert.equal(pending.frame.type, 'add_reaction')
    else assert.equal(code, 'forbidden')
  }

  #settle({ connection }: Operation): void {
    this.#pending = undefined
    this.world.counts.operations++
    if (connection !== this.#connections) this.world.counts.repeated++
  }

  #again(): void {
    const { clock } = this.world
    clock.after(this.random.between(1, 40), () => {
      this.#act()
      this.#again()
    })
  }

  #act(): void {
    if (!this.isLive || this.world.isOver) return
    const { random } = this
    if (random.next() < 0.2 && !this.#asked) this.#readBack()
    if (this.#pending) return
    const frame = this.#draw()
    if (!frame) return
    this.#pending = { frame, since: this.world.ledger.head, connection: this.#connections }
    this.#send(frame)
  }

  #readBack(): void {
    const { head } = this.world.ledger
    this.#asked = { head }
    const before = this.random.next() < 0.5 ? {} : { before: this.random.between(0, head + 2) }
    this.#send({ type: 'history', room_id: ROOM, limit: this.random.between(0, 10), ...before })
  }

  #draw(): Frame | undefined {
    const { random, world } = this
    const envelope = { room_id: ROOM, client_id: world.newId() }
    const known = [...this.view].filter(([, { text }]) => text !== undefined)
    const kind = random.next()
    if (known.length === 0 || kind < 0.35)
      return { type: 'chat_message', message: world.newText(), ...envelope }
    const [offset, state] = random.pick(known)
    const target = { offset, id: world.ledger.places[offset - 1]?.id }
    if (kind < 0.45) {
      world.counts.deletions++
      return { type: 'delete_message', target, ...envelope }
    }
    if (kind < 0.75) {
      world.counts.reactions++
      const type = random.next() < 0.6 ? 'add_reaction' : 'remove_reaction'
      return { type, target, reaction: random.pick(REACTIONS), ...envelope }
    }
    world.counts.edits++
    const message = random.next() < 0.1 ? String(state.text) : world.newText()
    return { type: 'edit_message', target, message, ...envelope }
  }
}

class AmendmentWorld {
  readonly network: Network<VirtualClock> = newNetwork()
  readonly ledger = new Ledger()
  readonly counts: AmendmentCounts = {
    operations: 0,
    repeated: 0,
    edits: 0,
    deletions: 0,
    reactions: 0,
    refused: 0,
    compared: 0,
    cuts: 0,
  }
  isOver = false
  /** Whether the log keeps so little that some messages are gone. */
  readonly isShort: boolean
  readonly random: Random
  #ids = 0
  #texts = 0

  constructor(seed: number) {
    this.random = new Random(seed)
    this.isShort = this.random.next() < 0.3
  }

  get clock(): VirtualClock {
    return this.network.clock
  }

  newId(): string {
    return `c${++this.#ids}`
  }

  /** No two are the same, so that a text says which entry it is of. */
  newText(): string {
    return `<${++this.#texts}>`
  }

  /** The same store, which tells the ledger what it accepts. */
  witnessed(backplane: Backplane): Backplane {
    return new Proxy(backplane, {
      get: (target, property) => {
        const value: unknown = Reflect.get(target, property, target)
        if (property !== 'publish') return typeof value === 'function' ? value.bind(target) : value
        return async (...[stream, draft]: Parameters<Backplane['publish']>) => {
          const result = await target.publish(stream, draft)
          if (result.status === 'accepted' && !result.duplicate)
            this.ledger.accepted(result.position, draft.message)
          return result
        }
      },
    })
  }
}

/**
 * Three users edit, delete and react to each other's messages, over a store that takes its time, on connections that break at any
 * moment. Each page and each resume must show one moment of the log, each answer must be true, and what everybody shows at
 * the end must be what the log says. Throws at the first thing that is wrong.
 */
export async function amendUnderFaults(operations: number, seed: number): Promise<AmendmentCounts> {
  const world = new AmendmentWorld(seed)
  const { random, clock, counts } = world
  const store = world.witnessed(memory(world.isShort ? { historyCount: 12, historyEntries: 20 } : {}))
  const { server } = await createTestServer(
    {
      backplane: distant(store, clock, random.fork()),
      limits: { ...UNLIMITED, reactionKinds: MOST_KINDS },
      authenticate: ({ token = '' }) => ({ userId: token.split(' ')[0] ?? '' }),
      authorize: ({ user, action }) => action !== 'moderate' || user.id === 'moderator',
    },
    { network: world.network },
  )
  const participants = [...USERS, ...USERS].map((name) => new Participant(name, world, random.fork()))
  const fault = () => {
    if (world.isOver) return
    const { link } = random.pick(participants).device ?? {}
    counts.cuts++
    // From here on it hears nothing: not the answers to what it still sends.
    if (random.next() < 0.6) link?.halfOpen('to_client')
    clock.after(random.between(0, 300), () => link?.cut())
    clock.after(random.between(20, 300), fault)
  }
  clock.after(100, fault)
  while (counts.operations < operations) await clock.advance(1_000)
  world.isOver = true
  for (let waited = 0; participants.some(({ isSettled }) => !isSettled); waited++) {
    assert(waited < 100, 'somebody never learns the outcome')
    await clock.advance(1_000)
  }
  const { ledger } = world
  for (const { name, view, own, cursor } of participants) {
    assert.equal(cursor?.offset, ledger.head, `${name} is not up to date`)
    for (const [offset, state] of view) {
      assert.deepEqual(state, ledger.stateAt(offset, ledger.head))
      // Of a message that is gone meanwhile, a page tells nobody's own.
      if (state.text !== undefined && !world.isShort)
        assert.deepEqual([...(own.get(offset) ?? [])].sort(), [...ledger.own(offset, name)].sort())
    }
  }
  await checkLog(server, world)
  const closed = server.close()
  await clock.advance(60_000)
  await closed
  return counts
}

/** The log shows what the ledger says, and no text of what is deleted. */
async function checkLog(server: Roomful, { ledger, clock }: AmendmentWorld): Promise<void> {
  const reading = server.room(ROOM).history({ limit: 1_000 })
  await clock.advance(1_000)
  const { messages } = await reading
  const changes: object[] = []
  const following = (async () => {
    for await (const { message } of server.changes({ live: false })) changes.push(message)
  })()
  await clock.advance(1_000)
  await following
  for (const message of messages) {
    if (message.type !== 'chat_message') continue
    assert.deepEqual(stateOf({ ...message }), ledger.stateAt(message.offset, ledger.head))
  }
  const everything = JSON.stringify([messages, changes])
  for (const { type, offset, target, text } of ledger.places) {
    const message = type === 'chat_message' ? offset : target
    if (text !== '' && !isReaction(type) && ledger.stateAt(message, ledger.head)?.text === undefined)
      assert(!everything.includes(text), `the text ${text} of a deleted message is in the log`)
  }
}
