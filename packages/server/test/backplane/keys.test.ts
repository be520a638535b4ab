import { randomUUID } from 'node:crypto'
import { type Backplane, type MemoryOptions, memory, silentLogger } from '@roomful/server'
import { VirtualClock } from '@roomful/server/testing'
import { describe, expect, it } from 'vitest'
import { fingerprint } from '../../src/backplane/log/fingerprint.js'
import { Streams } from '../../src/backplane/memory/memory-streams.js'
import { remember } from '../../src/backplane/memory/repeats.js'

const KIB = 1024

async function started(options: MemoryOptions) {
  const clock = new VirtualClock()
  const backplane = memory(options)
  const node = {
    clock,
    logger: silentLogger,
    graceMs: 100,
    listedMembers: 9,
    newId: randomUUID,
    receive() {},
  }
  await backplane.start(node)
  return { backplane, clock }
}

const draftOf = (text: string, key: string) => ({
  id: randomUUID(),
  message: { type: 'noted', text },
  timestampMs: 0,
  idempotency: { key, fingerprint: fingerprint(text) },
})

async function publish(backplane: Backplane, text: string, key = text) {
  const result = await backplane.publish('r', draftOf(text, key))
  return result.status === 'accepted' ? [result.position.offset, result.duplicate] : result.status
}

describe('a key in memory', () => {
  it('a key in memory is known for as long as its entry is kept, however long that is after the window for clients', async () => {
    const { backplane, clock } = await started({ dedupeMs: 1_000, historyMs: 60_000 })
    expect(await publish(backplane, 'one')).toEqual([1, false])
    await clock.advance(59_000)
    expect(await publish(backplane, 'one')).toEqual([1, true])
    await clock.advance(1_000)
    expect(await publish(backplane, 'one')).toEqual([2, false])
  })

  it('a key in memory is free again once the log has dropped its entry, also for another message', async () => {
    const { backplane } = await started({ historyCount: 3 })
    for (const text of ['one', 'two', 'three']) await publish(backplane, text)
    expect(await publish(backplane, 'one')).toEqual([1, true])
    await publish(backplane, 'four')
    expect(await publish(backplane, 'two')).toEqual([2, true])
    expect(await publish(backplane, 'another', 'one')).toEqual([5, false])
  })

  it('keys in memory take no more than twice what the keys of the entries that are kept take, and nothing after them', () => {
    const retention = { count: 1_000_000, entries: 1_000_000, bytes: 64 * KIB, ageMs: 1_000 }
    const window = { count: 1_000, ms: 1_000 }
    const all = new Streams(
      {
        retention,
        window,
        marks: { count: 10, ms: 1_000 },
        streams: 10,
        totalBytes: 1_000_000 * KIB,
        idleMs: 1,
      },
      randomUUID,
    )
    const stream = all.open('r')
    let sizes = 0
    for (let n = 0; n < 10_000; n++) {
      const entry = stream.log.append(randomUUID(), '{', 0)
      remember(all, stream, draftOf('x', `key ${n}`), { ...entry, timestampMs: 0 }, 0)
      all.settle(stream)
      sizes = Math.max(sizes, (stream.keys?.size ?? 0) / stream.log.size)
    }
    expect(sizes).toBeLessThanOrEqual(2)
    while (stream.log.size > 0) stream.log.dropOldest()
    all.settle(stream)
    expect([stream.keys?.size, stream.keys?.bytes]).toEqual([0, 0])
  })
})
