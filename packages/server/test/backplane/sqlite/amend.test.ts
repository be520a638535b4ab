import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import type { Backplane, Position } from '../../../src/api/contracts/backplane.js'
import type { SqliteOptions } from '../../../src/sqlite.js'
import { VirtualClock } from '../../../src/testing.js'
import { chat, deletion, edit, placeOf } from './drafts.js'
import { newFile, opened } from './files.js'

const newest = { before: undefined, limit: 10_000, maxBytes: 100_000_000 }
const messages = { ...newest, messagesOnly: true }

async function store(options: Partial<SqliteOptions> = {}) {
  const clock = new VirtualClock()
  const file = newFile()
  const backplane = await opened({ file, ...options }, { clock })
  onTestFinished(() => backplane.close())
  return { backplane, file, clock }
}

async function textsOf(backplane: Backplane, range: object = messages, stream = 'r') {
  const { entries } = await backplane.read(stream, { ...newest, ...range })
  return entries.map(({ text }) => JSON.parse(text) as Record<string, unknown>)
}

/** Files of the store's folder that have the text in them. */
function filesWith(file: string, text: string): string[] {
  return readdirSync(dirname(file)).filter((name) => readFileSync(join(dirname(file), name)).includes(text))
}

async function linesOf(lines: AsyncGenerator<string>) {
  const entries: Record<string, unknown>[] = []
  for await (const line of lines) entries.push(JSON.parse(line))
  return entries
}

/** Lets a sweep pass, which waits for the file. */
async function sweeps(clock: VirtualClock, backplane: Backplane, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    await clock.advance(1_000)
    await backplane.read('none', newest)
  }
}

async function editTimes(backplane: Backplane, target: Position, count: number): Promise<void> {
  const published: unknown[] = []
  for (let n = 0; n < count; n++) published.push(backplane.publish('r', edit(target, 'ana', `edit ${n}`)))
  await Promise.all(published)
}

it('an edit and a deletion change a message that shares their transaction', async () => {
  const { backplane } = await store()
  const { head } = await backplane.read('r', newest)
  const first = { ...head, offset: 1, id: 'first' }
  const published = [
    backplane.publish('r', chat('ana', 'one', { id: 'first' })),
    backplane.publish('r', edit(first, 'ana', 'two')),
    backplane.publish('r', edit(first, 'ana', 'two')),
    backplane.publish('r', deletion(first, 'ana')),
    backplane.publish('r', edit(first, 'ana', 'three')),
  ]
  const results = await Promise.all(published)
  expect(
    results.map((result) => (result.status === 'accepted' ? result.position.offset : result.status)),
  ).toEqual([1, 2, 2, 3, 'deleted'])
  expect(await textsOf(backplane)).toMatchObject([{ offset: 1, message: '', deleted: true, version: 3 }])
})

it('[D7] the text of a deleted message and of its edits leaves the journal within seconds, and the file when it is compacted', async () => {
  const { backplane, file } = await store()
  const target = placeOf(await backplane.publish('r', chat('ana', `my password is ${'x'.repeat(3_000)}`)))
  for (let n = 0; n < 5; n++)
    await backplane.publish('r', edit(target, 'ana', `my password was ${'y'.repeat(2_000 * n)}`))
  await backplane.publish('r', chat('ben', 'ok'))
  expect(filesWith(file, 'my password')).not.toEqual([])
  await backplane.publish('r', deletion(target, 'ana'))
  const [message, ...others] = await textsOf(backplane, { messagesOnly: false })
  expect([message?.message, others.slice(0, 5).map((one) => one.message)]).toEqual(['', Array(5).fill('')])
  const journal = `${basename(file)}-wal`
  await vi.waitFor(() => expect(filesWith(file, 'my password')).not.toContain(journal), 10_000)
  await backplane.compact()
  expect(filesWith(file, 'my password')).toEqual([])
  expect(await textsOf(backplane)).toMatchObject([{ message: '' }, { message: 'ok' }])
})

it('[D7] a message with thousands of edits is deleted in steps, between which others are served', async () => {
  const { backplane } = await store()
  const events: number[] = []
  await backplane.subscribe('r', (event) => event.kind === 'entry' && events.push(event.entry.offset))
  const target = placeOf(await backplane.publish('r', chat('ana', 'hello')))
  await editTimes(backplane, target, 3_000)
  // They all arrive in one transaction, which takes the texts from some of the edits.
  const drafts = [deletion(target, 'ana'), edit(target, 'ana', 'in between'), chat('ben', 'hi')]
  const results = await Promise.all(drafts.map((draft) => backplane.publish('r', draft)))
  expect(results.map((result) => placeOf(result).offset)).toEqual([3_004, 3_002, 3_003])
  const all = await textsOf(backplane, { after: 0, messagesOnly: false })
  expect(all.filter(({ message }) => message === '')).toHaveLength(3_002)
  expect(all.map(({ offset }) => offset)).toEqual(events)
  expect(await textsOf(backplane)).toMatchObject([{ message: '', version: 3_004 }, { message: 'hi' }])
})

