import assert from 'node:assert/strict'
import {
  createTestServer,
  type ReceivedFrame,
  type TestClient,
  type TestServer,
} from '@roomful/server/testing'
import * as fc from 'fast-check'

/** A model of a room, too simple to be wrong. */
interface ModelRoom {
  /** Text by offset - 1. */
  readonly log: string[]
  /** Offset and text by sender and client id. */
  readonly known: Map<string, { readonly offset: number; readonly text: string }>
  readonly members: Set<number>
}

class Model {
  operations = 0
  readonly #rooms = new Map<string, ModelRoom>()

  room(id: string): ModelRoom {
    const room = this.#rooms.get(id) ?? { log: [], known: new Map(), members: new Set() }
    this.#rooms.set(id, room)
    return room
  }

  rooms(): Iterable<ModelRoom> {
    return this.#rooms.values()
  }
}

interface Real {
  readonly server: TestServer
  readonly clients: TestClient[]
  /** Frames of each client that were looked at already. */
  readonly looked: number[]
}

type Command = fc.AsyncCommand<Model, Real>

const USERS = 3
const unlimited = Number.POSITIVE_INFINITY

/** Runs operations against a server and against the model, and compares each answer; returns how many there were. */
export async function compareWithModel(runs: number, length: number, seed: number): Promise<number> {
  let operations = 0
  const property = fc.asyncProperty(
    fc.commands(COMMANDS, { maxCommands: length, size: 'max' }),
    async (commands) => {
      const model = new Model()
      await fc.asyncModelRun(async () => ({ model, real: await setUp() }), commands)
      operations += model.operations
    },
  )
  await fc.assert(property, { numRuns: runs, seed, endOnFailure: true })
  return operations
}

async function setUp(): Promise<Real> {
  const server = await createTestServer({
    limits: {
      messagesPerSecond: unlimited,
      bytesPerSecond: unlimited,
      joinsPerSecond: unlimited,
      historyPerSecond: unlimited,
      // With a limit, updates would wait and come with a later message.
      presenceUpdatesPerSecond: unlimited,
      presenceUpdatesBurst: unlimited,
    },
  })
  const clients = await Promise.all(Array.from({ length: USERS }, () => server.connect()))
  return { server, clients, looked: clients.map(({ frames }) => frames.length) }
}

/** Sends, and returns the frames that this client gets for it. */
async function exchange(real: Real, user: number, frame: object): Promise<ReceivedFrame[]> {
  const { clients, looked, server } = real
  clients[user]?.send(frame)
  await server.clock.settle()
  const frames = clients[user]?.frames.slice(looked[user]) ?? []
  for (const [index, client] of clients.entries()) looked[index] = client.frames.length
  return frames
}

abstract class Operation implements Command {
  constructor(
    readonly user: number,
    readonly roomId: string,
  ) {}

  check(): boolean {
    return true
  }

  async run(model: Model, real: Real): Promise<void> {
    model.operations++
    await this.compare(model.room(this.roomId), real)
  }

  protected abstract compare(room: ModelRoom, real: Real): Promise<void>

  toString(): string {
    return `${this.constructor.name}${JSON.stringify(this)}`
  }

  protected isMember(room: ModelRoom): boolean {
    return room.members.has(this.user)
  }
}

const typesOf = (frames: readonly ReceivedFrame[]) => frames.map(({ type }) => type).sort()
const find = (frames: readonly ReceivedFrame[], type: string) => frames.find((frame) => frame.type === type)
const textsOf = (frame: ReceivedFrame | undefined) =>
  (frame?.messages as { readonly message: string }[] | undefined)?.map(({ message }) => message)

class Join extends Operation {
  constructor(
    user: number,
    roomId: string,
    readonly history: number,
  ) {
    super(user, roomId)
  }

  protected async compare(room: ModelRoom, real: Real): Promise<void> {
    const frames = await exchange(real, this.user, {
      type: 'join',
      room_id: this.roomId,
      history: this.history,
    })
    room.members.add(this.user)
    const joined = find(frames, 'joined')
    assert.equal(joined?.offset, room.log.length)
    assert.equal(joined.count, room.members.size)
    assert.deepEqual(textsOf(joined), this.history > 0 ? room.log.slice(-this.history) : [])
  }
}

