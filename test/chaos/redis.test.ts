import { describe, expect, it } from 'vitest'
import { failOver, fool } from './failover.js'
import { losePublications } from './lost-publications.js'
import { restartRedis } from './redis-restart.js'

/** Short forms; `npm run test:chaos` runs the long ones. */
const few = { clients: 24, rooms: 4, messagesPerSecond: 100 }
const timeout = 90_000

describe('a Redis', () => {
  it('[M11] a Redis that writes each append to the disk is killed and started again, and nothing is missing', {
    timeout,
  }, async () => {
    const result = await restartRedis({ ...few, times: 2, awayMs: 1_000 })
    expect(result).toMatchObject({ violations: [], breaks: 0 })
    expect(result.acked).toBeGreaterThan(100)
  })

  it('[H3] a Redis that loses publications leaves no gap', { timeout }, async () => {
    const result = await losePublications({ ...few, losses: [0.02, 0.1], durationMs: 2_000, tails: 1 })
    expect(result).toMatchObject({ violations: [], breaks: 0 })
    expect(result.dropped).toBeGreaterThan(10)
    expect(result.tailMs).toBeLessThan(12_000)
  })

  it('[M11] a Redis fails over to its replica, which has all that was acknowledged as replicated', {
    timeout,
  }, async () => {
    const result = await failOver({ ...few, durability: 'replicated' })
    expect(result).toMatchObject({ violations: [], lost: 0 })
    expect(result.acked).toBeGreaterThan(100)
  })

  it('[H6] [H8] a Redis whose replica gives lost offsets away again fools nobody: everyone is told', {
    timeout,
  }, async () => {
    const result = await fool()
    expect(result.violations).toEqual([])
    expect(result.lost).toBe(15)
    expect(result).toMatchObject({ told: result.viewers, shownAsLost: result.lost })
  })
})
