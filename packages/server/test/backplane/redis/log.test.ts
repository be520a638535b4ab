import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RedisServer } from '../../../../../test/support/redis.js'
import type { Position } from '../../../src/api/contracts/backplane.js'
import { openText } from '../../../src/backplane/log/log.js'
import { Keys } from '../../../src/backplane/redis/keys.js'
import { APPEND } from '../../../src/backplane/redis/lua/log.js'
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
  feedCount = '',
): Promise<unknown> {
  const keys = new Keys(prefix, 0)
  const { id, message, timestampMs } = draft(text)
  const args = [
    id,
    openText(message),
    `${timestampMs}`,
    text,
    'unheard',
    '1000',
    '1000000',
    '3600000',
    '600000',
    '86400000',
    randomUUID(),
    '',
    'r',
    feedCount,
    '1000000',
    'unheard',
  ]
  const sent = keys.sent('r', 'ada', clientId)
  const feed = feedCount === '' ? [] : keys.changes
  const all = [keys.log('r'), keys.meta('r'), sent, ...feed]
  return server.command('EVAL', script, `${all.length}`, ...all, ...args)
}

/** The script with an error after each of its lines where one can be; those that would not compile are left out. */
async function failingScripts(): Promise<string[]> {
  const lines = APPEND.split('\n')
  const scripts = lines.map((_, index) => lines.toSpliced(index + 1, 0, "error('injected')").join('\n'))
  const loaded = await Promise.allSettled(scripts.map((script) => server.command('SCRIPT', 'LOAD', script)))
  return scripts.filter((_, index) => loaded[index]?.status === 'fulfilled')
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
        await append(APPEND, prefix, 'one', 'c1', '100')
        await append(script, prefix, 'two', 'c2', '100').catch(() => undefined)
        if (index % 2 === 0) await append(APPEND, prefix, 'two', 'c2', '100')
        await append(APPEND, prefix, 'three', 'c3', '100')
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
    await append(APPEND, prefix, 'three', 'three', '100')
    const page = await node.backplane.changes?.read(undefined, 100, 1_000_000)
    expect(page?.entries.map(({ entry }) => entry)).toEqual((await node.backplane.read('r', newest)).entries)
    expect(page?.entries).toHaveLength(3)
    await node.backplane.close()
  })

  it('the log in Redis appends, not answers, after an error between the record of a message and its entry, even late', async () => {
    const prefix = randomUUID()
    const node = await TestNode.start({ url: server.url, prefix })
    const broken = APPEND.replace('\nadd(log,', "\nerror('injected')\nadd(log,")
    await expect(append(broken, prefix, 'one', 'c1')).rejects.toThrow('injected')
    await append(APPEND, prefix, 'another', 'c2')
    await append(APPEND, prefix, 'one', 'c1')
    const { entries, epoch } = await node.backplane.read('r', newest)
    expect(told(entries.map((entry) => ({ kind: 'entry', entry, epoch })))).toEqual(['another', 'one'])
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

  it('[M7] the log in Redis remembers a message for longer than clients are told, for a repeat that is on its way', async () => {
    const prefix = randomUUID()
    const node = await TestNode.start({ url: server.url, prefix, dedupeMs: 1_000 })
    await node.publish('r', 'one', 'c1')
    const [record = ''] = (await server.command('KEYS', `${prefix}:sent:*`)) as string[]
    expect(node.backplane.dedupeWindowMs).toBe(1_000)
    expect(Number(await server.command('PTTL', record))).toBeGreaterThan(55_000)
    await server.command('DEL', record)
    expect(await node.publish('r', 'one', 'c1')).toMatchObject({ duplicate: false, position: { offset: 2 } })
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
    expect(keys.length).toBeGreaterThan(6)
    expect(endless).toEqual([`${prefix}:secret`])
    await node.backplane.close()
  })
})
