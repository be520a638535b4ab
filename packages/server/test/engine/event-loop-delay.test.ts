import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { EventLoopDelay } from '../../src/engine/process/event-loop-delay.js'

/** The longest delay since the last call, in seconds; `undefined` if nothing was measured. */
function longest(delay: EventLoopDelay): number | undefined {
  const [, value] = /^d\{quantile="1"\} (\S+)$/m.exec(delay.samples('d')) ?? []
  return value === undefined ? undefined : Number(value)
}

function block(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

it('the event loop delay shows code that blocks, in the scrape after it alone', async () => {
  const delay = new EventLoopDelay()
  onTestFinished(() => delay.stop())
  expect(longest(delay)).toBeUndefined()
  await expect.poll(() => longest(delay)).toBeDefined()
  await sleep(50)
  block(1_000)
  await sleep(50)
  expect(longest(delay)).toBeGreaterThan(0.9)
  await sleep(50)
  expect(longest(delay)).toBeLessThan(0.9)
})

it('the event loop delay adds up over scrapes, and is no longer measured once it is stopped', async () => {
  const delay = new EventLoopDelay()
  const totals = () => /^d_sum (\S+)\nd_count (\S+)$/m.exec(delay.samples('d'))?.slice(1).map(Number) ?? []
  expect(totals()).toEqual([0, 0])
  await expect.poll(() => totals()[1]).toBeGreaterThan(5)
  const [sum = 0, count = 0] = totals()
  await sleep(50)
  block(500)
  await sleep(50)
  const [laterSum = 0, laterCount = 0] = totals()
  expect(laterSum - sum).toBeGreaterThan(0.4)
  expect(laterCount).toBeGreaterThan(count)
  delay.stop()
  totals()
  const stopped = totals()
  await sleep(100)
  expect(totals()).toEqual(stopped)
})
