import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { findDriver } from '../../packages/server/src/backplane/sqlite/driver.js'
import { places } from '../../packages/server/src/backplane/sqlite/places.js'
import { StoreServer } from '../support/store-server.js'
import { WireClient } from '../support/wire-client.js'
import { temporaryFolder } from './disk-stage.js'

const ROOMS = ['one', 'two', 'three']
/** Messages that a client sends before it waits for their acknowledgements. */
const BURST = 300
/** How often a kill has to come in the middle. */
const CUTS = 3
const MOST_ROUNDS = 20

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Two users who write, on a server that is killed and started again. */
class Stage {
  readonly #file = join(temporaryFolder(), 'chat.db')
  readonly #sessions = new Map<string, string>()
  readonly #ids = new Map<string, string>()
  #written = 0
  #server: StoreServer | undefined

  async start(): Promise<StoreServer> {
    const server = await StoreServer.start({ store: 'sqlite', options: { file: this.#file } })
    onTestFinished(() => server.kill())
    this.#server = server
    return server
  }

  idOf(name: string): string {
    return this.#ids.get(name) ?? ''
  }

  /** Has a user write in all rooms, until all of it is acknowledged. */
  async write(name: string, count: number): Promise<void> {
    const client = await WireClient.open(this.#server?.port ?? 0, this.#sessions.get(name))
    this.#sessions.set(name, client.session)
    this.#ids.set(name, client.userId)
    for (const room of ROOMS) await client.join(room)
    for (let sent = 0; sent < count; sent += BURST) {
      client.frames.length = 0
      for (let n = 0; n < BURST; n++) {
        const room_id = ROOMS[n % ROOMS.length]
        const client_id = `${name}-${this.#written++}`
        client.send({ type: 'chat_message', room_id, message: `a secret of ${name}`, client_id })
      }
      await client.until(() => client.all('ack').length === BURST, 'all acknowledgements', 30_000)
    }
    client.socket.terminate()
  }

  /** How far the erasure had come when the server was killed. The copy leaves the file as the kill did. */
  progress(): 'not begun' | 'cut off' | 'done' {
    const copy = join(temporaryFolder(), 'chat.db')
    for (const end of ['', '-wal'])
      if (existsSync(this.#file + end)) copyFileSync(this.#file + end, copy + end)
    const driver = findDriver(undefined, places())(copy)
    try {
      const jobs = driver.prepare('SELECT user FROM erasures').all().length
      const left = driver.prepare("SELECT seq FROM entries WHERE body LIKE '%secret of ana%' LIMIT 1").all()
      if (jobs > 0) return 'cut off'
      return left.length > 0 ? 'not begun' : 'done'
    } finally {
      driver.close()
    }
  }
}

/** What a member reads back of a room, oldest first. */
async function history(port: number, room: string) {
  const client = await WireClient.open(port)
  await client.join(room)
  const texts: string[] = []
  for (let more = true, after = 0; more; ) {
    const page = await client.ask({ type: 'history', room_id: room, after, limit: 1_000 }, 'history')
    texts.push(...page.messages.map((message) => JSON.stringify(message)))
    after = page.covers?.to ?? after
    more = page.more
  }
  client.socket.terminate()
  return texts
}

const told = (lines: readonly string[]) => lines.filter((line) => line.includes('"messages_erased"')).length

it('[M15] an erasure that a kill cuts off is finished by the next start: nothing of it can be read, and each room is told once', {
  timeout: 180_000,
}, async () => {
  const stage = new Stage()
  const server = await stage.start()
  await stage.write('ben', 900)
  let waitMs = 20
  let cuts = 0
  let erasures = 0
  for (let round = 0; cuts < CUTS && round < MOST_ROUNDS; round++) {
    await stage.write('ana', round === 0 ? 4_500 : 900)
    const erasing = server.erase(stage.idOf('ana')).catch(() => {})
    await pause(waitMs)
    await server.kill()
    await erasing
    const progress = stage.progress()
    if (progress === 'cut off') cuts++
    waitMs *= { 'not begun': 2, 'cut off': 1.2, done: 0.5 }[progress]
    await server.restart()
    if (progress === 'not begun') await server.erase(stage.idOf('ana'))
    erasures++
    await expectErased(server, stage, erasures)
  }
  expect(cuts, 'no kill came in the middle').toBe(CUTS)
  expect(await server.faults()).toBe(0)
})

/** By each way to read: no word of one user, every word of the other, and a note in each room for each erasure. */
async function expectErased(server: StoreServer, stage: Stage, erasures: number): Promise<void> {
  const changes = await vi.waitFor(
    async () => {
      const read = await server.changes()
      expect(told(read)).toBe(erasures * ROOMS.length)
      return read
    },
    { timeout: 30_000, interval: 50 },
  )
  expect(changes.filter((line) => line.includes('secret of ana'))).toEqual([])
  expect(changes.filter((line) => line.includes('secret of ben'))).toHaveLength(900)
  for (const room of ROOMS) {
    const exported = await server.export({ room })
    const shown = await history(server.port, room)
    for (const lines of [exported, shown]) {
      expect(lines.filter((line) => line.includes('secret of ana'))).toEqual([])
      expect(lines.filter((line) => line.includes('secret of ben'))).toHaveLength(300)
    }
    expect(told(exported)).toBe(erasures)
    expect(shown).toHaveLength(exported.length - erasures)
  }
  expect(await server.export({ user: stage.idOf('ana') })).toEqual([])
}
