import { expect, it } from 'vitest'
import { answerTo, DiskStage } from './disk-stage.js'
import { judgeOrder } from './sync-order.js'

async function outcome(stage: DiskStage, client: Awaited<ReturnType<DiskStage['enter']>>, mark?: string) {
  client.frames.length = 0
  return answerTo(client, stage.send(client, 'one', mark))
}

it('[M14] after a sync has failed, nothing is acknowledged until a commit has succeeded on the same connection', async () => {
  const stage = await DiskStage.open()
  const client = await stage.enter('one')
  const before = stage.newMark()
  expect(await outcome(stage, client, before)).toMatchObject({ type: 'ack', offset: 1 })

  stage.shim.failOnce()
  const mark = stage.newMark()
  expect(await outcome(stage, client, mark)).toMatchObject({ type: 'error', code: 'unavailable' })
  expect(await stage.server.status('readyz')).toBe(503)
  // A repeat changes nothing in the log, so its commit alone would not show that the disk works.
  stage.shim.failOnce()
  expect(await outcome(stage, client, before)).toMatchObject({ type: 'error', code: 'unavailable' })
  expect(await outcome(stage, client, before)).toMatchObject({ type: 'ack', offset: 1, duplicate: true })
  expect(await outcome(stage, client, mark)).toMatchObject({ type: 'ack', offset: 2, duplicate: false })
  expect(await stage.server.status('readyz')).toBe(200)

  const events = stage.shim.events()
  expect(judgeOrder(events).early).toEqual([])
  expect(events.filter(({ kind }) => kind === 'failed')).toHaveLength(2)
  expect(events.filter(({ kind }) => kind === 'closed')).toEqual([])
})

it('[M11] what a failed sync left in the log of changes is gone after a kill, and what was acknowledged after it is there', async () => {
  const stage = await DiskStage.open()
  const client = await stage.enter('one')
  const [kept, refused, later] = [stage.newMark(), stage.newMark(), stage.newMark()]
  expect(await outcome(stage, client, kept)).toMatchObject({ type: 'ack', offset: 1 })
  stage.shim.failOnce()
  expect(await outcome(stage, client, refused)).toMatchObject({ type: 'error', code: 'unavailable' })
  expect(await outcome(stage, client, later)).toMatchObject({ type: 'ack', offset: 2 })
  await stage.server.kill()
  await stage.server.restart()
  const reader = await stage.enter('one')
  const { messages = [] } = await reader.join('one', { history: 10 })
  expect(messages.map((entry) => 'message' in entry && entry.message)).toEqual([kept, later])
})
