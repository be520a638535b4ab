import { randomBytes } from 'node:crypto'
import type { WebSocket } from 'ws'
import { readThrough } from '../checker/audit.js'
import { check } from '../checker/check.js'
import { RecordedClient } from '../checker/recorded-client.js'
import type { Target } from '../target.js'
import { judge, type Unfinished, type Verdict } from './judge.js'
import { Line } from './line.js'
import type { Tally } from './tally.js'
import { TimedRecording } from './timed-recording.js'

const CUT_EVERY_MS = 2_000
const LEAVE_EVERY_MS = 7_000
/** So that few of them count as connections of the user, and the server notices some by itself. */
const HALF_OPEN_MS = 15_000
const MOST_HALF_OPEN = 2
const PAGE_EVERY_MS = 3_000
/** The default limit allows two pages of history a second, for one user. */
const AUDIT_EVERY_MS = 700
const AUDITS = 2
const AUDIT_MS = 10_000
/** When everything has been acknowledged, what is on its way to a reader arrives within this time. */
const CATCH_UP_MS = 5_000
/** After this time, what waits for an answer is sent again on a new connection. */
const REPEAT_MS = 4_000
const PAGE = 50

export interface RoundOptions {
  readonly target: Target
  readonly clients: number
  readonly perSecond: number
  /** How many messages of one client may wait for an answer. */
  readonly mostWaiting: number
  readonly ms: number
  /** How long to wait at the end for what has no answer yet, in ms. */
  readonly patienceMs: number
  readonly signal: AbortSignal
  readonly tally: Tally
}

/** Clients that talk in new rooms while their connections break, and what became of what they said. */
export class Round {
  readonly #recording: TimedRecording
  readonly #clients: RecordedClient[] = []
  readonly #lines = new Map<string, Line>()
  readonly #rooms: readonly string[]
  readonly #halfOpen = new Set<WebSocket>()
  #written = 0

