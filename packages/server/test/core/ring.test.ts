import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Ring } from '../../src/core/ring.js'

describe('A ring', () => {
  it('is a queue, however often it is filled and emptied', () => {
    const steps = fc.array(fc.integer({ min: -200, max: 200 }), { maxLength: 40 })
    fc.assert(
      fc.property(steps, (counts) => {
        const ring = new Ring<{ n: number }>()
        const model: { n: number }[] = []
        let n = 0
        for (const count of counts) {
          for (let i = 0; i < count; i++) {
            const item = { n: n++ }
            ring.push(item)
            model.push(item)
          }
          for (let i = 0; i < -count; i++) expect(ring.shift()).toBe(model.shift())
          expect(ring.length).toBe(model.length)
          expect(Array.from(model, (_, index) => ring.at(index))).toEqual(model)
        }
      }),
    )
  })

  it('has nothing before its oldest and behind its newest', () => {
    const ring = new Ring<{ n: number }>()
    for (let n = 0; n < 5; n++) ring.push({ n })
    ring.shift()
    expect([ring.at(-1), ring.at(0), ring.at(3), ring.at(4)]).toEqual([
      undefined,
      { n: 1 },
      { n: 4 },
      undefined,
    ])
  })
})
