import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isoTime } from '../../src/util/iso-time.js'

it('a timestamp is what Date makes of it, whatever was asked before', () => {
  const timestampMs = fc.oneof(
    fc.double({ min: 0, max: 253_402_300_799_999, noNaN: true }),
    fc.integer({ min: 1_795_000_000_000, max: 1_795_000_002_000 }),
  )
  fc.assert(
    fc.property(fc.array(timestampMs, { minLength: 1 }), (walls) => {
      expect(walls.map(isoTime)).toEqual(walls.map((each) => new Date(each).toISOString()))
    }),
  )
})
