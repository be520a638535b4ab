import { VirtualClock } from '@roomful/server/testing'
import { expect, it } from 'vitest'
import type { LogPage } from '../../../src/api/contracts/backplane.js'
import { Feed } from '../../../src/backplane/redis/feed.js'

const at = (offset: number) => ({ epoch: 'e', offset, id: offset ? `a${offset}` : 'e' })

it('the feed of a Redis log stops at a repair that nobody waits for any more: it does not keep the node busy for ever', async () => {
  const page: LogPage = {
    entries: [],
    epoch: 'e',
    head: at(0),
    more: true,
    truncated: false,
    oldestOffset: 1,
  }
  const clock = new VirtualClock()
  let answer = () => {}
  const feed = new Feed('room', {
    clock,
    read: () =>
      new Promise((resolve) => {
        answer = () => resolve({ ...page, fault: undefined })
      }),
    relayed() {},
    failed() {},
  })
  const listener = () => {}
  feed.listeners.add(listener)
  feed.start(at(0))
  const entry = { offset: 2, id: 'a2', previousId: 'a1', text: '' }
  feed.receive({ kind: 'entry', epoch: 'e', entry })

  feed.listeners.delete(listener)
  answer()
  await clock.settle()
  expect(clock.pending).toBe(0)
})

it('[P2] the feed of a Redis log finds a change of presence that was lost before any other came', () => {
  const feed = new Feed('room', { clock: new VirtualClock(), read: never, relayed() {}, failed() {} })
  const told: string[] = []
  feed.listeners.add(({ kind }) => told.push(kind))
  feed.start(at(0))
  feed.presentAt(7)
  for (let checks = 0; checks < 2; checks++) feed.check({ head: at(0), presenceVersion: 8 }, feed.state)
  expect(told).toEqual(['presence_missed'])
})

function never(): Promise<never> {
  throw new Error('Nothing is to be read')
}
