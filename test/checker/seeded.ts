import type { Entry, Event, History, Place } from '../../packages/server/src/verify/checker/history.js'
import { Random } from '../sim/random.js'

const ROOM = 'room'
const EPOCH = 'epoch'
const START: Place = { epoch: EPOCH, offset: 0, id: EPOCH }

interface Message {
  readonly clientId: string
  readonly text: string
}

/** A client of the model, with the frames in flight on its connection in both directions. */
interface Person {
  readonly name: string
  connections: number
  cursor: Place
  unacknowledged: Message[]
  toServer: Message[]
  toClient: Event[]
}

/** A history that a faultless server could produce. The seed decides who writes, reads, loses the connection and repeats, and when. */
export function cleanHistory(seed: number, steps = 120): History {
  const model = new Model(seed)
  for (let step = 0; step < steps; step++) model.step()
  return model.end()
}

class Model {
  readonly #random: Random
  readonly #history: Event[] = []
  readonly #log: Entry[] = []
  readonly #people: readonly Person[]
  #written = 0

  constructor(seed: number) {
    this.#random = new Random(seed)
    this.#people = ['ana', 'bob', 'cem'].map((name) => ({
      ...{ name, connections: 1, cursor: START },
      ...{ unacknowledged: [], toServer: [], toClient: [] },
    }))
    for (const person of this.#people) this.#join(person, false)
  }

  step(): void {
    const person = this.#random.pick(this.#people)
    const chance = this.#random.next()
    if (chance < 0.25) this.#write(person)
    else if (chance < 0.55) this.#serve(person)
    else if (chance < 0.9) this.#receive(person)
    else if (chance < 0.95) this.#cut(person)
    else this.#page(person.name, person.connections, { after: person.cursor.offset })
  }

  /** Everything in flight arrives, and the log is read from its first entry to its last. */
  end(): History {
    for (const person of this.#people) while (person.toServer.length > 0) this.#serve(person)
    for (const person of this.#people) while (person.toClient.length > 0) this.#receive(person)
    for (let after = 0; after === 0 || after < this.#log.length; after += 10)
      this.#page('auditor', 1, { after, limit: 10 })
    return this.#history
  }

  #write(person: Person): void {
    const message = { clientId: `${person.name}-${this.#written}`, text: `text ${this.#written++}` }
    person.unacknowledged.push(message)
    this.#transmit(person, message)
  }

  #transmit(person: Person, message: Message): void {
    person.toServer.push(message)
    this.#history.push({ kind: 'sent', ...seenBy(person), ...message, user: person.name })
  }

  #serve(person: Person): void {
    const message = person.toServer.shift()
    if (!message) return
    const known = this.#log.find(({ clientId }) => clientId === message.clientId)
    const entry = known ?? this.#append(person, message)
    const { clientId } = message
    const ack: Event = {
      kind: 'acked',
      ...seenBy(person),
      clientId,
      at: entry,
      duplicate: known !== undefined,
    }
    person.toClient.push(ack)
  }

  #append(sender: Person, message: Message): Entry {
    const offset = this.#log.length + 1
    const entry = { epoch: EPOCH, offset, id: `id-${offset}`, user: sender.name, ...message }
    this.#log.push(entry)
    for (const reader of this.#people) reader.toClient.push({ kind: 'delivered', ...seenBy(reader), entry })
    return entry
  }

  #receive(person: Person): void {
    const event = person.toClient.shift()
    if (!event) return
    if (event.kind === 'delivered') person.cursor = event.entry
    if (event.kind === 'acked')
      person.unacknowledged = person.unacknowledged.filter(({ clientId }) => clientId !== event.clientId)
    this.#history.push(event)
  }

  /** Frames in flight to the client are lost; frames in flight to the server may have arrived. */
  #cut(person: Person): void {
    while (person.toServer.length > 0 && this.#random.next() < 0.5) this.#serve(person)
    person.toServer = []
    person.toClient = []
    person.connections++
    this.#join(person, true)
    for (const message of person.unacknowledged) this.#transmit(person, message)
  }

  #join(person: Person, goesOn: boolean): void {
    const entries = this.#log.slice(person.cursor.offset)
    const since = person.cursor
    person.cursor = entries.at(-1) ?? person.cursor
    this.#history.push({
      kind: 'joined',
      ...seenBy(person),
      askedAt: this.#history.length,
      ...(goesOn && { since, recovered: true }),
      entries,
      cursor: person.cursor,
      more: false,
    })
  }

  #page(
    client: string,
    connection: number,
    { after, limit = 50 }: { readonly after: number; readonly limit?: number },
  ): void {
    const entries = this.#log.slice(after, after + limit)
    this.#history.push({
      kind: 'page',
      ...{ client, connection: `${client}/${connection}`, room: ROOM },
      askedAt: this.#history.length,
      ...{ after, epoch: EPOCH, entries, more: after + limit < this.#log.length },
    })
  }
}

function seenBy({ name, connections }: Person) {
  return { client: name, connection: `${name}/${connections}`, room: ROOM }
}
