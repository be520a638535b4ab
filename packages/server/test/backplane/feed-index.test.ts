import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { FeedIndex } from '../../src/backplane/memory/feed-index.js'
import { Streams } from '../../src/backplane/memory/memory-streams.js'

const BYTES = 1_000_000

function started(count: number) {
  const retention = { count, entries: count, bytes: 64 * 1024 * 1024, ageMs: 1_000_000 }
  const bounds = {
    retention,
    window: { count: 1, ms: 1 },
    marks: { count: 1, ms: 1 },
    streams: 100,
    totalBytes: 2 ** 30,
    idleMs: 1,
  }
  const streams = new Streams(bounds, randomUUID)
  let now = 0
  const append = (name: string, index?: FeedIndex) => {
    const { log } = streams.open(name)
    const { offset, id } = log.append(randomUUID(), '{"type":"noted"', now++)
    index?.add(name, log.epoch, offset, id)
  }
  return { streams, append }
}

const places = (index: FeedIndex, ...range: Parameters<FeedIndex['read']>) =>
  index.read(...range).entries.map(({ stream, entry }) => `${stream}${entry.offset}`)

describe('the index of changes in memory', () => {
  it('the index of changes in memory begins with what the logs hold, in the order of time', () => {
    const { streams, append } = started(10)
    for (const name of ['a', 'b', 'a']) append(name)
    const index = new FeedIndex('store', streams, (at) => at)
    append('b', index)
    expect(places(index, undefined, 10, BYTES)).toEqual(['a1', 'b1', 'a2', 'b2'])
    expect(index.read(undefined, 10, BYTES).head.offset).toBe(4)
  })

  it('the index of changes in memory reads up to a hole, and tells of it to who comes there', () => {
    const { streams, append } = started(3)
    const index = new FeedIndex('store', streams, (at) => at)
    for (const name of ['q', 'a', 'a', 'q', 'a', 'a', 'q', 'a']) append(name, index)
    const start = { epoch: 'store', offset: 0, id: 'store' }
    const page = index.read(start, 10, BYTES)
    expect(page).toMatchObject({ entries: [{ stream: 'q', entry: { offset: 1 } }], more: true })
    expect(page.fault).toBeUndefined()
    const cursor = page.entries[0]?.cursor
    expect(index.read(cursor, 10, BYTES)).toMatchObject({ entries: [], more: false, fault: 'expired' })
    expect(places(index, undefined, 10, BYTES)).toEqual(['q2', 'a3', 'a4', 'q3', 'a5'])
  })

  it('the index of changes in memory does not outgrow the logs, and knows what it has forgotten', () => {
    const { streams, append } = started(10)
    const index = new FeedIndex('store', streams, (at) => at)
    append('q', index)
    const [first] = index.read(undefined, 1, BYTES).entries
    let most = 0
    for (let n = 0; n < 50_000; n++) {
      append('a', index)
      most = Math.max(most, index.size)
    }
    expect(most).toBeLessThan(1_100)
    expect(index.read(first?.cursor, 1, BYTES).fault).toBe('expired')
    expect(places(index, undefined, 100, BYTES)).toEqual(
      Array.from({ length: 10 }, (_, n) => `a${n + 49_991}`),
    )
  })
})