  constructor(private readonly options: RoundOptions) {
    const { target, clients, tally } = options
    this.#recording = new TimedRecording(AUDIT_MS, tally, (client) => this.#lines.get(client)?.live())
    const count = Math.max(1, Math.floor(clients / 2))
    this.#rooms = Array.from(
      { length: Math.min(count, Math.ceil(clients / 4) + 1) },
      () => `${target.room}${randomBytes(6).toString('hex')}`,
    )
    tally.rooms += this.#rooms.length
  }

  async play(): Promise<Verdict> {
    const { options } = this
    try {
      // Those of a room connect one after the other: a balancer that goes round must not lead them all to the same server.
      const room = (index: number) => Math.floor((index * this.#rooms.length) / options.clients)
      for (let index = 0; index < options.clients; index++)
        this.#clients.push(this.#enter(`client ${index + 1}`, this.#rooms[room(index)] ?? ''))
      await this.#misbehave()
      const unfinished = await this.#finish()
      const { events, complaints, refusals } = this.#recording
      return judge({
        history: events,
        violations: check(events),
        complaints,
        refusals: [...refusals],
        unfinished,
      })
    } finally {
      for (const client of this.#clients) this.#close(client)
      for (const socket of this.#halfOpen) socket.terminate()
    }
  }

  #enter(name: string, room: string): RecordedClient {
    const { target, tally } = this.options
    const line = new Line(target, tally)
    this.#lines.set(name, line)
    const { dial, pauseMs } = line
    const { token } = target
    const options = {
      name,
      room,
      dial,
      pauseMs,
      ...(token !== undefined && { token }),
    }
    return new RecordedClient(options, this.#recording)
  }

  /** Lets the clients talk, and breaks their connections, until the time is over or somebody stops it. */
  #misbehave(): Promise<void> {
    const { ms, perSecond, signal } = this.options
    const timers = [
      setInterval(() => this.#say(), 1_000 / perSecond),
      setInterval(() => this.#cut(), CUT_EVERY_MS),
      setInterval(() => this.#leave(), LEAVE_EVERY_MS),
      setInterval(() => this.#page(), PAGE_EVERY_MS),
    ]
    return new Promise((resolve) => {
      const end = () => {
        for (const timer of [...timers, timeout]) clearInterval(timer)
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timeout = setTimeout(end, ms)
      if (signal.aborted) end()
      else signal.addEventListener('abort', end)
    })
  }

  #say(client = pick(this.#clients)): void {
    // While the server is away, what nobody takes does not pile up.
    if (client && client.outbox.length < this.options.mostWaiting) client.write(`verify ${++this.#written}`)
  }

  #cut(): void {
    const client = pick(this.#clients.filter(({ isLive }) => isLive))
    if (!client) return
    this.#lines.get(client.name)?.willCut()
    client.cut()
    this.options.tally.cuts++
  }

  #leave(): void {
    const client = pick(this.#clients.filter(({ isLive }) => isLive))
    if (!client || this.#halfOpen.size >= MOST_HALF_OPEN) return
    const line = this.#lines.get(client.name)
    line?.willCut()
    line?.left()
    const socket = client.leaveHalfOpen()
    if (!socket) return
    this.options.tally.halfOpen++
    this.#halfOpen.add(socket)
    const timer = setTimeout(() => socket.terminate(), HALF_OPEN_MS)
    socket.once('close', () => {
      clearTimeout(timer)
      this.#halfOpen.delete(socket)
    })
  }

  #close(client: RecordedClient): void {
    this.#lines.get(client.name)?.willCut()
    client.close()
  }

  #page(): void {
    const client = pick(this.#clients.filter(({ isLive }) => isLive))
    client?.page({ before: (client.cursor?.offset ?? 0) + 1, limit: PAGE })
  }

  /** Returns what did not come to an end. */
  async #finish(): Promise<readonly Unfinished[]> {
    const unfinished: Unfinished[] = []
    const within = async (isTrue: () => boolean, what: Unfinished, patienceMs = this.options.patienceMs) => {
      await this.#recording.until(isTrue, what, patienceMs).catch(() => unfinished.push(what))
    }
    // After the last restart of a server that keeps nothing, the newest log would otherwise be unknown.
    for (const room of this.#rooms) this.#say(this.#clients.find((client) => client.room === room))
    const repeat = setTimeout(() => this.#cutWhoWait(), REPEAT_MS)
    await within(() => this.#clients.every(({ isLive, outbox }) => isLive && outbox.isEmpty), 'answers')
    clearTimeout(repeat)
    if (unfinished.length === 0) await within(() => this.#haveCaughtUp(), 'messages', CATCH_UP_MS)
    for (const room of this.#rooms)
      if (!unfinished.includes('pages') && !(await this.#audit(room))) unfinished.push('pages')
    return unfinished
  }

  /** An answer may have been lost on a connection that seems whole. */
  #cutWhoWait(): void {
    for (const client of this.#clients) {
      if (client.outbox.isEmpty) continue
      this.#lines.get(client.name)?.willCut()
      client.cut()
    }
  }

  /** Whether the readers of each room have seen the same newest entry. */
  #haveCaughtUp(): boolean {
    return this.#rooms.every((room) => {
      const cursors = this.#clients.filter((client) => client.room === room).map(({ cursor }) => cursor)
      return new Set(cursors.map((cursor) => `${cursor?.epoch} ${cursor?.offset}`)).size <= 1
    })
  }

  /** Reads a room from its first entry to its last; returns whether it could. */
  async #audit(room: string): Promise<boolean> {
    // The server is away: a reader would wait in vain.
    if (!this.#clients.some(({ isLive }) => isLive)) return false
    for (let attempt = 1; attempt <= AUDITS; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, AUDIT_EVERY_MS))
      const auditor = this.#enter(`auditor ${attempt} of ${room}`, room)
      try {
        await readThrough(auditor, this.#recording)
        return true
      } catch {
        // A restart may have come between: a second reader finds out.
      } finally {
        this.#close(auditor)
      }
    }
    return false
  }
}

function pick<T>(items: readonly T[]): T | undefined {
  return items[Math.floor(Math.random() * items.length)]
}
