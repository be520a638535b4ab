import { expect, it } from 'vitest'
import { DEFAULT_LIMITS, resolveLimits } from '../../src/api/options/limits.js'

it('limits are numbers above 0; only the window of a flush may be none at all', () => {
  expect(resolveLimits({ flushMs: 0 })).toEqual({ ...DEFAULT_LIMITS, flushMs: 0 })
  for (const [name, value] of [
    ['flushMs', -1],
    ['flushMs', Number.NaN],
    ['flushMessages', 0],
    ['backlogBytes', 0],
  ] as const) {
    expect(() => resolveLimits({ [name]: value })).toThrow(`limits.${name} must be a number above 0`)
  }
})
