import { createTestServer } from '@roomful/server/testing'
import { expect, it } from 'vitest'
import type { Backplane, PresenceSnapshot } from '../../src/api/contracts/backplane.js'
import { memory } from '../../src/backplane/memory/memory.js'

/** A backplane that reads who is present at once, and answers when it is told to. */
function slowToAnswer() {
  const store = memory()
  let answer = () => {}
  const backplane: Backplane = new Proxy(store, {
    get(target, property) {
      if (property === 'present')
        return async (stream: string): Promise<PresenceSnapshot> => {
          const snapshot = await target.present(stream)
          await new Promise<void>((resolve) => {
            answer = resolve
          })
          return snapshot
        }
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return { backplane, answer: () => answer() }
}

it('[P4] a list that was read before a change does not take it back', async () => {
  const { backplane, answer } = slowToAnswer()
  const { connect, clock } = await createTestServer({ backplane, limits: { listedMembers: 2 } })
  const [ana, bob, cem] = [await connect(), await connect(), await connect()]
  for (const client of [ana, bob, cem]) await client.join('r')
  cem.send({ type: 'leave', room_id: 'r' })
  await clock.advance(1_000)
  ana.send({ type: 'presence', room_id: 'r', state: { mood: 'late' } })
  await clock.settle()
  answer()
  await clock.advance(1_000)
  const last = bob.frames.findLast(({ type }) => type === 'presence')
  expect(last).toMatchObject({ event: 'snapshot' })
  expect(last?.members).toContainEqual(expect.objectContaining({ state: { mood: 'late' } }))
})
