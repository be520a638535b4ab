import type { LogMessage } from '@roomful/client'
import type { Backplane, RoomfulError, ServerOptions } from '@roomful/server'
import { createTestServer, newNetwork, type TestServer } from '@roomful/server/testing'
import {
  resolveSettings,
  type SqliteSettings,
} from '../../../packages/server/src/backplane/sqlite/options.js'
import { SharedStore } from '../../../packages/server/src/backplane/sqlite/shared-store.js'
import { SqliteBackplane } from '../../../packages/server/src/backplane/sqlite/sqlite-backplane.js'
import { StoreFile } from '../../../packages/server/src/backplane/sqlite/store-file.js'
import type { ThreadListener } from '../../../packages/server/src/backplane/sqlite/thread.js'
import { textOf } from '../oracle.js'
import type { SimProtocol } from '../protocol.js'
import { Random } from '../random.js'
import { checkPresent, checkRoom, checkState } from '../settled.js'
import { DURATION_MS, type Run, World } from '../world.js'
import { drawDiskFault } from './faults.js'
import { type Image, ModelDisk } from './model-disk.js'
import { filesOn } from './model-files.js'
import { Reader } from './reader.js'
import { SimThread } from './sim-thread.js'
import { openOn } from './sqlite.js'
import { type DiskTrait, type DiskTraits, diskTraitsOf } from './traits.js'
import { Witness } from './witness.js'

/** The results of a run, how many entries power cuts and old backups removed, and how many changes a consumer handled. */
export interface DiskRun extends Run {
  readonly lost: number
  readonly handled: number
}

const DISK_FAULTS = 12
const SUPERVISOR_MS = 1_000
const DRAIN_MS = 2_000

const FILE = '/chat.db'

/** The new file with which every world begins. Its random parts are always the same. */
export const NEW_FILE = newFile()

/** Runs real clients and a real server on a model of a disk. The seed determines everything, also when the server dies. */
export async function simulateDisk(seed: number, traits = diskTraitsOf(seed)): Promise<DiskRun> {
  const world = new DiskWorld(seed, traits)
  try {
    await world.run()
    return world.result()
  } finally {
    world.end()
  }
}

interface Process {
  readonly backplane: Backplane
  thread: SimThread | undefined
  server: TestServer<SimProtocol> | undefined
  isLeaving: boolean
}

class DiskWorld extends World {
  override readonly network = newNetwork(this.clock)
  readonly #disk: ModelDisk
  readonly #settings: SqliteSettings
  readonly #witness: Witness
  readonly #reader: Reader
  readonly #refused = new Set<string>()
  #backup: Image = NEW_FILE
  #process: Process | undefined

  constructor(
    seed: number,
    private readonly diskTraits: DiskTraits,
  ) {
    super(seed, diskTraits.people)
    const { disk, hasConsumer } = diskTraits
    this.log(
      `on a disk with ${[...disk].join(', ') || 'nothing special'}${hasConsumer ? ', and a consumer' : ''}`,
    )
    this.#disk = new ModelDisk(NEW_FILE, this.random.fork())
    this.#witness = new Witness(this.oracle)
    this.#reader = new Reader(this, this.#witness, new Random(seed ^ 0xfeed), this.has('short history'))
    const { dedupeMs, dedupeCount = 100_000, historyCount } = this.traits.memory
    const sync = this.#is('buffered') ? 'normal' : 'full'
    const retention = this.has('short history') && { retention: { count: historyCount } }
    this.#settings = resolveSettings({ file: FILE, sync, dedupeMs, dedupeCount, ...retention })
  }

