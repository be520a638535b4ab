import { expect, it } from 'vitest'
import type { NodeLink } from '../../src/api/contracts/backplane.js'
import { silentLogger } from '../../src/api/contracts/logger.js'
import { memory } from '../../src/backplane/memory/memory.js'
import { openRoomReader } from '../../src/engine/changes/room-reader.js'
import { Authors } from '../../src/engine/rooms/authors.js'
import { SharedPages } from '../../src/engine/rooms/shared-pages.js'
import { VirtualClock } from '../../src/testing/virtual-clock.js'

/** A log, and the pages that its readers share. They are never forgotten here, as within a quarter of a second. */
async function log() {
  const clock = new VirtualClock()
  const backplane = memory()
  let ids = 0
  const newId = () => `id-${++ids}`
  const node: NodeLink = {
    ...{ clock, logger: silentLogger, graceMs: 0, listedMembers: 1, newId },
    receive() {},
  }
  await backplane.start(node)
  const deps = {
    backplane,
    pages: new SharedPages(backplane, new Authors(undefined, clock, 0), 2 ** 20),
    clock,
    logger: silentLogger,
  }
  const publish = (text: string) =>
    backplane.publish('room', { id: newId(), message: { type: 'noted', text }, timestampMs: 0 })
  return { clock, publish, open: () => openRoomReader('room', undefined, deps) }
}

const textsOf = (news: Awaited<ReturnType<Awaited<ReturnType<typeof openRoomReader>>['next']>>) =>
  news?.entries.map(({ text }) => JSON.parse(text).text)

it('a reader that has found nothing gets the next entry at once, and not the empty page again', async () => {
  const { clock, publish, open } = await log()
  const reader = await open()
  const nothing = reader.next(1_000)
  await clock.advance(1_000)
  expect(textsOf(await nothing)).toEqual([])
  const next = reader.next(1_000)
  await publish('one')
  await clock.settle()
  expect(textsOf(await next)).toEqual(['one'])
})

it('readers that wait at one place read one page', async () => {
  const { publish, open } = await log()
  const [ana, bob] = [await open(), await open()]
  const [forAna, forBob] = [ana.next(1_000), bob.next(1_000)]
  await publish('one')
  const [first, second] = [await forAna, await forBob]
  expect(textsOf(first)).toEqual(['one'])
  expect(second?.entries).toBe(first?.entries)
})

it('a reader that is closed while it waits gets nothing more', async () => {
  const { publish, open } = await log()
  const reader = await open()
  const next = reader.next(1_000)
  reader.close()
  await publish('one')
  expect(await next).toBeUndefined()
  expect(await reader.next(1_000)).toBeUndefined()
})
