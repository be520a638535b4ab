import { expect, it } from 'vitest'
import { chatFrame, errorFrame, joinedFrame, ScriptedServer } from '../support/scripted-server.js'

/** Answers each join and message for ten seconds, and returns how many there were. */
async function asked(
  answer: (
    frame: Record<string, unknown> & { type: string },
  ) => Parameters<ScriptedServer['connection']['says']>,
) {
  const script = new ScriptedServer()
  const room = script.client.room('r')
  await script.connection.welcomes()
  script.connection.take()
  void room.join()
  let count = 0
  for (let ms = 0; ms < 10_000; ms += 10) {
    for (const frame of script.connection.take()) {
      count++
      await script.connection.says(...answer(frame))
      if (count === 1) room.send('hello')
    }
    await script.clock.advance(10)
  }
  script.client.close()
  return count
}

it.each([
  [
    'refuses joins for 0 ms',
    (frame: { type: string; ref?: unknown }) => [
      errorFrame('rate_limited', { ref: frame.ref, retry_after_ms: 0 }),
    ],
  ],
  ['has always more, and never anything', (frame: { type: string }) => [joinedFrame(frame, { more: true })]],
  [
    'leaves a gap after each join',
    (frame: { type: string }) => (frame.type === 'join' ? [joinedFrame(frame), chatFrame(9)] : []),
  ],
  [
    'refuses messages for 0 ms',
    (frame: { type: string; client_id?: unknown }) =>
      frame.type === 'join'
        ? [joinedFrame(frame)]
        : [errorFrame('rate_limited', { client_id: frame.client_id, room_id: 'r', retry_after_ms: 0 })],
  ],
  [
    'calls messages out of order',
    (frame: { type: string; client_id?: unknown }) =>
      frame.type === 'join'
        ? [joinedFrame(frame)]
        : [errorFrame('out_of_order', { client_id: frame.client_id, room_id: 'r' })],
  ],
])('[K3] a server that %s is asked ever later', async (_, answer) => {
  const count = await asked(answer as never)
  expect(count).toBeGreaterThan(2)
  expect(count).toBeLessThan(20)
})

it('[C16] however often the focus comes and goes, one probe is under way, and one goes a second', async () => {
  const script = new ScriptedServer()
  await script.connection.welcomes()
  const pings = () => script.connection.frames.splice(0).filter(({ type }) => type === 'ping')
  const pong = (ping: Record<string, unknown> | undefined) =>
    script.connection.says({ type: 'pong', timestamp: '', id: ping?.id })
  await pong(pings().at(-1))
  await script.clock.advance(5_000)
  for (let i = 0; i < 100; i++) script.signal('visible')
  const [probe, ...more] = pings()
  expect(probe).toBeDefined()
  expect(more).toEqual([])
  await script.clock.advance(1_500)
  script.signal('online')
  expect(pings()).toEqual([])
  await pong(probe)
  for (let i = 0; i < 100; i++) script.signal('visible')
  expect(pings()).toHaveLength(1)
})
