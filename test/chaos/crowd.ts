import type { Observable } from '@roomful/client'
import { Chatter, type Patience } from '../faults/chatter.js'
import { Oracle, type Seen } from '../sim/oracle.js'
import { Random } from '../sim/random.js'
import type { Cluster } from './cluster.js'
import { readLogs } from './logs.js'

export interface CrowdOptions {
  readonly clients: number
  readonly rooms: number
  /** Where each of them dials. */
  readonly port: number
  /** @default that of the client library */
  readonly patience?: Patience
  /** @default one that knows no reason for a break */
  readonly oracle?: Oracle
  /** Begins the names of these clients. @default 'c' */
  readonly prefix?: string
}

const unlimited = Number.POSITIVE_INFINITY
const roomOf = (index: number) => `room-${index}`

/** Real clients who talk in a few rooms, and what the oracle has to say of what they saw. */
export class Crowd {
  readonly oracle: Oracle
  readonly chatters: readonly Chatter[]
  readonly rooms: readonly string[]
  readonly #random = new Random(1)

  constructor({ clients, rooms, port, patience = {}, oracle, prefix = 'c' }: CrowdOptions) {
    this.oracle = oracle ?? new Oracle({ historyCount: unlimited, refusals: new Set() })
    this.rooms = Array.from({ length: rooms }, (_, index) => roomOf(index))
    this.chatters = Array.from(
      { length: clients },
      (_, index) => new Chatter(`${prefix}${index}`, roomOf(index % rooms), port, this.oracle, patience),
    )
  }

  async join(): Promise<void> {
    await Promise.all(this.chatters.map((chatter) => chatter.join()))
  }

  /** Writes at a rate, each time as somebody else, while `act` is under way. */
  async talkDuring<T>(messagesPerSecond: number, act: () => Promise<T>): Promise<T> {
    const startedAt = performance.now()
    let written = 0
    const talk = setInterval(() => {
      const due = ((performance.now() - startedAt) / 1_000) * messagesPerSecond
      for (; written < due; written++) this.#random.pick(this.chatters).write()
    }, 10)
    try {
      return await act()
    } finally {
      clearInterval(talk)
    }
  }

  /** Resolves when all are in their rooms. */
  async live(): Promise<void> {
    await Promise.all(
      this.chatters.map(({ client, roomId }) =>
        until(client.room(roomId).status, ({ state }) => state === 'live'),
      ),
    )
  }

  /** Says something in a room; resolves when these crowds have all seen it there. */
  async say(room: string, times: number, listeners: readonly Crowd[] = [this]): Promise<void> {
    const speaker = this.in(room)[0]
    const sent = await Promise.all(Array.from({ length: times }, () => speaker?.write()))
    const id = sent.at(-1)?.id ?? ''
    await Promise.all(listeners.flatMap((crowd) => crowd.in(room)).map((one) => one.sees(id)))
  }

  /** Resolves when everybody shows a break. */
  async untilBroken(): Promise<void> {
    const isBroken = (entries: readonly { readonly kind: string }[]) =>
      entries.some(({ kind }) => kind === 'break')
    await Promise.all(
      this.chatters.map(({ client, roomId }) => until(client.room(roomId).timeline, isBroken)),
    )
  }

  /** Resolves when every message has its outcome. */
  async outcomes(): Promise<void> {
    await Promise.all(this.chatters.map((chatter) => chatter.settled()))
  }

  /** One more message in each room; resolves when everybody there has seen it as the last. */
  async lastWords(): Promise<void> {
    await Promise.all(this.rooms.map((room) => this.say(room, 1)))
  }

  /** Who is in a room. */
  in(room: string): readonly Chatter[] {
    return this.chatters.filter(({ roomId }) => roomId === room)
  }

  /** Waits until everybody is up to date, and compares what they received with the logs in Redis. */
  verdict(cluster: Cluster, redis: { readonly url: string }): Promise<Verdict> {
    return this.judge(async () => {
      for (const fault of await cluster.faults()) this.oracle.fail(fault)
      return readLogs(redis.url, this.rooms)
    })
  }

  /** Waits until everybody is up to date, and compares what they were told with the logs that are read then. */
  async judge(read: () => Promise<ReadonlyMap<string, readonly Seen[]>>): Promise<Verdict> {
    await this.outcomes()
    await this.lastWords()
    for (const [room, log] of await read()) for (const entry of log) this.oracle.logged(room, entry)
    this.oracle.check()
    const { violations, ackCount: acked, entriesSeen: seen, breaks } = this.oracle
    return { violations, acked, seen, breaks }
  }

  close(): void {
    for (const { client } of this.chatters) client.close()
  }
}

export interface Verdict {
  readonly violations: readonly string[]
  readonly acked: number
  readonly seen: number
  readonly breaks: number
}

/** Resolves when a value is as it should be. */
async function until<T>({ get, subscribe }: Observable<T>, isRight: (value: T) => boolean): Promise<void> {
  if (isRight(get())) return
  await new Promise<void>((resolve) => {
    const off = subscribe((value) => {
      if (!isRight(value)) return
      off()
      resolve()
    })
  })
}
