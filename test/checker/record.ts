import { readThrough } from '../../packages/server/src/verify/checker/audit.js'
import { check } from '../../packages/server/src/verify/checker/check.js'
import type { Place, Violation } from '../../packages/server/src/verify/checker/history.js'
import { RecordedClient } from '../../packages/server/src/verify/checker/recorded-client.js'
import { Recording } from '../../packages/server/src/verify/checker/recording.js'
import { Random } from '../sim/random.js'
import { reach } from './reach.js'
import { RecordedPublisher } from './recorded-publisher.js'
import { RecordedStream } from './recorded-stream.js'
import { accessTo, killOne, SUBJECTS, type Subject, type SubjectName } from './subjects.js'

const BEGIN_EVERY_MS = 500

export interface RecordOptions {
  readonly clients: number
  /** How many read by Server-Sent Events. */
  readonly streams: number
  /** How many send by HTTP. */
  readonly publishers: number
  readonly rooms: number
  readonly messagesPerSecond: number
  readonly durationMs: number
  /** Time from one broken connection to the next, in ms. */
  readonly cutEveryMs: number
  /** Time from one killed server to the next, in ms. */
  readonly killEveryMs: number
  readonly seed: number
}

export interface Recorded {
  readonly violations: readonly Violation[]
  /** What the history does not show: unexpected refusals, and uncaught errors of servers. */
  readonly complaints: readonly string[]
  readonly events: number
  readonly acked: number
  /** Of these by HTTP. */
  readonly ackedByHttp: number
  /** How many repeats the servers recognised. */
  readonly repeats: number
  readonly shown: number
  /** Of these by Server-Sent Events. */
  readonly streamed: number
  /** How many streams were begun, and how often they were resumed. */
  readonly streams: number
  readonly resumed: number
  readonly pages: number
  readonly cuts: number
  readonly kills: number
}

/** Lets clients write and read while connections and servers fail, and checks what they saw. */
export async function record(name: SubjectName, options: RecordOptions): Promise<Recorded> {
  const subject = await SUBJECTS[name]()
  const scene = new Scene(subject, options)
  try {
    return await scene.play()
  } finally {
    scene.close()
    await subject.stop()
  }
}

class Scene {
  readonly #recording = new Recording()
  readonly #random: Random
  readonly #clients: RecordedClient[]
  #streams: readonly RecordedStream[]
  /** Also of those that have been closed. */
  readonly #streamNames = new Set<string>()
  readonly #publishers: readonly RecordedPublisher[]
  readonly #rooms: readonly string[]
  #end = 0
  #cuts = 0
  #kills = 0
  #resumed = 0

