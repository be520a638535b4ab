import { statSync } from 'node:fs'
import { expect, it, onTestFinished, vi } from 'vitest'
import type { StreamEvent } from '../../../src/api/contracts/backplane.js'
import type { SqliteOptions, SqliteStore } from '../../../src/sqlite.js'
import { VirtualClock } from '../../../src/testing.js'
import { Lines, newFile, opened } from './files.js'

const newest = { before: undefined, limit: 1_000, maxBytes: 10_000_000 }
const MINUTE = 60_000

async function stage(options: Omit<SqliteOptions, 'file'>) {
  const clock = new VirtualClock()
  const lines = new Lines()
  const file = newFile()
  const backplane = await opened({ file, ...options }, { clock, logger: lines.logger })
  onTestFinished(() => backplane.close())
  let sent = 0
  const publish = async (room: string, count: number, text = 'x'.repeat(100)) => {
    for (let i = 0; i < count; i++) {
      const clientId = `c${++sent}`
      const draft = { id: `id-${sent}`, message: { type: 'chat_message', message: text } }
      const sender = { userId: 'ana', clientId, fingerprint: 1 }
      await backplane.publish(room, { ...draft, timestampMs: clock.wallTime(), sender })
    }
  }
  /** As sweeps pass, each of which waits for the file. */
  const sweeps = async (count: number) => {
    for (let i = 0; i < count; i++) {
      await clock.advance(1_000)
      await backplane.read('none', newest)
    }
  }
  return { backplane, clock, lines, file, publish, sweeps }
}

const kept = async (backplane: SqliteStore, room: string) => {
  const { entries, oldestOffset, head } = await backplane.read(room, newest)
  expect(entries.map(({ offset }) => offset)).toEqual(
    Array.from({ length: head.offset - oldestOffset + 1 }, (_, index) => oldestOffset + index),
  )
  return [oldestOffset, head.offset]
}

it('the SQLite backplane keeps everything where nothing else is said', async () => {
  const { backplane, publish, sweeps } = await stage({})
  await publish('r', 300)
  await sweeps(3)
  expect(await kept(backplane, 'r')).toEqual([1, 300])
})

it('the SQLite backplane keeps the newest entries of each room, by count, and tells a reader from before that they are gone', async () => {
  const { backplane, publish, sweeps } = await stage({ retention: { count: 50 } })
  await publish('r', 1)
  const { head: first } = await backplane.read('r', newest)
  await backplane.subscribe('r', () => {})
  await publish('r', 299)
  await sweeps(4)
  expect(await kept(backplane, 'r')).toEqual([251, 300])
  expect(await backplane.read('r', { ...newest, after: 1 }, first)).toMatchObject({
    fault: 'expired',
    truncated: true,
  })
  const { head } = await backplane.read('r', newest)
  expect((await backplane.read('r', newest, head)).fault).toBeUndefined()
})

it('the SQLite backplane keeps entries by the bytes of a room, and by what a function says of its name', async () => {
  const retention = (room: string) => (room === 'small' ? { bytes: 10_000 } : undefined)
  const { backplane, publish, sweeps } = await stage({ retention })
  await publish('small', 100)
  await publish('large', 100)
  await sweeps(4)
  const [oldest, head] = await kept(backplane, 'small')
  expect(head).toBe(100)
  expect(oldest).toBeGreaterThan(50)
  expect(oldest).toBeLessThan(80)
  expect(await kept(backplane, 'large')).toEqual([1, 100])
})

it('a function that throws is logged, and its room keeps everything', async () => {
  const retention = () => {
    throw new Error('no such tenant')
  }
  const { backplane, publish, sweeps, lines } = await stage({ retention })
  await publish('r', 10)
  await sweeps(2)
  expect(await kept(backplane, 'r')).toEqual([1, 10])
  expect(lines.lines[0]).toContain('the option retention failed for a room')
})

it('the SQLite backplane drops entries by their age, but not in the first ten minutes, nor after the wall clock was set', async () => {
  const { backplane, publish, sweeps, clock } = await stage({ retention: { ageMs: MINUTE } })
  await publish('r', 5)
  await clock.advance(2 * MINUTE)
  await sweeps(2)
  expect(await kept(backplane, 'r')).toEqual([1, 5])

  clock.jumpWall(365 * 24 * 60 * MINUTE)
  await publish('r', 5)
  await clock.advance(9 * MINUTE)
  await sweeps(2)
  expect(await kept(backplane, 'r')).toEqual([1, 10])

  await clock.advance(2 * MINUTE)
  await sweeps(2)
  expect(await kept(backplane, 'r')).toEqual([11, 10])
})

