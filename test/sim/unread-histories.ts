import assert from 'node:assert/strict'
import { createClient } from '@roomful/client'
import { chat } from '@roomful/client/chat'
import { defineProtocol } from '@roomful/protocol'
import { UNLIMITED } from '@roomful/server'
import { createTestServer, Device, type TestServer } from '@roomful/server/testing'
import * as z from 'zod/mini'
import { Random } from './random.js'

const protocol = defineProtocol({
  server: { ordered: z.object({}), moved: z.object({}) },
  counts: ['ordered'],
})
type Server = TestServer<typeof protocol>

/** What the oracle knows of an entry. */
interface Known {
  readonly offset: number
  readonly id: string
  readonly author: string | undefined
  readonly mentionsMe: boolean
  readonly counts: boolean
  isGone: boolean
}

const MOST = 100

/** As often as they are drawn. */
const OPERATIONS = [
  ...repeated('others', 16),
  ...repeated('own', 3),
  ...repeated('application', 4),
  ...repeated('delete', 6),
  ...repeated('edit', 2),
  ...repeated('mark', 10),
  ...repeated('cut', 4),
  ...repeated('wait', 10),
  ...repeated('flood', 1),
]

function repeated<const T>(what: T, times: number): T[] {
  return Array.from({ length: times }, () => what)
}

/** One device of the user whose unread messages are counted. */
class OwnDevice {
  readonly #device: Device
  readonly client: ReturnType<typeof createClient<typeof protocol>>

  constructor({ network }: Server, random: Random) {
    this.#device = new Device(network, { random: () => random.next() })
    const options = { url: 'ws://test', token: 'me', session: 'memory', protocol } as const
    this.client = createClient(options, this.#device.runtime)
  }

  cut(): void {
    this.#device.link?.cut()
  }
}

/**
 * Random histories of a room, each with two devices of one user that mark and write, and connections that break. At the
 * end, both devices and a new one show what a recount of the log gives. Returns how many operations there were.
 */
export async function countHistories(histories: number, seed: number): Promise<number> {
  const random = new Random(seed)
  const server = await createTestServer({
    protocol,
    limits: UNLIMITED,
    authenticate: ({ token = '' }) => ({ userId: token }),
    authorize: () => true,
  })
  const devices = [new OwnDevice(server, random), new OwnDevice(server, random)]
  let operations = 0
  for (let n = 0; n < histories; n++) {
    const history = new History(server, devices, random, `r${n}`)
    await history.begin()
    const length = 1 + random.between(0, 20)
    for (let left = length; left > 0; left--) await history.operate()
    await history.check().catch((cause) => {
      throw new Error(`Seed ${seed}, history ${n}: ${history.told.join('; ')}`, { cause })
    })
    operations += length
  }
  for (const { client } of devices) client.close()
  server.crash()
  return operations
}

class History {
  readonly told: string[] = []
  readonly #entries: Known[] = []
  /** The offset of the newest place that was marked, or written. */
  #mark = 0

  constructor(
    private readonly server: Server,
    private readonly devices: readonly OwnDevice[],
    private readonly random: Random,
    private readonly roomId: string,
  ) {}

  async begin(): Promise<void> {
    if (this.random.next() < 0.5) for (let n = this.random.between(0, 4); n > 0; n--) await this.#others()
    for (const { room, c } of this.#rooms()) {
      c.unread.get()
      void room.join()
    }
    await this.#untilTrue(() => this.#rooms().every(({ room }) => room.status.get().state === 'live'))
  }

  async operate(): Promise<void> {
    const { random } = this
    const what = random.pick(OPERATIONS)
    this.told.push(what)
    switch (what) {
      case 'others':
        return this.#others()
      case 'flood':
        for (let n = 0; n < 110; n++) await this.#others()
        return
      case 'own':
        return this.#own()
      case 'application':
        return this.#application()
      case 'delete':
        return this.#delete()
      case 'edit':
        return this.#edit()
      case 'mark':
        return this.#markRead()
      case 'cut':
        random.pick(this.devices).cut()
        return
      case 'wait':
        return this.#wait(random.between(0, 1_500))
    }
  }

