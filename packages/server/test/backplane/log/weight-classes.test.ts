import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WeightClasses } from '../../../src/backplane/log/weight-classes.js'

interface Thing {
  weight: number
}

describe('weight classes', () => {
  it('weight classes find one of the heaviest and of the lightest, to within a factor of two, whatever comes, changes and goes', () => {
    const change = fc.tuple(fc.nat(9), fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 28 })))
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
        const classes = new WeightClasses<Thing>()
        const things: Thing[] = Array.from({ length: 10 }, () => ({ weight: 0 }))
        for (const [index, weight] of changes) {
          const thing = things[index] as Thing
          classes.move(thing, thing.weight, weight)
          thing.weight = weight
          const weights = things.map((each) => each.weight).filter((each) => each > 0)
          if (weights.length === 0) {
            expect([classes.heaviest, classes.lightest]).toEqual([undefined, undefined])
            continue
          }
          expect(2 * Math.max(classes.heaviest?.weight ?? 0, 1024)).toBeGreaterThan(Math.max(...weights))
          expect(classes.lightest?.weight).toBeGreaterThan(0)
          expect(classes.lightest?.weight).toBeLessThan(2 * Math.max(...[1024, Math.min(...weights)]))
        }
      }),
    )
  })

  it('weight classes take those of one class in the order in which they came', () => {
    const classes = new WeightClasses<Thing>()
    const things = Array.from({ length: 100 }, () => ({ weight: 3_000 }))
    for (const thing of things) classes.move(thing, 0, thing.weight)
    const taken: Thing[] = []
    for (let thing = classes.heaviest; thing; thing = classes.heaviest) {
      taken.push(thing)
      classes.move(thing, thing.weight, 0)
    }
    expect(taken.map((thing) => things.indexOf(thing as { weight: number }))).toEqual(
      things.map((_, index) => index),
    )
  })
})
