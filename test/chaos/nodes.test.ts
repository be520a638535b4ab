import { describe, expect, it } from 'vitest'
import { killNodes } from './kills.js'
import { loseAcks } from './lost-acks.js'
import { watchPresence } from './presence.js'
import { raceJoins } from './racing-joins.js'
import { restartInTurn } from './rolling-restart.js'

/** Short forms; `npm run test:chaos` runs the long ones. */
const few = { clients: 24, rooms: 4, messagesPerSecond: 100 }
const timeout = 90_000

describe('several nodes', () => {
  it('[M10] [M11] [H13] several nodes lose, double and reorder nothing when one is killed under load', {
    timeout,
  }, async () => {
    const result = await killNodes({ kills: 2, restMs: 500, ...few })
    expect(result).toMatchObject({ violations: [], breaks: 0 })
    expect(result.resumeMs.length).toBeGreaterThan(few.clients / 2)
    expect(result.acked).toBeGreaterThan(100)
  })

  it('[C20] [H6] several nodes are replaced one after the other without a break', { timeout }, async () => {
    const result = await restartInTurn({ ...few, lagMs: 600, drainMs: 1_500 })
    expect(result).toMatchObject({ violations: [], breaks: 0 })
    expect(result.acked).toBeGreaterThan(100)
  })

  it('[M7] several nodes know a message that another node has accepted', { timeout }, async () => {
    const { violations, repeats } = await loseAcks({ messages: 5_000, writers: 10 })
    expect(violations).toEqual([])
    expect(repeats).toBeGreaterThan(500)
  })

  it('[H3] join history and live without a seam while another node publishes', { timeout }, async () => {
    const { violations, joins } = await raceJoins({ joins: 1_000, pairs: 10 })
    expect(violations).toEqual([])
    expect(joins).toBe(1_000)
  })

  it('[P3] several nodes tell once that the members of a killed one have left, and nothing of those who come back', {
    timeout,
  }, async () => {
    const options = { members: 10, leaseMs: 3_000, graceMs: 2_000, blipMs: 1_500 }
    const result = await watchPresence(options)
    expect(result).toMatchObject({ violations: [], leavesEach: [1, 1], ghosts: 0, flickers: 0 })
    expect(result.ghostMs).toBeLessThan(8_000)
  })
})
