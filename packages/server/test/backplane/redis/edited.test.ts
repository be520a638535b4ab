import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { RedisServer } from '../../../../../test/support/redis.js'
import type { Position } from '../../../src/api/contracts/backplane.js'
import { Keys } from '../../../src/backplane/redis/keys.js'
import { TestNode, told, until } from './nodes.js'

let store: RedisServer
beforeAll(async () => {
  store = await RedisServer.start()
})
afterAll(() => store.remove())

const newest = { before: undefined, limit: 1_000, maxBytes: 1_000_000 }
const nodes: TestNode[] = []
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.backplane.close()
})

/** A room with messages, and a node that follows it and compares its end with the log only when something shows. */
async function roomOf(...texts: string[]) {
  const prefix = randomUUID()
  const node = await TestNode.start({ url: store.url, prefix, headCheckMs: 60_000 })
  nodes.push(node)
  const events = await node.listen('r')
  const positions: Position[] = []
  for (const text of texts) positions.push((await node.publish('r', text, text)).position)
  await until(
    () => events.length === texts.length,
    () => told(events),
  )
  const read = async () => {
    const page = await node.backplane.read('r', newest)
    return told(page.entries.map((entry) => ({ kind: 'entry', entry, epoch: page.epoch })))
  }
  const fault = async (offset: number) => {
    const since = positions[offset - 1]
    return (await node.backplane.read('r', { ...newest, after: offset }, since)).fault
  }
  const after = async (count: number) => {
    await until(
      () => events.length >= texts.length + count,
      () => told(events),
    )
    return told(events).slice(texts.length)
  }
  return { node, log: new Keys(prefix, 0).log('r'), positions, read, fault, after }
}

describe('[H12] [M11] a log of which somebody deleted', () => {
  it('a log whose newest entries somebody deleted takes messages at once, as a fork that is told', async () => {
    const { node, log, positions, read, fault, after } = await roomOf('one', 'two', 'three', 'four')
    await store.command('HDEL', log, '3', '4')
    const { position } = await node.publish('r', 'five')
    expect([position.offset, position.epoch]).toEqual([3, positions[0]?.epoch])
    expect(await after(2)).toEqual(['resync forked at 2', 'five'])
    await node.publish('r', 'six')
    expect(await after(3)).toEqual(['resync forked at 2', 'five', 'six'])
    expect(await read()).toEqual(['one', 'two', 'five', 'six'])
    expect([await fault(2), await fault(3), await fault(4)]).toEqual([undefined, 'forked', 'forked'])
  })

  it('a log whose newest entries somebody deleted is told by the head check, even if nobody writes', async () => {
    const { node, log, after } = await roomOf('one', 'two', 'three')
    await store.command('HDEL', log, '3')
    await store.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    expect(await after(1)).toEqual(['resync forked at 2'])
    await node.publish('r', 'four')
    expect(await after(2)).toEqual(['resync forked at 2', 'four'])
  })

  it('[M7] a log whose newest entry somebody deleted takes the repeat of that one again, and knows the repeats of the others', async () => {
    const { node, log } = await roomOf('one', 'two', 'three')
    await store.command('HDEL', log, '3')
    expect(await node.publish('r', 'three', 'three')).toMatchObject({
      duplicate: false,
      position: { offset: 3 },
    })
    expect(await node.publish('r', 'two', 'two')).toMatchObject({ duplicate: true, position: { offset: 2 } })
  })

  it('a log of which somebody deleted an entry in the middle has lost what was before, and tells readers from there', async () => {
    const { node, log, read, fault, after } = await roomOf('one', 'two', 'three', 'four', 'five')
    await store.command('HDEL', log, '3')
    expect([await fault(1), await fault(2), await fault(3), await fault(4)]).toEqual([
      'expired',
      'expired',
      undefined,
      undefined,
    ])
    expect(await read()).toEqual(['four', 'five'])
    await node.publish('r', 'six')
    expect(await after(1)).toEqual(['six'])
  })

  it.each([
    ['all entries', 'HDEL <log> 1 2 3 4 5', 'expired', 6],
    ['what is known of its end', 'HDEL <log> h', 'epoch_changed', 1],
    ['all of it', 'DEL <log>', 'epoch_changed', 1],
  ])(
    'a log of which somebody deleted: %s goes on, and tells readers from before',
    async (_, command, why, offset) => {
      const { node, log, read, fault } = await roomOf('one', 'two', 'three', 'four', 'five')
      await store.command(...command.replace('<log>', log).split(' '))
      expect((await node.publish('r', 'next')).position.offset).toBe(offset)
      expect(await fault(3)).toBe(why)
      expect(await read()).toEqual(['next'])
    },
  )
})
