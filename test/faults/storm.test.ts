import { expect, it } from 'vitest'
import { storm } from './storm.js'

it('[M10] [M11] [H13] real connections that are cut, stalled and half-opened under load lose, double and reorder nothing', {
  timeout: 90_000,
}, async () => {
  const result = await storm({
    clients: 24,
    rooms: 3,
    durationMs: 10_000,
    faultEveryMs: 50,
    messagesPerSecond: 100,
    seed: 1,
  })
  expect(result.violations).toEqual([])
  expect(result.breaks, 'a log that keeps everything breaks nowhere').toBe(0)
  expect(result.faults).toBeGreaterThan(50)
  expect(result.acked).toBeGreaterThan(300)
})
