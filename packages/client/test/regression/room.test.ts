import { describe, expect, it } from 'vitest'
import type { ClientOptions } from '../../src/index.js'
import { errorFrame, joinedFrame, ScriptedServer } from '../support/scripted-server.js'

async function live(hello: Record<string, unknown> = {}, options: Partial<ClientOptions> = {}) {
  const script = new ScriptedServer(options)
  const room = script.client.room('r')
  await script.connection.welcomes('me', hello)
  void room.join()
  await script.connection.says(joinedFrame(script.connection.take().at(-1)))
  await script.clock.advance(0)
  return { script, room }
}

describe('an answer that comes too late', () => {
  it('an answer that comes too late to leave does not put the room out that was joined again meanwhile', async () => {
    const { script, room } = await live({}, { timeouts: { requestMs: 1_000 } })
    const left = room.leave()
    const [leave] = script.connection.take()
    await script.clock.advance(1_000)
    await left
    void room.join()
    await script.connection.says({ type: 'left', room_id: 'r', ref: leave?.ref })
    expect(room.status.get().state).not.toBe('denied')
    await script.connection.says(joinedFrame(script.connection.take().at(-1)))
    expect(room.status.get().state).toBe('live')
  })
})

describe('a listener that leaves', () => {
  it('a listener that leaves while the room is about to join leaves no membership behind that nobody knows of', async () => {
    const script = new ScriptedServer()
    const room = script.client.room('r')
    const seen: string[] = []
    await script.connection.welcomes()
    room.status.subscribe(({ state }) => {
      if (state === 'joining') void room.leave()
    })
    room.status.subscribe(({ state }) => seen.push(state))
    room.join().catch(() => {})
    const sent = script.connection.take().filter(({ type }) => type === 'join' || type === 'leave')
    expect(sent.at(-1)?.type).not.toBe('join')
    expect(room.status.get().state).toBe('left')
    expect(seen.at(-1)).toBe('left')
  })
})

it('[J3] a listener that joins again when the room denies or is left is not refused with what was before', async () => {
  const script = new ScriptedServer()
  const room = script.client.room('r')
  let again: Promise<unknown> | undefined
  room.status.subscribe(({ state }) => {
    if (state === 'denied' || state === 'left') again = room.join()
  })
  const lastJoin = () => script.connection.take().findLast(({ type }) => type === 'join')
  const refused = room.join()
  await script.connection.welcomes()
  await script.connection.says(errorFrame('forbidden', { ref: lastJoin()?.ref, room_id: 'r' }))
  await expect(refused).rejects.toMatchObject({ code: 'forbidden' })
  await script.connection.says(joinedFrame(lastJoin()))
  await expect(again).resolves.toMatchObject({ messages: [] })
  void room.leave()
  await script.connection.says(joinedFrame(lastJoin()))
  await expect(again).resolves.toMatchObject({ messages: [] })
  expect(room.status.get().state).toBe('live')
})