it('[M13] the SQLite backplane forgets a client message after its window, and refuses what may be a repeat of it', async () => {
  const { backplane, publish, sweeps, clock } = await stage({ dedupeMs: MINUTE })
  await publish('r', 3)
  await clock.advance(12 * MINUTE)
  await sweeps(2)
  await publish('r', 1)
  const repeat = (clientId: string, seen: number) =>
    backplane.publish('r', {
      id: 'again',
      message: { type: 'chat_message', message: 'again' },
      timestampMs: clock.wallTime(),
      sender: { userId: 'ana', clientId, fingerprint: 1, seen },
    })
  expect(await repeat('c1', 0)).toEqual({ status: 'forgotten' })
  expect(await repeat('c4', 3)).toMatchObject({ status: 'accepted', duplicate: true })
  expect(await repeat('new', 3)).toMatchObject({ status: 'accepted', duplicate: false })
})

it('[M13] the SQLite backplane remembers no more client messages than dedupeCount', async () => {
  const { backplane, publish, sweeps } = await stage({ dedupeCount: 100 })
  await publish('r', 250)
  await sweeps(2)
  const sender = { userId: 'ana', fingerprint: 1, seen: 0 }
  const again = (clientId: string) =>
    backplane.publish('r', { id: 'again', message: {}, timestampMs: 1, sender: { ...sender, clientId } })
  expect(await again('c150')).toEqual({ status: 'forgotten' })
  expect(await again('c151')).toMatchObject({ duplicate: true })
})

it('[M13] client messages of a room that was deleted are counted no longer, and push out no others', async () => {
  const { backplane, publish, sweeps } = await stage({ dedupeCount: 100 })
  await publish('gone', 90)
  await backplane.delete?.('gone')
  await sweeps(3)
  await publish('r', 90)
  await sweeps(2)
  const sender = { userId: 'ana', clientId: 'c91', fingerprint: 1, seen: 0 }
  expect(await backplane.publish('r', { id: 'again', message: {}, timestampMs: 1, sender })).toMatchObject({
    duplicate: true,
  })
})

it('a file at its largest drops the oldest entries of the room that takes the most, and says so before', async () => {
  const maxFileBytes = 1_000_000
  const { backplane, publish, sweeps, lines, file } = await stage({ maxFileBytes })
  await publish('quiet', 20)
  for (let i = 0; i < 12; i++) {
    await publish('loud', 50, 'y'.repeat(2_000))
    await sweeps(1)
  }
  await vi.waitFor(async () => expect((await backplane.read('loud', newest)).oldestOffset).toBeGreaterThan(1))
  const [, head] = await kept(backplane, 'loud')
  expect(head).toBe(600)
  expect(await kept(backplane, 'quiet')).toEqual([1, 20])
  expect(lines.lines.filter((line) => line.includes('is at 80 % of maxFileBytes'))).toHaveLength(1)
  await backplane.close()
  expect(statSync(file).size).toBeLessThan(1.5 * maxFileBytes)
})

it('a log that was deleted is empty under another epoch, and no entry, repeat or cursor of it is known', async () => {
  const { backplane, publish, sweeps } = await stage({})
  await publish('other', 2)
  await publish('r', 500)
  const before = await backplane.read('r', newest)
  const events: StreamEvent[] = []
  await backplane.subscribe('r', (event) => events.push(event))
  await backplane.delete?.('r')
  const after = await backplane.read('r', newest, before.head)
  expect(after).toMatchObject({ entries: [], fault: 'epoch_changed', head: { offset: 0 } })
  expect(events).toEqual([{ kind: 'resync', reason: 'epoch_changed', head: after.head }])
  const sender = { userId: 'ana', clientId: 'c10', fingerprint: 1 }
  expect(await backplane.publish('r', { id: 'new', message: {}, timestampMs: 1, sender })).toMatchObject({
    duplicate: false,
    position: { offset: 1, epoch: after.epoch },
  })
  await sweeps(5)
  expect(await kept(backplane, 'r')).toEqual([1, 1])
  expect(await kept(backplane, 'other')).toEqual([1, 2])
  const feed = await backplane.changes?.read(undefined, 1_000, 1_000_000)
  expect(feed?.entries.map(({ stream }) => stream)).toEqual(['other', 'other', 'r'])
})
