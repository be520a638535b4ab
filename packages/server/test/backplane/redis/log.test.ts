import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RedisServer } from '../../../../../test/support/redis.js'
import type { Position } from '../../../src/api/contracts/backplane.js'
import { openText } from '../../../src/backplane/log/log.js'
import { Keys } from '../../../src/backplane/redis/keys.js'
import { LogCalls } from '../../../src/backplane/redis/log-calls.js'
import { APPEND } from '../../../src/backplane/redis/lua/append.js'
import { type RedisOptions, resolveSettings } from '../../../src/backplane/redis/options.js'
import { draft, TestNode, told, until } from './nodes.js'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.remove())

const newest = { before: undefined, limit: 1_000, maxBytes: 1_000_000 }

/** Appends as a node does, with a script of the test's own and to a channel that nobody hears. */
function append(
  script: string,
  prefix: string,
  text: string,
  clientId: string,
  changes?: RedisOptions['changes'],
): Promise<unknown> {
  const settings = resolveSettings({ prefix, ...(changes && { changes }) })
  const { id, message, timestampMs, sender } = draft(text, clientId)
  const rest = { id, timestampMs, sender, idempotency: undefined, newEpoch: randomUUID() }
  const call = new LogCalls(new Keys(prefix, 0), settings).append({
    stream: 'r',
    open: openText(message),
    ...rest,
  })
  const channel = new Keys('unheard', 0).channel('r')
  const args = call.args.toSpliced(CHANNEL, 1, channel).map(String)
  return server.command('EVAL', script, `${call.keys.length}`, ...call.keys, ...args)
}

/** Where the arguments of an append name the channel. */
const CHANNEL = 2

/** The script with an error after each of its lines where one can be; those that would not compile are left out. */
async function failingScripts(): Promise<string[]> {
  const lines = APPEND.split('\n')
  const scripts = lines.map((_, index) => lines.toSpliced(index + 1, 0, "error('injected')").join('\n'))
  const loaded = await Promise.allSettled(scripts.map((script) => server.command('SCRIPT', 'LOAD', script)))
  return scripts.filter((_, index) => loaded[index]?.status === 'fulfilled')
}

/** Makes the records of client messages older, since the time of Redis cannot be set. */
async function letRecordsAge(prefix: string, ms: number): Promise<void> {
  const log = new Keys(prefix, 0).log('r')
  const fields = (await server.command('HKEYS', log)) as string[]
  for (const field of fields.filter((name) => name.startsWith('q'))) {
    const [digest, at, ...rest] = String(await server.command('HGET', log, field)).split('\n')
    await server.command('HSET', log, field, [digest, Number(at) - ms, ...rest].join('\n'))
  }
}