it('[D5] an edit of the server that changed nothing is answered by its key as the first time', async () => {
  const { backplane } = await store()
  const target = placeOf(await backplane.publish('r', chat('ana', 'one')))
  const idempotency = { key: 'k', fingerprint: 1 }
  const first = await backplane.publish('r', { ...edit(target, 'ana', 'one'), idempotency })
  expect(first).toMatchObject({ duplicate: true, position: target })
  await backplane.publish('r', edit(target, 'ana', 'two'))
  expect(await backplane.publish('r', { ...edit(target, 'ana', 'one'), idempotency })).toEqual(first)
  const other = { ...edit(target, 'ana', 'three'), idempotency: { key: 'k', fingerprint: 2 } }
  expect(await backplane.publish('r', other)).toEqual({ status: 'conflict' })
  expect(await textsOf(backplane)).toMatchObject([{ message: 'two', version: 2 }])
})

it('[M13] a repeat of an edit that changed nothing is refused once its record is gone, not carried out late', async () => {
  const { backplane, clock } = await store({ dedupeCount: 1 })
  const target = placeOf(await backplane.publish('r', chat('ana', 'one')))
  await backplane.publish('r', edit(target, 'ana', 'two'))
  await backplane.publish('r', edit(target, 'ana', 'two', { clientId: 'c1' }))
  await backplane.publish('r', edit(target, 'ana', 'three', { clientId: 'c2' }))
  await sweeps(clock, backplane, 3)
  const repeat = edit(target, 'ana', 'two', { clientId: 'c1' })
  const sender = { userId: 'ana', clientId: 'c1', fingerprint: 1, seen: 2 }
  expect(await backplane.publish('r', { ...repeat, sender })).toEqual({ status: 'forgotten' })
  expect(await textsOf(backplane)).toMatchObject([{ message: 'three' }])
})

it('[H9] many edits push messages out of the log, but not out of pages, where they can still be changed', async () => {
  const { backplane, clock } = await store({ retention: { count: 10, entries: 20 } })
  await backplane.subscribe('r', () => {})
  const [first, second] = [
    placeOf(await backplane.publish('r', chat('ana', 'one'))),
    placeOf(await backplane.publish('r', chat('ana', 'two'))),
  ]
  await editTimes(backplane, second, 500)
  await sweeps(clock, backplane, 6)
  const log = await backplane.read('r', { ...newest, after: 0 }, first)
  expect(log).toMatchObject({ fault: 'expired', truncated: true, oldestOffset: 483, head: { offset: 502 } })
  expect(log.entries).toHaveLength(20)
  const page = await backplane.read('r', messages)
  expect(page).toMatchObject({ more: false, truncated: false, oldestOffset: 1 })
  expect(await textsOf(backplane)).toMatchObject([{ message: 'one' }, { message: 'edit 499', version: 502 }])

  await backplane.publish('r', edit(first, 'ana', 'one, changed'))
  await backplane.publish('r', deletion(second, 'ana'))
  expect(await textsOf(backplane)).toMatchObject([
    { message: 'one, changed', version: 503 },
    { message: '', version: 504, deleted: true },
  ])
  expect(JSON.stringify(await textsOf(backplane, { messagesOnly: false }))).not.toContain('edit 4')
  const lines = await linesOf(backplane.export({ room: 'r' }))
  expect(lines.slice(0, 2)).toMatchObject([{ offset: 1 }, { offset: 2 }])
  expect(lines.slice(2).map(({ offset }) => offset)).toEqual(
    Array.from({ length: lines.length - 2 }, (_, n) => 505 - lines.length + 2 + n),
  )
})

it('[H6] a cursor from before the log has expired, even if pages still show the messages there', async () => {
  const { backplane, clock } = await store({ retention: { count: 10, entries: 3 } })
  await backplane.subscribe('r', () => {})
  const cursors: Position[] = []
  for (let n = 1; n <= 8; n++) cursors.push(placeOf(await backplane.publish('r', chat('ana', `${n}`))))
  await sweeps(clock, backplane, 4)
  expect(await textsOf(backplane)).toHaveLength(8)
  const faults = cursors.map(async (since) => (await backplane.read('r', newest, since)).fault)
  expect(await Promise.all(faults)).toEqual([...Array(4).fill('expired'), ...Array(4).fill(undefined)])
})

