import assert from 'node:assert/strict'
import { type Draft, type LogEntry, type NodeLink, type PublishResult, silentLogger } from '@roomful/server'
import { VirtualClock } from '@roomful/server/testing'
import { fingerprint } from '../../../packages/server/src/backplane/log/fingerprint.js'
import { resolveSettings } from '../../../packages/server/src/backplane/sqlite/options.js'
import { SharedStore } from '../../../packages/server/src/backplane/sqlite/shared-store.js'
import { SqliteBackplane } from '../../../packages/server/src/backplane/sqlite/sqlite-backplane.js'
import type { ThreadListener } from '../../../packages/server/src/backplane/sqlite/thread.js'
import { Oracle } from '../oracle.js'
import { Random } from '../random.js'
import { NEW_FILE } from './disk-world.js'
import { ModelDisk } from './model-disk.js'
import { SimThread } from './sim-thread.js'
import { Witness } from './witness.js'

export interface AmendedDisk {
  /** Messages, edits and deletions that were acknowledged, and those that were refused because their message was deleted. */
  readonly accepted: number
  readonly refused: number
  /** Those that were sent more than once. */
  readonly repeated: number
  /** Logs that were read and compared with themselves. */
  readonly compared: number
}

const ROOM = 'r'
const DURATION_MS = 4_000
const PEOPLE = 5
const RETRY_MS = 200
const ALL = { after: 0, limit: 100_000, maxBytes: 2 ** 30 }

interface Message {
  readonly type: string
  readonly offset: number
  readonly id: string
  readonly message?: string
  readonly client_id?: string
  readonly version?: number
  readonly deleted?: true
  readonly target?: { readonly offset: number; readonly id: string }
}

interface Operation {
  readonly clientId: string
  readonly kind: 'send' | 'edit' | 'delete'
  readonly text: string
  /** The message that it changes. */
  readonly target: Accepted | undefined
  attempts: number
}

interface Accepted {
  readonly operation: Operation
  readonly offset: number
  readonly id: string
}

interface Process {
  readonly backplane: SqliteBackplane
  thread: SimThread | undefined
}

/**
 * People write, edit and delete in a file on a disk that fails, and repeat what has no answer. Whenever the log is read,
 * each message must be what the amendments after it say: an edit is in the log if and only if its message has its text.
 */
export async function amendOnDisk(seed: number): Promise<AmendedDisk> {
  const world = new AmendingWorld(seed)
  await world.run()
  return world.result()
}

class AmendingWorld {
  readonly #clock = new VirtualClock()
  readonly #random: Random
  readonly #disk: ModelDisk
  readonly #settings = resolveSettings({ file: '/chat.db' })
  readonly #witness = new Witness(new Oracle({ historyCount: 10, refusals: new Set() }))
  readonly #accepted: Accepted[] = []
  readonly #refused: Operation[] = []
  readonly #pending = new Set<Operation>()
  #process: Process | undefined
  #isOver = false
  #count = 0
  #repeated = 0
  #compared = 0
  #failure: unknown

  constructor(seed: number) {
    this.#random = new Random(seed)
    this.#disk = new ModelDisk(NEW_FILE, this.#random.fork())
  }

