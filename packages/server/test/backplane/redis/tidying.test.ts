import { VirtualClock } from '@roomful/server/testing'
import { expect, it, onTestFinished } from 'vitest'
import { RedisServer } from '../../../../../test/support/redis.js'
import { Keys } from '../../../src/backplane/redis/keys.js'
import type { LogUpkeep } from '../../../src/backplane/redis/log-upkeep.js'
import { Tidying } from '../../../src/backplane/redis/tidying.js'
import { keyed, TestNode, until } from './nodes.js'

it('a log in Redis that nobody uses any more loses its old entries and records, and keeps its head', async () => {
  const store = await RedisServer.start()
  onTestFinished(() => store.remove())
  // What the prefix has in common with a pattern finds no other logs.
  const prefix = 'a[*]?\\b'
  const first = await TestNode.start({ url: store.url, prefix, historyMs: 50 })
  for (const room of ['r', 's', 't']) {
    for (const text of ['one', 'two']) await first.publish(room, text, text)
    await first.backplane.publish(room, keyed('three', 'order 7'))
  }
  await first.backplane.close()
  const keys = new Keys(prefix, 0)
  for (const n of [1, 2]) {
    const [digest, , ...rest] = String(await store.command('HGET', keys.log('r'), `q${n}`)).split('\n')
    await store.command('HSET', keys.log('r'), `q${n}`, [digest, 1, ...rest].join('\n'))
  }
  await store.command('DEL', keys.tidying)
  const second = await TestNode.start({ url: store.url, prefix, historyMs: 50 })
  onTestFinished(() => second.backplane.close())
  const fieldsOf = async (room: string) =>
    ((await store.command('HKEYS', keys.log(room))) as string[]).map((field) => field.slice(0, 1)).sort()
  await until(
    async () => (await Promise.all(['r', 's', 't'].map(fieldsOf))).flat().every((field) => !/\d/.test(field)),
    () => 'entries are left',
  )
  expect(await fieldsOf('r')).toEqual(['h'])
  expect(await fieldsOf('s')).toEqual(['d', 'd', 'h', 'q', 'q'])
  expect(Number(await store.command('PTTL', keys.tidying))).toBeGreaterThan(0)
  const { position } = await second.publish('r', 'four')
  expect(position.offset).toBe(4)
})

/** Logs that a node may tidy, in pages, and what it did. */
function upkeepOf(pages: number, mayTakeTurn = () => true) {
  const tidied: string[] = []
  const upkeep = {
    takeTurn: async () => mayTakeTurn(),
    keepTurn: async () => {},
    streams: async (cursor: string) => {
      const page = Number(cursor)
      return { streams: [`r${page}`], cursor: `${(page + 1) % pages}` }
    },
    tidy: async (stream: string) => {
      tidied.push(stream)
      return tidied.length === 2
    },
  }
  return { upkeep: upkeep as unknown as LogUpkeep, tidied }
}

function tidyingOf(upkeep: LogUpkeep) {
  const clock = new VirtualClock()
  const failures: unknown[] = []
  new Tidying(
    upkeep,
    clock,
    () => true,
    (error) => failures.push(error),
  ).start()
  return { clock, failures }
}

it('logs in Redis are tidied a page a second, each until there is no more, and then not for a minute', async () => {
  const { upkeep, tidied } = upkeepOf(3)
  const { clock } = tidyingOf(upkeep)
  await clock.advance(2_500)
  expect(tidied).toEqual(['r0', 'r1', 'r1'])
  await clock.advance(60_000)
  expect(tidied).toEqual(['r0', 'r1', 'r1', 'r2'])
  await clock.advance(3_000)
  expect(tidied.slice(4)).toEqual(['r0', 'r1', 'r2'])
})

it('logs in Redis are tidied by one node, and a failure is tried again after a minute', async () => {
  let failing = true
  const { upkeep, tidied } = upkeepOf(1, () => {
    if (failing) throw new Error('gone')
    return true
  })
  const { clock, failures } = tidyingOf(upkeep)
  await clock.advance(30_000)
  expect(failures).toHaveLength(1)
  failing = false
  await clock.advance(32_000)
  expect(tidied).toEqual(['r0'])
  const { upkeep: others, tidied: nothing } = upkeepOf(1, () => false)
  await tidyingOf(others).clock.advance(30_000)
  expect(nothing).toEqual([])
})