describe('the log in Redis', () => {
  it('[M10] [M11] the log in Redis has no hole and no double after an error behind any line of the script', async () => {
    const scripts = await failingScripts()
    expect(scripts.length).toBeGreaterThan(60)
    const wasInTheMiddle = await Promise.all(
      scripts.map(async (script) => {
        const prefix = randomUUID()
        const node = await TestNode.start({ url: server.url, prefix })
        await append(APPEND, prefix, 'one', 'c1')
        const failed = await append(script, prefix, 'two', 'c2').then(
          () => false,
          () => true,
        )
        const { entries: afterwards } = await node.backplane.read('r', newest)
        await append(APPEND, prefix, 'two', 'c2')
        await append(APPEND, prefix, 'three', 'c3')
        const { entries, epoch } = await node.backplane.read('r', newest)
        expect(told(entries.map((entry) => ({ kind: 'entry', entry, epoch })))).toEqual([
          'one',
          'two',
          'three',
        ])
        expect(entries.map(({ offset }) => offset)).toEqual([1, 2, 3])
        expect(entries.slice(1).map(({ previousId }) => previousId)).toEqual(
          entries.slice(0, -1).map(({ id }) => id),
        )
        await node.backplane.close()
        return failed && afterwards.length === 2
      }),
    )
    expect(wasInTheMiddle.filter(Boolean).length).toBeGreaterThan(3)
  })

  it('the feed in Redis has every entry, in order, after an error behind any line of the script, whether it is repeated or not', async () => {
    const scripts = await failingScripts()
    const repeated = await Promise.all(
      scripts.map(async (script, index) => {
        const prefix = randomUUID()
        const node = await TestNode.start({ url: server.url, prefix, changes: {} })
        await append(APPEND, prefix, 'one', 'c1', {})
        await append(script, prefix, 'two', 'c2', {}).catch(() => undefined)
        if (index % 2 === 0) await append(APPEND, prefix, 'two', 'c2', {})
        await append(APPEND, prefix, 'three', 'c3', {})
        const { entries } = await node.backplane.read('r', newest)
        const page = await node.backplane.changes?.read(undefined, 100, 1_000_000)
        const fed = page?.entries.map(({ entry }) => entry) ?? []
        // Once more at the most, where the error came between an entry and the note that it is fed.
        const first = fed.filter(({ id }, at) => fed.findIndex((other) => other.id === id) === at)
        expect(first).toEqual(entries)
        await node.backplane.close()
        return fed.length > entries.length
      }),
    )
    expect(repeated.filter(Boolean).length).toBeLessThan(10)
  })

  it('the feed in Redis is given what a node without it has accepted, by the next one with it', async () => {
    const prefix = randomUUID()
    const node = await TestNode.start({ url: server.url, prefix, changes: {} })
    for (const text of ['one', 'two']) await append(APPEND, prefix, text, text)
    await append(APPEND, prefix, 'three', 'three', {})
    const page = await node.backplane.changes?.read(undefined, 100, 1_000_000)
    expect(page?.entries.map(({ entry }) => entry)).toEqual((await node.backplane.read('r', newest)).entries)
    expect(page?.entries).toHaveLength(3)
    await node.backplane.close()
  })

  it('the log in Redis repairs a publish that was lost, from the log, by the next one and by the head check', async () => {
    const prefix = randomUUID()
    const node = await TestNode.start({ url: server.url, prefix })
    const events = await node.listen('r')
    await node.publish('r', 'one')
    await append(APPEND, prefix, 'two', 'c2')
    await node.publish('r', 'three')
    await until(
      () => events.length >= 3,
      () => told(events),
      200,
    )
    await append(APPEND, prefix, 'four', 'c4')
    await until(
      () => events.length >= 4,
      () => told(events),
    )
    expect(told(events)).toEqual(['one', 'two', 'three', 'four'])
    await node.backplane.close()
  })

  it('the log in Redis goes on when Redis has forgotten the scripts', async () => {
    const node = await TestNode.start({ url: server.url, prefix: randomUUID() })
    await node.publish('r', 'one')
    await server.command('SCRIPT', 'FLUSH')
    const { position } = await node.publish('r', 'two')
    expect(position.offset).toBe(2)
    await node.backplane.close()
  })

  it.each([
    ['count', { historyCount: 3 }],
    ['bytes', { historyBytes: 3 * (120 + 14) + 20 }],
  ])('[H7] the log in Redis keeps what its %s allows, and tells a reader from before', async (_, bounds) => {
    const node = await TestNode.start({ url: server.url, prefix: randomUUID(), ...bounds })
    const positions: Position[] = []
    for (const text of ['a', 'b', 'c', 'd', 'e']) positions.push((await node.publish('r', text)).position)
    const fault = async (offset: number) => {
      const since = positions[offset - 1]
      return (await node.backplane.read('r', { ...newest, after: offset }, since)).fault
    }
    expect((await node.backplane.read('r', newest)).oldestOffset).toBe(3)
    expect([await fault(1), await fault(2), await fault(3)]).toEqual(['expired', undefined, undefined])
    await node.backplane.close()
  })

  it('[H7] the log in Redis knows its head when its entries have expired', async () => {
    const node = await TestNode.start({ url: server.url, prefix: randomUUID(), historyMs: 200 })
    const { position } = await node.publish('r', 'one', 'c1')
    await new Promise((resolve) => setTimeout(resolve, 300))
    const page = await node.backplane.read('r', { ...newest, after: 1 }, position)
    expect([page.fault, page.entries, page.oldestOffset]).toEqual([undefined, [], 2])
    expect((await node.publish('r', 'one', 'c1')).duplicate).toBe(true)
    const next = await node.publish('r', 'two', 'c2')
    expect([next.position.offset, next.position.epoch]).toEqual([2, position.epoch])
    await node.backplane.close()
  })

  it('[M7] [M13] the log in Redis remembers a message for a minute longer than clients are told, then prunes two with each new one, and refuses a repeat of what it has forgotten', async () => {
    const prefix = randomUUID()
    const node = await TestNode.start({ url: server.url, prefix, dedupeMs: 1_000 })
    const repeat = async (clientId: string, seen?: number) => {
      const { sender, ...one } = draft(clientId, clientId)
      const result = await node.backplane.publish('r', { ...one, sender: sender && { ...sender, seen } })
      return result.status === 'accepted' ? [result.position.offset, result.duplicate] : result.status
    }
    for (const text of ['c1', 'c2', 'c3', 'c4']) await node.publish('r', text, text)
    expect(node.backplane.dedupeWindowMs).toBe(1_000)
    await letRecordsAge(prefix, 55_000)
    await node.publish('r', 'another')
    expect(await repeat('c1', 0)).toEqual([1, true])
    await letRecordsAge(prefix, 10_000)
    await node.publish('r', 'another')
    expect(await repeat('c3', 0)).toEqual([3, true])
    expect(await repeat('c2', 1)).toBe('forgotten')
    expect(await repeat('c2', 2)).toEqual([7, false])
    expect(await repeat('c4', 2)).toBe('forgotten')
    const fields = (await server.command('HKEYS', new Keys(prefix, 0).log('r'))) as string[]
    expect(fields.filter((field) => /^[dq]/.test(field))).toHaveLength(2)
    await node.backplane.close()
  })

  it('the log in Redis leaves no key without an end', async () => {
    const prefix = randomUUID()
    const node = await TestNode.start({ url: server.url, prefix })
    await node.publish('r', 'one', 'c1')
    await node.backplane.enter('r', { userId: 'ada' }, 'c')
    await node.backplane.enter('r', { userId: 'bob' }, 'd')
    await node.backplane.leave('r', 'bob', 'd', true)
    await node.backplane.read('never-used', newest)
    const keys = (await server.command('KEYS', `${prefix}:*`)) as string[]
    const ends = await Promise.all(keys.map((key) => server.command('PTTL', key)))
    const endless = keys.filter((_, index) => Number(ends[index]) < 0)
    expect(keys.length).toBeGreaterThan(5)
    expect(endless).toEqual([`${prefix}:secret`])
    await node.backplane.close()
  })
})