  override result(): DiskRun {
    return { ...super.result(), lost: this.oracle.lostCount, handled: this.#reader.count }
  }

  /** Frees the memory of WebAssembly, which no garbage collection does. */
  end(): void {
    this.#process?.thread?.kill()
  }

  protected override async start(): Promise<void> {
    const startThread = async (listener: ThreadListener) => this.#startThread(started, listener)
    const backplane = new SqliteBackplane(
      this.#settings,
      ({ clock, logger }) => new SharedStore(startThread, clock, logger, () => {}),
    )
    const started: Process = { backplane, thread: undefined, server: undefined, isLeaving: false }
    this.#process = started
    const { network } = this
    createTestServer({ ...this.options(), backplane }, { network, newId: () => this.newId() }).then(
      (server) => {
        started.server = server
        if (this.diskTraits.hasConsumer) this.#reader.read(server, () => this.#process === started)
      },
      ({ message }: Error) => {
        this.log(`the server cannot start: ${message}`)
        started.thread?.kill()
        if (this.#leave(started)) this.clock.after(SUPERVISOR_MS, () => void this.start())
      },
    )
  }

  protected override options(): ServerOptions<SimProtocol> {
    // Without the option, the secret in the file is used.
    const { sessionSecret: _, ...options } = super.options()
    const log = (_: object, line: string) => this.log(line)
    return { ...options, logger: { debug() {}, info: log, warn: log, error: log } }
  }

  protected override speaker(): TestServer<SimProtocol> | undefined {
    return this.#process?.isLeaving ? undefined : this.#process?.server
  }

  protected override store(): Backplane | undefined {
    return this.#process?.backplane
  }

  /**
   * If the process dies, nobody knows whether the message was accepted, and a repeat may come after the next message. So
   * each message has another sender.
   */
  protected override async publish(
    server: TestServer<SimProtocol>,
    roomId: string,
    sequence: number,
  ): Promise<void> {
    const text = textOf(`server-${sequence}`, 0)
    if (sequence % 2 === 0) {
      this.oracle.keyed(text)
      return this.#publishUntilKnown(server, roomId, text)
    }
    await this.say(server, roomId, text).catch(({ code }: RoomfulError) => {
      this.log(`'${text}' is refused: ${code}`)
      if (code === 'unavailable') this.#refused.add(text)
    })
  }

  async #publishUntilKnown(
    server: TestServer<SimProtocol> | undefined,
    roomId: string,
    text: string,
  ): Promise<void> {
    const again = () => {
      if (!this.isOver())
        this.clock.after(1_000, () => void this.#publishUntilKnown(this.speaker(), roomId, text))
    }
    try {
      const place = await server?.server.room(roomId).publish({ type: 'notice', text }, { key: text })
      if (place) this.oracle.published(roomId, text, place)
      else again()
    } catch {
      again()
    }
  }

  protected override restart(how: 'crash' | 'drain', downMs: number): void {
    if (how === 'crash') this.#kill(200 + downMs)
    else void this.#drain(200 + downMs)
  }

  protected override planFaults(): void {
    super.planFaults()
    for (let i = 0; i < DISK_FAULTS; i++) {
      const at = this.random.between(1_000, DURATION_MS)
      const strike = drawDiskFault(this.random, this.diskTraits.disk)
      this.strikeAt(at, () =>
        strike({
          disk: this.#disk,
          after: (ms, task) => void this.clock.after(ms, task),
          log: (event) => this.log(event),
          killThread: (when) => this.#killThread(when),
          killProcess: (downMs) => this.#kill(downMs),
          cutPower: (downMs) => this.#kill(downMs, () => this.#cutPower()),
          backUp: () => {
            this.#backup = this.#disk.image(this.clock.now())
          },
          restore: (downMs) => this.#kill(downMs, () => this.#restore()),
        }),
      )
    }
  }

  protected override heal(): void {
    super.heal()
    this.#disk.heal()
  }

  protected override async conclude(): Promise<void> {
    await super.conclude()
    for (const { client } of this.people)
      for (const room of this.rooms)
        for (const entry of client.room(room).timeline.get())
          if (entry.kind === 'message' && entry.state === 'lost') this.#checkLost(entry.message)
  }

  protected override async checkSettled(): Promise<void> {
    for (const text of this.#refused)
      if (this.#witness.has(text)) this.oracle.fail(`false refusal: '${text}' is in the log`)
    if (this.diskTraits.hasConsumer) this.#reader.check()
    for (const room of this.rooms) {
      const asked = this.speaker()?.server.room(room).info()
      await this.clock.advance(1_000)
      const info = await asked
      if (!info) return this.oracle.fail('there is no server at the end')
      const guests = this.naive.filter(({ roomId }) => roomId === room).length
      checkPresent(info, this.people, guests, this.oracle)
      for (const person of this.people) {
        checkRoom(info, person, this.oracle)
        if (person.userId !== 'user-1') checkState(info, person, this.oracle)
      }
    }
  }

  #startThread(process: Process, listener: ThreadListener): Promise<SimThread> | SimThread {
    // A dead process starts nothing.
    if (this.#process !== process) return new Promise(() => {})
    const thread = new SimThread(this.clock, this.#disk, this.#settings, this.#witness, listener)
    process.thread = thread
    return thread
  }

  /** Works like kill -9: nothing is released, nobody is notified. `then` runs while nobody uses the disk. */
  #kill(downMs: number, then = () => {}): void {
    const dying = this.#process
    if (!dying || !this.#leave(dying)) return
    dying.thread?.kill()
    dying.server?.crash()
    then()
    this.clock.after(downMs, () => void this.start())
  }

  async #drain(downMs: number): Promise<void> {
    const leaving = this.#process
    if (!leaving?.server || leaving.isLeaving) return
    leaving.isLeaving = true
    await leaving.server.server.close({ drainMs: DRAIN_MS })
    if (!this.#leave(leaving)) return
    leaving.thread?.kill()
    this.clock.after(downMs, () => void this.start())
  }

  #killThread(when: 'now' | 'after a commit'): void {
    const { thread } = this.#process ?? {}
    if (when === 'now') thread?.crash(new Error('The thread fails'))
    else if (thread) thread.crashesAfterCommit = true
  }

  #leave(process: Process): boolean {
    if (this.#process !== process) return false
    this.#process = undefined
    return true
  }

  #cutPower(): void {
    this.#disk.cut(this.clock.now())
    if (this.#is('buffered')) this.#witness.mayLose = true
  }

  #restore(): void {
    this.#disk.restore(this.#backup)
    this.#reader.restored()
    this.#witness.mayLose = true
  }

  #checkLost({ id, client_id }: LogMessage<SimProtocol>): void {
    if (!this.oracle.hasLost(String(id))) this.oracle.fail(`false alarm: ${client_id} is shown as lost`)
    this.oracle.shownAsLost(String(client_id))
  }

  #is(trait: DiskTrait): boolean {
    return this.diskTraits.disk.has(trait)
  }
}

function newFile(): Image {
  const mount = { disk: new ModelDisk(new Map(), new Random(0)), isDead: false }
  const { driver } = new StoreFile({ file: FILE, sync: 'full' }, () => openOn(mount), filesOn(mount))
  for (const name of ['store', 'secret'])
    driver.prepare('UPDATE meta SET value = ? WHERE name = ?').run(`${name} of a simulation`, name)
  driver.close()
  return mount.disk.image(mount.disk.now)
}