it('messages that the log has dropped are dropped by their count, their bytes and their age as well', async () => {
  const limits = { counted: { count: 3 }, weighed: { bytes: 4_000 }, aged: { ageMs: 60_000, entries: 5 } }
  const retention = (room: string) => limits[room as keyof typeof limits]
  const { backplane, clock } = await store({ retention })
  const at = () => clock.wallTime()
  const fill = async (room: string, count: number) => {
    for (let n = 0; n < count; n++) {
      const place = placeOf(
        await backplane.publish(room, chat('ana', `${n} ${'x'.repeat(300)}`, { at: at() })),
      )
      for (let m = 0; m < 4; m++) await backplane.publish(room, edit(place, 'ana', `${n}.${m}`, { at: at() }))
    }
  }
  await clock.advance(601_000)
  for (const room of Object.keys(limits)) await fill(room, 4)
  await sweeps(clock, backplane, 4)
  const kept = async (room: string) => (await textsOf(backplane, messages, room)).map(({ offset }) => offset)
  expect(await kept('counted')).toEqual([6, 11, 16])
  expect(await kept('aged')).toEqual([1, 6, 11, 16])
  expect((await backplane.read('aged', newest)).entries).toHaveLength(5)
  await clock.advance(120_000)
  await sweeps(clock, backplane, 4)
  expect(await kept('aged')).toEqual([])
  expect((await backplane.read('aged', newest)).entries).toEqual([])
  expect((await kept('weighed')).length).toBeGreaterThan(0)
})

it('a file at its largest drops the edits of the room that takes the most before its messages', async () => {
  const { backplane, clock } = await store({ maxFileBytes: 600_000 })
  const places: Position[] = []
  for (let n = 0; n < 20; n++) places.push(placeOf(await backplane.publish('r', chat('ana', `${n}`))))
  const long = 'x'.repeat(1_000)
  for (let n = 0; n < 1_500; n++) {
    void backplane.publish('r', edit(places[n % 20] as Position, 'ana', `${n} ${long}`))
    if (n % 100 === 99) await sweeps(clock, backplane, 2)
  }
  await vi.waitFor(async () => {
    await sweeps(clock, backplane, 1)
    expect((await backplane.read('r', newest)).oldestOffset).toBeGreaterThan(500)
  }, 10_000)
  const page = await backplane.read('r', messages)
  expect(page.entries.map(({ offset }) => offset)).toEqual(places.map(({ offset }) => offset))
})

it('an export of a user has their edits and deletions, and the messages of others with their words, until they are erased', async () => {
  const { backplane, file } = await store()
  const theirs = placeOf(await backplane.publish('r', chat('ben', 'by ben')))
  const own = placeOf(await backplane.publish('r', chat('ana', 'words of ana, 1')))
  const gone = placeOf(await backplane.publish('r', chat('ana', 'words of ana, 2')))
  await backplane.publish('r', edit(theirs, 'ana', 'words of ana, 3'))
  await backplane.publish('r', edit(own, 'ben', 'words of ben'))
  await backplane.publish('r', deletion(gone, 'ana'))
  expect(await linesOf(backplane.export({ user: 'ana' }))).toMatchObject([
    { offset: 1, user_id: 'ben', message: 'words of ana, 3', edited_by: 'ana' },
    { offset: 2, user_id: 'ana', message: 'words of ben', edited_by: 'ben' },
    { offset: 3, user_id: 'ana', message: '', deleted: true },
    { offset: 4, type: 'message_edited', message: 'words of ana, 3' },
    { offset: 6, type: 'message_deleted', target: { offset: 3 } },
  ])
  await backplane.erase?.('ana')
  expect(await linesOf(backplane.export({ user: 'ana' }))).toEqual([])
  await backplane.compact()
  expect(filesWith(file, 'words of')).toEqual([])
})

it('[M15] an erasure takes thousands of edits of one message along, and keeps what the room counts', async () => {
  const { backplane, clock } = await store({ retention: { bytes: 1_000_000 } })
  const target = placeOf(await backplane.publish('r', chat('ana', 'hello')))
  await editTimes(backplane, target, 1_000)
  await backplane.publish('r', edit(target, 'ben', 'by ben'))
  await backplane.publish('r', chat('ben', 'kept'))
  await backplane.erase?.('ana')
  const all = await textsOf(backplane, { after: 0, messagesOnly: false })
  expect(all.filter(({ deleted }) => deleted === true)).toHaveLength(1_002)
  expect(all.at(-1)).toMatchObject({ type: 'messages_erased', through: 1_002 })
  // If it counted wrongly, this room would lose everything, or keep more than it may.
  await editTimes(backplane, placeOf(await backplane.publish('r', chat('ana', 'again'))), 5_000)
  await sweeps(clock, backplane, 40)
  const { entries } = await backplane.read('r', { ...newest, after: 0 })
  const bytes = entries.reduce((sum, { text }) => sum + Buffer.byteLength(text) + 120, 0)
  expect(bytes).toBeGreaterThan(900_000)
  expect(bytes).toBeLessThan(1_300_000)
})
