import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decimal } from '../../src/util/decimal.js'

it('a number in decimal is what String makes of it', () => {
  const near = fc.constantFrom(
    0,
    9,
    999,
    1_000,
    1_001,
    1_999,
    2_000,
    999_999,
    1_000_000,
    2 ** 32,
    2 ** 53 - 1,
  )
  const numbers = fc.array(fc.oneof(near, fc.nat(3_000), fc.maxSafeNat()), { minLength: 1, maxLength: 10 })
  fc.assert(
    fc.property(numbers, (list) => {
      expect(list.map(decimal)).toEqual(list.map(String))
    }),
  )
})
