import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../src/api/contracts/clock.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('the real clock', () => {
  it.each(['after', 'every'] as const)(
    'the timer %s of the real clock: a time longer than a timer can take does not come at once',
    (call) => {
      const task = vi.fn()
      const cancel = systemClock[call](2 ** 31, task)
      vi.advanceTimersByTime(1)
      expect(task).not.toHaveBeenCalled()
      vi.advanceTimersByTime(2 ** 31 - 3)
      expect(task).not.toHaveBeenCalled()
      vi.advanceTimersByTime(1)
      expect(task).toHaveBeenCalledOnce()
      cancel()
    },
  )

  it.each(['after', 'every'] as const)('the timer %s of the real clock: Infinity never comes', (call) => {
    const cancel = systemClock[call](Number.POSITIVE_INFINITY, () => {})
    expect(vi.getTimerCount()).toBe(0)
    cancel()
  })
})