  constructor(
    private readonly subject: Subject,
    private readonly options: RecordOptions,
  ) {
    this.#random = new Random(options.seed)
    this.#rooms = Array.from({ length: options.rooms }, (_, index) => `room-${index}`)
    this.#clients = Array.from({ length: options.clients }, (_, index) =>
      this.#enter(`c${index}`, this.#roomOf(index)),
    )
    const access = accessTo(subject)
    const recording = this.#recording
    this.#streams = Array.from({ length: options.streams }, (_, index) => this.#follow(this.#roomOf(index)))
    this.#publishers = Array.from(
      { length: options.publishers },
      (_, index) =>
        new RecordedPublisher(`p${index}`, this.#roomOf(index), access, recording, this.#random.fork()),
    )
  }

  async play(): Promise<Recorded> {
    const recording = this.#recording
    const readers = [...this.#clients, ...this.#streams]
    await recording.until(() => readers.every(({ isLive }) => isLive), 'everybody has joined')
    this.#end = performance.now() + this.options.durationMs
    await Promise.all([this.#talk(), this.#cutNowAndThen(), this.#killNowAndThen(), this.#beginNowAndThen()])
    this.#sayLastWords()
    await recording.until(() => this.#clients.every(({ outbox }) => outbox.isEmpty), 'all is acknowledged')
    await recording.until(() => this.#publishers.every(({ isDone }) => isDone), 'all is accepted by HTTP')
    await this.#catchUp()
    for (const room of this.#rooms) {
      const auditor = this.#enter(`auditor of ${room}`, room)
      this.#clients.push(auditor)
      await readThrough(auditor, recording)
    }
    for (const server of this.subject.servers) {
      const faults = await server.faults()
      if (faults > 0) recording.complain(`${faults} errors of a server were caught by nobody`)
    }
    return this.#verdict()
  }

  close(): void {
    for (const one of [...this.#clients, ...this.#streams, ...this.#publishers]) one.close()
  }

  #roomOf(index: number): string {
    return this.#rooms[index % this.#rooms.length] ?? ''
  }

  #enter(name: string, room: string): RecordedClient {
    const ports = this.subject.servers.map(({ port }) => port)
    return new RecordedClient(reach(name, room, ports, this.#random.fork()), this.#recording)
  }

  #follow(room: string): RecordedStream {
    const name = `s${this.#streamNames.size}`
    this.#streamNames.add(name)
    return new RecordedStream(name, room, accessTo(this.subject), this.#recording, this.#random.fork())
  }

  async #talk(): Promise<void> {
    const startedAt = performance.now()
    for (let written = 0; performance.now() < this.#end; await pause(5)) {
      const due = ((performance.now() - startedAt) / 1_000) * this.options.messagesPerSecond
      for (; written < due; written++) this.#write(written)
    }
  }

  #write(written: number): void {
    const client = this.#random.pick([...this.#clients, ...this.#publishers])
    client.write(`${client.name} ${written} ${'\u{1F600}'.repeat(this.#random.between(0, 50))}`)
    if (written % 20 === 0) this.#page(this.#random.pick(this.#clients))
  }

  /**
   * One more message in each room: after the last kill of a server that keeps nothing, the newest ack could be of an
   * epoch that is gone, and nobody would ever reach it.
   */
  #sayLastWords(): void {
    for (const room of this.#rooms) {
      const client = this.#clients.find((one) => one.room === room)
      client?.write(`${client.name} last`)
    }
  }

  #page(client: RecordedClient): void {
    const offset = client.cursor?.offset ?? 0
    if (this.#random.next() < 0.5) client.page({ after: Math.max(0, offset - this.#random.between(0, 30)) })
    else client.page({ before: offset + 1, limit: this.#random.between(1, 50) })
  }

  async #cutNowAndThen(): Promise<void> {
    for (; performance.now() < this.#end; this.#cuts++) {
      await pause(this.options.cutEveryMs)
      this.#random.pick([...this.#clients, ...this.#streams, ...this.#publishers]).cut()
    }
  }

  /** Somebody stops to read, and somebody else begins, with what is said from then on. */
  async #beginNowAndThen(): Promise<void> {
    while (performance.now() + BEGIN_EVERY_MS < this.#end) {
      await pause(BEGIN_EVERY_MS)
      const [oldest, ...others] = this.#streams
      if (!oldest) return
      oldest.close()
      this.#resumed += oldest.connections - 1
      this.#streams = [...others, this.#follow(oldest.room)]
    }
  }

  async #killNowAndThen(): Promise<void> {
    if (!this.subject.isKilled) return
    for (; performance.now() + this.options.killEveryMs < this.#end; this.#kills++) {
      await pause(this.options.killEveryMs)
      await killOne(this.subject, this.#random)
    }
  }

  /** Resolves when every reader has seen the newest entry that anybody has seen. */
  #catchUp(): Promise<void> {
    const heads = new Map<string, Place>()
    for (const event of this.#recording.events) {
      if (event.kind !== 'acked') continue
      const head = heads.get(event.room)
      if (head?.epoch !== event.at.epoch || head.offset < event.at.offset) heads.set(event.room, event.at)
    }
    const isThere = ({ room, cursor }: RecordedClient | RecordedStream) => {
      const head = heads.get(room)
      return !head || (cursor?.epoch === head.epoch && cursor.offset >= head.offset)
    }
    const readers = [...this.#clients, ...this.#streams]
    return this.#recording.until(() => readers.every(isThere), 'every reader has seen everything')
  }

  #verdict(): Recorded {
    const { events, complaints } = this.#recording
    const acks = events.filter((event) => event.kind === 'acked')
    const shown = events.filter(({ kind }) => kind === 'delivered')
    const streams = this.#streamNames
    const publishers = new Set(this.#publishers.map(({ name }) => name))
    return {
      ...{ violations: check(events), complaints, events: events.length, acked: acks.length },
      ackedByHttp: acks.filter(({ client }) => publishers.has(client)).length,
      repeats: acks.filter(({ duplicate }) => duplicate).length,
      ...{ shown: shown.length, streamed: shown.filter(({ client }) => streams.has(client)).length },
      ...{ streams: streams.size, resumed: this.#streams.reduce(resumedBy, this.#resumed) },
      pages: events.filter(({ kind }) => kind === 'page').length,
      ...{ cuts: this.#cuts, kills: this.#kills },
    }
  }
}

const resumedBy = (sum: number, { connections }: RecordedStream) => sum + connections - 1
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
