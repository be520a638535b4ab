import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FeedEntry } from '../../src/api/contracts/change-feed.js'
import { Progress } from '../../src/engine/changes/progress.js'

const entries = (count: number): FeedEntry[] =>
  Array.from({ length: count }, (_, n) => ({
    stream: 'a',
    epoch: 'e',
    timestampMs: 0,
    entry: { offset: n + 1, id: `${n + 1}`, previousId: `${n}`, text: 'text' },
    cursor: { epoch: 'store', offset: n + 1, id: `${n + 1}` },
  }))

describe('the progress of a consumer', () => {
  it('the progress of a consumer reaches as far as everything is done, and holds what is behind', () => {
    const progress = new Progress()
    const [first, second, third, fourth] = entries(4) as [FeedEntry, FeedEntry, FeedEntry, FeedEntry]
    for (const entry of [first, second, third, fourth]) progress.take(entry)
    progress.finish([second, third])
    expect([progress.reached, progress.count, progress.bytes]).toEqual([undefined, 4, 16])
    progress.finish([first])
    expect([progress.reached, progress.count, progress.bytes]).toEqual([third.cursor, 1, 4])
    progress.finish([fourth])
    expect([progress.reached, progress.count, progress.bytes]).toEqual([fourth.cursor, 0, 0])
  })

  it('the progress of a consumer never passes over what is not done, in whatever order things are', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(entries(20), { minLength: 1 }), (order) => {
        const progress = new Progress()
        const all = order.toSorted((a, b) => a.cursor.offset - b.cursor.offset)
        for (const entry of all) progress.take(entry)
        const open = new Set(all)
        for (const entry of order) {
          progress.finish([entry])
          open.delete(entry)
          const oldest = all.findIndex((one) => open.has(one))
          const reached = oldest < 0 ? all.at(-1) : all[oldest - 1]
          expect(progress.reached).toEqual(reached?.cursor)
        }
      }),
    )
  })
})
