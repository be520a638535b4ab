import { randomUUID } from 'node:crypto'
import { type Backplane, type Draft, silentLogger, systemClock } from '@roomful/server'
import { type RedisOptions, redis } from '@roomful/server/redis'
import type { RedisServer } from '../../../../../test/support/redis.js'
import type { PublishResult, Relay, StreamEvent } from '../../../src/api/contracts/backplane.js'
import { fingerprint } from '../../../src/backplane/log/fingerprint.js'
import { Keys } from '../../../src/backplane/redis/keys.js'

/** Short enough for a test, long enough for a busy machine. */
const QUICK: RedisOptions = { leaseMs: 1_500, leaseRenewMs: 300, headCheckMs: 300, commandTimeoutMs: 1_000 }

const READ: Readonly<Record<string, readonly string[]>> = {
  hash: ['HGETALL'],
  set: ['SMEMBERS'],
  zset: ['ZRANGE', '0', '-1'],
  string: ['GET'],
}

/** Everything that the keys with a prefix hold, and their names. */
export async function dump(store: RedisServer, prefix: string): Promise<string> {
  const keys = (await store.command('KEYS', `${prefix}:*`)) as string[]
  const values = keys.map(async (key) => {
    const [command = '', ...rest] = READ[String(await store.command('TYPE', key))] ?? []
    return [key, await store.command(command, key, ...rest)]
  })
  return JSON.stringify(await Promise.all(values))
}

/** A node's backplane, with what it told. */
export class TestNode {
  readonly relayed: Relay[] = []
  readonly logged: string[] = []

  private constructor(readonly backplane: Backplane) {}

  static async start(options: RedisOptions, graceMs = 500): Promise<TestNode> {
    const node = new TestNode(redis({ ...QUICK, ...options }))
    await node.backplane.start({
      clock: systemClock,
      logger: { ...silentLogger, warn: (_, event) => node.logged.push(event) },
      graceMs,
      listedMembers: 200,
      newId: randomUUID,
      receive: (relay) => node.relayed.push(relay as Relay),
    })
    return node
  }

  async listen(stream: string): Promise<StreamEvent[]> {
    const events: StreamEvent[] = []
    await this.backplane.subscribe(stream, (event) => events.push(event))
    return events
  }

  async publish(stream: string, text: string, clientId?: string): Promise<Accepted> {
    const result = await this.backplane.publish(stream, draft(text, clientId))
    if (result.status !== 'accepted') throw new Error(`'${text}' was not accepted`)
    return result
  }
}

export function keyed(text: string, key: string): Draft {
  return { ...draft(text), idempotency: { key, fingerprint: fingerprint(text) } }
}

export type Accepted = Extract<PublishResult, { status: 'accepted' }>

export function draft(text: string, clientId?: string): Draft {
  const sender = clientId !== undefined && {
    sender: { userId: 'ada', clientId, fingerprint: fingerprint(text) },
  }
  return { id: randomUUID(), message: { message: text }, timestampMs: 1_767_225_600_000, ...sender }
}

/** The offset of the newest entry, as a Redis has it; 0 if it has no log. */
export async function newestIn(store: RedisServer, stream: string, prefix = 'roomful'): Promise<number> {
  const head = await store.command('HGET', new Keys(prefix, 0).log(stream), 'h')
  return Number(String(head ?? '').split('\n')[1] ?? 0)
}

/** What happened, in a word each: the text of an entry, the reason of a break, the change of a user. */
export function told(events: readonly StreamEvent[]): string[] {
  return events.map(word)
}

function word(event: StreamEvent): string {
  switch (event.kind) {
    case 'entry':
      return (JSON.parse(event.entry.text) as { message: string }).message
    case 'presence':
      return `${event.change.user.userId} ${event.change.event}`
    case 'resync':
      return `resync ${event.reason} at ${event.head.offset}`
    case 'presence_missed':
      return 'presence missed'
  }
}

/** Waits until something is so. @throws Error that says what was so instead */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  instead: () => unknown,
  ms = 15_000,
): Promise<void> {
  for (const deadline = performance.now() + ms; performance.now() < deadline; ) {
    if (await isSo()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`It never was so; instead: ${JSON.stringify(instead())}`)
}
