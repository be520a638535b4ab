import { expect, it } from 'vitest'
import { IMPATIENT } from '../faults/chatter.js'
import { killServer } from './kills.js'

it('[M10] [M11] [H6] a server on SQLite that is killed under load loses, doubles and reorders nothing, and everybody goes on where they were', {
  timeout: 120_000,
}, async () => {
  const load = { clients: 24, rooms: 4, messagesPerSecond: 150, patience: IMPATIENT }
  const result = await killServer({ kills: 3, restMs: 700, ...load })
  expect(result).toMatchObject({ violations: [], breaks: 0, unrecovered: 0 })
  expect(result.liveMs.length).toBeGreaterThan(2 * load.clients)
  expect(result.acked).toBeGreaterThan(150)
})