class Leave extends Operation {
  protected async compare(room: ModelRoom, real: Real): Promise<void> {
    const frames = await exchange(real, this.user, { type: 'leave', room_id: this.roomId })
    if (!this.isMember(room)) return assert.equal(find(frames, 'error')?.code, 'not_in_room')
    room.members.delete(this.user)
    assert.equal(find(frames, 'left')?.room_id, this.roomId)
    assert.equal((await real.server.server.room(this.roomId).info()).count, room.members.size)
  }
}

class Send extends Operation {
  constructor(
    user: number,
    roomId: string,
    readonly clientId: string,
    readonly text: string,
  ) {
    super(user, roomId)
  }

  protected async compare(room: ModelRoom, real: Real): Promise<void> {
    const { user, roomId: room_id, clientId: client_id, text: message } = this
    const frames = await exchange(real, user, { type: 'chat_message', room_id, client_id, message })
    if (!this.isMember(room)) return assert.equal(find(frames, 'error')?.code, 'not_in_room')
    const key = `${user} ${client_id}`
    const known = room.known.get(key)
    if (known && known.text !== message) return assert.equal(find(frames, 'error')?.code, 'id_conflict')
    if (!known) {
      room.log.push(message)
      room.known.set(key, { offset: room.log.length, text: message })
    }
    const ack = find(frames, 'ack')
    assert.deepEqual([ack?.offset, ack?.duplicate], [known?.offset ?? room.log.length, known !== undefined])
    assert.deepEqual(typesOf(frames), known ? ['ack'] : ['ack', 'chat_message'])
  }
}

class ReadBack extends Operation {
  constructor(
    user: number,
    roomId: string,
    readonly before: number,
    readonly limit: number,
  ) {
    super(user, roomId)
  }

  protected async compare(room: ModelRoom, real: Real): Promise<void> {
    const { user, roomId: room_id, before, limit } = this
    const frames = await exchange(real, user, { type: 'history', room_id, before, limit })
    if (!this.isMember(room)) return assert.equal(find(frames, 'error')?.code, 'not_in_room')
    const older = room.log.slice(0, Math.max(0, before - 1))
    const page = find(frames, 'history')
    assert.deepEqual(textsOf(page), limit > 0 ? older.slice(-limit) : [])
    assert.deepEqual([page?.more, page?.truncated], [older.length > limit, false])
  }
}

class Reconnect extends Operation {
  override async run(model: Model, real: Real): Promise<void> {
    model.operations++
    const { user } = this
    const old = real.clients[user]
    const session = String(find(old?.frames ?? [], 'authenticated')?.session)
    old?.close()
    await real.server.clock.settle()
    const client = await real.server.connect({ session })
    real.clients[user] = client
    for (const room of model.rooms()) room.members.delete(user)
    real.looked.splice(0, USERS, ...real.clients.map(({ frames }) => frames.length))
  }

  protected async compare(): Promise<void> {}
}

const user = fc.nat(USERS - 1)
const roomId = fc.constantFrom('a', 'b')
/** Few, so that repeats and conflicts are frequent. */
const clientId = fc.nat(30).map((n) => `c${n}`)
const text = fc.constantFrom('one', 'two')

const COMMANDS: fc.Arbitrary<Command>[] = [
  fc.tuple(user, roomId, fc.nat(8)).map((drawn) => new Join(...drawn)),
  fc.tuple(user, roomId).map((drawn) => new Leave(...drawn)),
  fc.tuple(user, roomId, clientId, text).map((drawn) => new Send(...drawn)),
  fc.tuple(user, roomId, clientId, text).map((drawn) => new Send(...drawn)),
  fc.tuple(user, roomId, clientId, text).map((drawn) => new Send(...drawn)),
  fc.tuple(user, roomId, fc.integer({ min: 1, max: 40 }), fc.nat(8)).map((drawn) => new ReadBack(...drawn)),
  fc.tuple(user, roomId).map((drawn) => new Reconnect(...drawn)),
]
