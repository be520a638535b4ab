import { expect, it } from 'vitest'
import { giveMemory, takeMemory } from '../src/spare-memory.js'

it('memory that was given back is used again, also after a burst of a larger size', () => {
  const burst = Array.from({ length: 100 }, () => takeMemory(65_536))
  for (const memory of burst) giveMemory(memory)
  for (const bytes of [2_000, 300, 100_000]) {
    const memory = takeMemory(bytes)
    giveMemory(memory)
    expect(takeMemory(bytes), `${bytes} bytes`).toBe(memory)
  }
})

it.each([0, 1, 256, 257, 4_096, 4_097, 1_048_576, 1_048_577])(
  'memory for %i bytes has them, and at most twice',
  (bytes) => {
    const { length } = takeMemory(bytes)
    expect(length).toBeGreaterThanOrEqual(bytes)
    expect(length).toBeLessThanOrEqual(Math.max(256, 2 * bytes))
  },
)

it('of much memory that was given back, no more than 4 MiB are kept', () => {
  const take = () => Array.from({ length: 500 }, () => takeMemory(32_768))
  const first = take()
  for (const memory of first) giveMemory(memory)
  const again = new Set(take())
  const kept = first.filter((memory) => again.has(memory)).length
  expect(kept * 32_768).toBeGreaterThan(1_048_576)
  expect(kept * 32_768).toBeLessThanOrEqual(4 * 1_048_576)
})

it('no piece of memory is lent to two at a time', () => {
  const lent = new Set<Buffer>()
  for (let n = 0; n < 20_000; n++) {
    const memory = takeMemory(2 ** (n % 22))
    expect(lent.has(memory)).toBe(false)
    lent.add(memory)
    if (n % 3 === 0) continue
    for (const one of [...lent].slice(0, 2)) {
      lent.delete(one)
      giveMemory(one)
    }
  }
})
