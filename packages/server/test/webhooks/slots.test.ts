import { expect, it } from 'vitest'
import { Slots } from '../../src/webhooks/slots.js'

it('slots run so many tasks at the same time, and the others in their order, whether those before fail or not', async () => {
  const slots = new Slots(2)
  const started: number[] = []
  const ends: (() => void)[] = []
  const run = (n: number) =>
    slots.run(async () => {
      started.push(n)
      await new Promise<void>((resolve) => ends.push(resolve))
      if (n === 1) throw new Error('the first fails')
      return n
    })
  const results = Promise.allSettled([run(1), run(2), run(3), run(4)])
  await Promise.resolve()
  expect(started).toEqual([1, 2])
  ends[0]?.()
  await new Promise((resolve) => setImmediate(resolve))
  expect(started).toEqual([1, 2, 3])
  ends[1]?.()
  await new Promise((resolve) => setImmediate(resolve))
  for (const end of ends) end()
  expect((await results).map(({ status }) => status)).toEqual([
    'rejected',
    'fulfilled',
    'fulfilled',
    'fulfilled',
  ])
})
