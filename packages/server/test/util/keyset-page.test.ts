import fc from 'fast-check'
import { expect, it } from 'vitest'
import { keysetPage } from '../../src/util/keyset-page.js'

const itself = (key: string) => key

it('pages by key have every item once, in order, and say whether there are more', () => {
  const keys = fc.uniqueArray(
    fc.string({ unit: fc.constantFrom('a', 'b', 'é', '\u{1f600}'), minLength: 1, maxLength: 4 }),
  )
  fc.assert(
    fc.property(keys, fc.integer({ min: 1, max: 7 }), (all, limit) => {
      const walked: string[] = []
      for (let after: string | undefined, more = true; more; ) {
        const page = keysetPage(all, itself, { after, limit })
        walked.push(...page.items)
        after = page.items.at(-1)
        more = page.more
        expect(page.items.length).toBe(Math.min(limit, all.length - (walked.length - page.items.length)))
      }
      expect(walked).toEqual([...all].sort())
    }),
    { numRuns: 1_000 },
  )
})

it('pages by key go on after a key that is gone', () => {
  expect(keysetPage(['a', 'c', 'd'], itself, { after: 'b', limit: 1 })).toEqual({ items: ['c'], more: true })
})