  async run(): Promise<void> {
    this.#start()
    for (let person = 0; person < PEOPLE; person++) this.#act()
    this.#strike()
    await this.#clock.advance(DURATION_MS)
    this.#isOver = true
    this.#disk.heal()
    for (let waited = 0; this.#pending.size > 0; waited++) {
      assert(waited < 100, 'a message never gets an answer')
      await this.#clock.advance(1_000)
    }
    this.#kill(() => {})
    await this.#clock.advance(5_000)
    const reading = this.#read()
    await this.#clock.advance(1_000)
    this.#checkAnswers(await reading)
    this.#process?.thread?.kill()
    if (this.#failure) throw this.#failure
  }

  result(): AmendedDisk {
    return {
      accepted: this.#accepted.length,
      refused: this.#refused.length,
      repeated: this.#repeated,
      compared: this.#compared,
    }
  }

  #start(): void {
    const startThread = async (listener: ThreadListener) => {
      // A dead process starts nothing.
      if (this.#process !== process) return new Promise<never>(() => {})
      process.thread = new SimThread(this.#clock, this.#disk, this.#settings, this.#witness, listener)
      return process.thread
    }
    const open = ({ clock, logger }: NodeLink) => new SharedStore(startThread, clock, logger, () => {})
    const process: Process = { backplane: new SqliteBackplane(this.#settings, open), thread: undefined }
    this.#process = process
    const link = {
      clock: this.#clock,
      logger: silentLogger,
      graceMs: 1,
      listedMembers: 1,
      newId: () => this.#newId(),
      receive: () => {},
    }
    process.backplane.start(link).then(
      // From then on, the server's thread has the newest entries in memory.
      () => process.backplane.subscribe(ROOM, () => {}).catch(() => {}),
      () => this.#process === process && this.#kill(() => {}),
    )
  }

  #kill(then: () => void): void {
    const { thread } = this.#process ?? {}
    this.#process = undefined
    thread?.kill()
    then()
    this.#clock.after(this.#random.between(20, 300), () => {
      if (this.#process) return
      this.#start()
      for (const operation of this.#pending) this.#send(operation)
    })
  }

  #strike(): void {
    this.#clock.after(this.#random.between(20, 500), () => {
      if (this.#isOver) return
      this.#fault()
      this.#strike()
    })
  }

  #fault(): void {
    const [disk, random, thread] = [this.#disk, this.#random, this.#process?.thread]
    const faults = [
      () => this.#kill(() => {}),
      () => this.#kill(() => disk.cut(this.#clock.now())),
      () => thread?.crash(new Error('The thread fails')),
      () => {
        if (thread) thread.crashesAfterCommit = true
      },
      () => {
        disk.failingSyncs = random.between(1, 3)
      },
      () => {
        disk.isFull = true
        this.#clock.after(random.between(10, 500), () => {
          disk.isFull = false
        })
      },
    ]
    random.pick(faults)()
  }

  /** What one person does, one after the other. */
  #act(): void {
    this.#clock.after(this.#random.between(1, 60), () => {
      if (this.#isOver) return
      // It fails while there is no process.
      if (this.#random.next() < 0.1) this.#read().catch(() => {})
      const operation = this.#draw()
      this.#pending.add(operation)
      this.#send(operation)
    })
  }

  #draw(): Operation {
    const made = { clientId: this.#newId(), text: `<${++this.#count}>`, attempts: 0 }
    const messages = this.#accepted.filter(({ operation }) => operation.kind === 'send').slice(-12)
    const kind = this.#random.next()
    if (messages.length === 0 || kind < 0.3) return { kind: 'send', target: undefined, ...made }
    return { kind: kind < 0.85 ? 'edit' : 'delete', target: this.#random.pick(messages), ...made }
  }

  #send(operation: Operation): void {
    const process = this.#process
    if (!process) return
    if (++operation.attempts === 2) this.#repeated++
    process.backplane.publish(ROOM, this.#draftOf(operation)).then(
      (result) => this.#check(() => this.#answered(operation, result)),
      () => this.#clock.after(RETRY_MS, () => this.#process === process && this.#send(operation)),
    )
  }

  #answered(operation: Operation, result: PublishResult): void {
    // Somebody may have sent it to the next process meanwhile.
    if (!this.#pending.delete(operation)) return
    if (result.status === 'accepted') this.#accepted.push({ operation, ...result.position })
    else {
      assert.equal(result.status, 'deleted')
      this.#refused.push(operation)
    }
    this.#act()
  }

  /** Reads the log, which must fit together. */
  async #read(): Promise<readonly Message[]> {
    const { backplane } = this.#process ?? {}
    const page = await backplane?.read(ROOM, ALL)
    const messages = (page?.entries ?? []).map(({ text }: LogEntry) => JSON.parse(text) as Message)
    this.#check(() => compare(messages))
    this.#compared++
    return messages
  }

  /** The first failure is thrown at the end: nobody awaits what finds it. */
  #check(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#failure ??= error
    }
  }

  /** In the end, everything that was acknowledged is in the log, once, and each refusal was true. */
  #checkAnswers(log: readonly Message[]): void {
    assert(log.length > 0)
    const ids = log.map(({ client_id }) => client_id)
    assert.equal(new Set(ids).size, ids.length, 'a message is in the log twice')
    for (const { operation, offset, id } of this.#accepted) {
      const entry = log[offset - 1]
      assert.deepEqual(
        [entry?.id, entry?.client_id],
        [id, operation.clientId],
        'what was acknowledged is gone',
      )
    }
    for (const { target } of this.#refused)
      assert.equal(log[(target?.offset ?? 0) - 1]?.deleted, true, 'refused as deleted, which it is not')
  }

  #draftOf({ kind, clientId, text, target }: Operation): Draft {
    const [id, userId, timestampMs] = [this.#newId(), 'ana', this.#clock.wallTime()]
    const sender = { userId, clientId, fingerprint: fingerprint(text) }
    const from = { timestamp: new Date(timestampMs).toISOString(), user_id: userId, room_id: ROOM, id }
    const made = { id, timestampMs, sender }
    if (!target) {
      const message = { type: 'chat_message', message: text, ...from, client_id: clientId }
      return { ...made, message }
    }
    const place = { offset: target.offset, id: target.id }
    const by = { target: place, userId, moderates: false }
    return kind === 'edit'
      ? {
          ...made,
          message: { type: 'message_edited', target: place, message: text, ...from, client_id: clientId },
          amends: { kind, message: text, ...by },
        }
      : {
          ...made,
          message: { type: 'message_deleted', target: place, ...from, client_id: clientId },
          amends: { kind: 'delete', ...by },
        }
  }

  #newId(): string {
    return `id-${++this.#count}`
  }
}

/** Whether a log fits together. */
function compare(log: readonly Message[]): void {
  for (const [index, { offset }] of log.entries()) assert.equal(offset, index + 1, 'the log has a hole')
  const states = new Map(log.filter(({ type }) => type === 'chat_message').map((one) => [one.offset, one]))
  const last = new Map<number, Message>()
  for (const entry of log) if (entry.target) last.set(entry.target.offset, entry)
  for (const [offset, state] of states) {
    const { type, message } = last.get(offset) ?? {}
    const isDeleted = type === 'message_deleted'
    assert.equal(state.version, last.get(offset)?.offset, 'a message is not what its last amendment says')
    assert.equal(state.deleted === true, isDeleted)
    if (type === 'message_edited') assert.equal(state.message, message)
    if (isDeleted) assert.equal(state.message, '')
  }
  for (const { type, target, deleted } of log)
    if (type === 'message_edited')
      assert.equal(deleted, states.get(target?.offset ?? 0)?.deleted, 'an edit kept its text, or lost it')
}