  async check(): Promise<void> {
    await this.#untilTrue(() => this.#rooms().every(({ room }) => room.status.get().state === 'live'))
    // What is sent at most once a second, and its answer.
    await this.#wait(2_500)
    const unread = this.#entries.filter(
      ({ offset, counts, author, isGone }) => offset > this.#mark && counts && author !== 'me' && !isGone,
    )
    const count = Math.min(MOST, unread.length)
    const mentions = unread.filter(({ mentionsMe }) => mentionsMe).length
    const shown = this.#rooms().map(({ c }) => [c.mark.get()?.offset ?? 0, c.unread.get()])
    const expected = [this.#mark, count]
    assert.deepEqual(shown, [expected, expected])
    if (count < MOST)
      assert.deepEqual(
        this.#rooms().map(({ c }) => c.mentions.get()),
        [mentions, mentions],
      )
    const newcomer = await this.server.connect({ token: 'me' })
    const joined = await newcomer.join(this.roomId)
    assert.deepEqual([(joined.mark as Known | undefined)?.offset ?? 0, joined.unread], expected)
    newcomer.close()
    for (const { room } of this.#rooms()) room.release()
    await this.server.server.room(this.roomId).delete()
  }

  #rooms() {
    return this.devices.map(({ client }) => {
      const room = client.room(this.roomId)
      return { room, c: chat(room) }
    })
  }

  async #wait(ms: number): Promise<void> {
    await this.server.clock.advance(ms)
  }

  async #untilTrue(isTrue: () => boolean): Promise<void> {
    for (let left = 100; !isTrue(); left--) {
      if (left === 0) throw new Error('It never came true')
      await this.#wait(500)
    }
  }

  async #others(): Promise<void> {
    const mentionsMe = this.random.next() < 0.3
    const mentions = mentionsMe ? ['ada', 'me'] : ['ada']
    const sent = await this.server.server.room(this.roomId).chat.send('hi', { as: 'eve', mentions })
    this.#entries.push({ ...sent, author: 'eve', mentionsMe, counts: true, isGone: false })
  }

  async #application(): Promise<void> {
    const type = this.random.pick(['ordered', 'moved'] as const)
    const sent = await this.server.server.room(this.roomId).publish({ type })
    this.#entries.push({
      ...sent,
      author: undefined,
      mentionsMe: false,
      counts: type === 'ordered',
      isGone: false,
    })
  }

  /** Acknowledged before the next operation, so that the oracle knows its place. */
  async #own(): Promise<void> {
    const { room } = this.random.pick(this.#rooms())
    const sent = room.send('mine')
    await this.#untilTrue(() => sent.state === 'sent')
    const { offset = 0, id = '' } = await sent
    this.#entries.push({ offset, id, author: 'me', mentionsMe: false, counts: true, isGone: false })
    this.#mark = Math.max(this.#mark, offset)
  }

  async #delete(): Promise<void> {
    const target = this.#chat()
    if (!target) return
    target.isGone = true
    await this.#amended(await this.server.server.room(this.roomId).chat.delete(target))
  }

  async #edit(): Promise<void> {
    const target = this.#chat()
    if (target)
      await this.#amended(
        await this.server.server.room(this.roomId).chat.edit(target, `${this.random.next()}`),
      )
  }

  async #amended(sent: { readonly offset: number; readonly id: string }): Promise<void> {
    this.#entries.push({ ...sent, author: undefined, mentionsMe: false, counts: false, isGone: false })
  }

  #chat(): Known | undefined {
    const there = this.#entries.filter(({ author, isGone }) => author !== undefined && !isGone)
    return there.length > 0 ? this.random.pick(there) : undefined
  }

  #markRead(): void {
    const { c } = this.random.pick(this.#rooms())
    if (this.random.next() < 0.5 || this.#entries.length === 0) c.markRead()
    else c.markRead(this.random.pick(this.#entries))
    this.#mark = Math.max(this.#mark, c.mark.get()?.offset ?? 0)
  }
}
