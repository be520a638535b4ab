import { createTestServer } from '@roomful/server/testing'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'setImmediate', 'Date', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

it('the kit works where the test runner has replaced the timers', async () => {
  const { connect, clock } = await createTestServer()
  const ana = await connect()
  await ana.join('general')
  await clock.advance(30_000)
  expect(ana.closed).toBeUndefined()
})

it('the kit may be loaded after the timers were replaced', async () => {
  vi.resetModules()
  const { createTestServer } = await import('@roomful/server/testing')
  const { connect } = await createTestServer()
  expect(await (await connect()).join('general')).toMatchObject({ type: 'joined' })
})
