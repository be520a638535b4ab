import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SmallMap, SmallSet } from '../../src/util/small-collections.js'

const steps = fc.array(
  fc.record({ key: fc.constantFrom('a', 'b', 'c'), value: fc.nat(9), isAdded: fc.boolean() }),
  { maxLength: 20 },
)

describe('small collections', () => {
  it('whatever comes and goes, a small set is as a Set', () => {
    const property = fc.property(steps, (steps) => {
      const [small, model] = [new SmallSet<string>(), new Set<string>()]
      for (const { key, isAdded } of steps) {
        if (isAdded) {
          small.add(key)
          model.add(key)
        } else {
          expect(small.delete(key)).toBe(model.delete(key))
        }
        expect(small.size).toBe(model.size)
        expect([...small]).toEqual([...model])
        for (const each of ['a', 'b', 'c']) expect(small.has(each)).toBe(model.has(each))
      }
    })
    fc.assert(property, { numRuns: 500 })
  })

  it('whatever comes and goes, a small map is as a Map', () => {
    const property = fc.property(steps, (steps) => {
      const small = new SmallMap<{ readonly key: string; readonly value: number }>(({ key }) => key)
      const model = new Map<string, { readonly key: string; readonly value: number }>()
      for (const { key, value, isAdded } of steps) {
        if (isAdded) {
          small.set({ key, value })
          model.set(key, { key, value })
        } else {
          small.delete(key)
          model.delete(key)
        }
        expect(small.size).toBe(model.size)
        expect(small.keys()).toEqual([...model.keys()])
        for (const key of ['a', 'b', 'c']) {
          expect(small.get(key)).toEqual(model.get(key))
          expect(small.has(key)).toBe(model.has(key))
        }
      }
    })
    fc.assert(property, { numRuns: 500 })
  })
})
