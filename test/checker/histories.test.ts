import { expect, it } from 'vitest'
import { record } from './record.js'

/** Short histories; `npm run test:checker` records the long ones. */
const few = {
  clients: 12,
  streams: 6,
  publishers: 3,
  rooms: 3,
  messagesPerSecond: 200,
  durationMs: 4_000,
  cutEveryMs: 150,
  seed: 1,
}
const timeout = 90_000

it('[M10] [M11] [H3] what clients of a server in memory see while connections break has no fault that a checker of the wire finds', {
  timeout,
}, async () => {
  const result = await record('memory', { ...few, killEveryMs: 1_000 })
  expect(result).toMatchObject({ violations: [], complaints: [], kills: 0 })
  expect(result.acked).toBeGreaterThan(300)
  expect(result.ackedByHttp).toBeGreaterThan(30)
  expect(result.streamed).toBeGreaterThan(300)
  expect(result.cuts).toBeGreaterThan(10)
})

it('[M10] [M11] [H6] what clients of two servers on Redis see while one is killed has no fault that a checker of the wire finds', {
  timeout,
}, async () => {
  const result = await record('redis', { ...few, killEveryMs: 1_200 })
  expect(result).toMatchObject({ violations: [], complaints: [] })
  expect(result.acked).toBeGreaterThan(300)
  expect(result.ackedByHttp).toBeGreaterThan(30)
  expect(result.streamed).toBeGreaterThan(300)
  expect(result.kills).toBeGreaterThan(0)
})

it('[M10] [M11] [H6] what clients of a server on SQLite see while it is killed has no fault that a checker of the wire finds', {
  timeout,
}, async () => {
  const result = await record('sqlite', { ...few, killEveryMs: 1_200 })
  expect(result).toMatchObject({ violations: [], complaints: [] })
  expect(result.acked).toBeGreaterThan(300)
  expect(result.ackedByHttp).toBeGreaterThan(30)
  expect(result.streamed).toBeGreaterThan(300)
  expect(result.kills).toBeGreaterThan(0)
})

it('what clients of a server in memory see when it is killed is found to be lost by a checker of the wire', {
  timeout,
}, async () => {
  const { violations } = await record('forgetful', { ...few, durationMs: 2_000, killEveryMs: 900 })
  const kinds = new Set(violations.map(({ kind }) => kind))
  expect([...kinds]).toEqual(expect.arrayContaining(['lost', 'break']))
})
