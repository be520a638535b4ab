import { describe, expect, it } from 'vitest'
import { fuzz } from './fuzz.js'
import { readSlowly } from './slow-readers.js'

describe('a real server', () => {
  it('[E2] [E4] [E5] [E14] a real server outlives broken frames and raw bytes, and serves those who behave', {
    timeout: 90_000,
  }, async () => {
    const result = await fuzz(20_000, 1)
    expect(result).toMatchObject({ faults: 0, bystanderServed: true })
    expect(result.heapAfter).toBeLessThan(result.heapBefore * 1.1)
  })

  it('[A10] a real server lets slow readers go and come back, and the others see everything in order', {
    timeout: 90_000,
  }, async () => {
    const result = await readSlowly({ healthy: 10, slow: 5, messages: 3_000 })
    expect(result.violations).toEqual([])
    expect(result.backlog).toBeLessThan(result.backlogLimit)
  })
})
