import { expect, it, onTestFinished } from 'vitest'
import { RedisServer } from '../../../../../test/support/redis.js'
import { Keys } from '../../../src/backplane/redis/keys.js'
import { TestNode, until } from './nodes.js'

const key = new Keys('roomful', 0).restricted('r')
const LONG_MS = 60_000

async function start() {
  const store = await RedisServer.start()
  onTestFinished(() => store.remove())
  const { backplane } = await TestNode.start({ url: store.url })
  onTestFinished(() => backplane.close())
  const { restrictions } = backplane
  if (!restrictions) throw new Error('Redis keeps restrictions')
  return { store, restrictions }
}

it('what is kept of restrictions ends with the last of them', async () => {
  const { store, restrictions } = await start()
  const leftMs = async () => Number(await store.command('PTTL', key))
  await restrictions.set('r', 'ada', 'mute', LONG_MS)
  await restrictions.set('r', 'bob', 'mute', LONG_MS / 2)
  expect(await leftMs()).toBeGreaterThan(LONG_MS / 2)
  await restrictions.set('r', 'cyd', 'ban', Number.POSITIVE_INFINITY)
  expect(await leftMs()).toBe(-1)
  await restrictions.lift('r', 'cyd', 'ban')
  await restrictions.lift('r', 'ada', 'mute')
  expect(await leftMs()).toBeLessThanOrEqual(LONG_MS / 2)
  expect(await leftMs()).toBeGreaterThan(0)
  await restrictions.lift('r', 'bob', 'mute')
  expect(await store.command('EXISTS', key)).toBe(0)
})

it('beside a ban without an end, those that have ended do not pile up', async () => {
  const { store, restrictions } = await start()
  await restrictions.set('r', 'ada', 'ban', Number.POSITIVE_INFINITY)
  const brief = Array.from({ length: 100 }, (_, n) => restrictions.set('r', `brief ${n}`, 'mute', 1))
  await Promise.all(brief)
  await until(
    async () => (await restrictions.list('r', { limit: 10 })).users.length === 1,
    () => 'some have not ended',
  )
  for (let n = 0; n < 200; n++) await restrictions.set('r', 'ada', 'mute', LONG_MS)
  expect(await store.command('HLEN', key)).toBeLessThan(10)
})

it('a list of thousands has each user once, in pages that follow each other', async () => {
  const { restrictions } = await start()
  const ids = Array.from({ length: 3_000 }, (_, n) => `user ${n}`)
  for (let n = 0; n < ids.length; n += 100)
    await Promise.all(ids.slice(n, n + 100).map((id) => restrictions.set('r', id, 'mute', LONG_MS)))
  const listed: string[] = []
  for (let more = true; more; ) {
    const page = await restrictions.list('r', { after: listed.at(-1), limit: 700 })
    listed.push(...page.users.map(({ userId }) => userId))
    more = page.more
  }
  expect(listed).toEqual(ids.toSorted())
})
