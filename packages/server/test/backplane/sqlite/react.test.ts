import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { Backplane } from '../../../src/api/contracts/backplane.js'
import type { SqliteOptions } from '../../../src/sqlite.js'
import { VirtualClock } from '../../../src/testing.js'
import { chat, deletion, edit, placeOf, reaction } from './drafts.js'
import { newFile, opened } from './files.js'

const newest = { before: undefined, limit: 10_000, maxBytes: 100_000_000 }
const messages = { ...newest, messagesOnly: true }
const all = { after: 0, limit: 100 }

async function store(options: Partial<SqliteOptions> = {}, file = newFile()) {
  const clock = new VirtualClock()
  const backplane = await opened({ file, ...options }, { clock })
  onTestFinished(() => backplane.close())
  return { backplane, file, clock }
}

async function countsIn(backplane: Backplane): Promise<unknown[]> {
  const { entries } = await backplane.read('r', messages)
  return entries.map(({ text }) => JSON.parse(text).reactions)
}

async function sweeps(clock: VirtualClock, backplane: Backplane, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    await clock.advance(1_000)
    await backplane.read('none', newest)
  }
}

async function linesOf(lines: AsyncGenerator<string>) {
  const entries: Record<string, unknown>[] = []
  for await (const line of lines) entries.push(JSON.parse(line))
  return entries
}

const filesWith = (file: string, text: string): string[] =>
  readdirSync(dirname(file)).filter((name) => readFileSync(join(dirname(file), name)).includes(text))

it('[D12] reactions in one transaction find each other, and outlive the process', async () => {
  const file = newFile()
  const first = await store({}, file)
  const { head } = await first.backplane.read('r', newest)
  const message = { ...head, offset: 1, id: 'first' }
  const published = [
    first.backplane.publish('r', chat('ana', 'one', { id: 'first' })),
    first.backplane.publish('r', reaction(message, 'ben', '+👍')),
    first.backplane.publish('r', reaction(message, 'ben', '+👍')),
    first.backplane.publish('r', reaction(message, 'cai', '+👍')),
    first.backplane.publish('r', reaction(message, 'ben', '-👍')),
  ]
  const results = await Promise.all(published)
  expect(results.map(placeOf).map(({ offset }) => offset)).toEqual([1, 2, 2, 3, 4])
  await first.backplane.close()
  const { backplane } = await store({}, file)
  expect(await countsIn(backplane)).toEqual([[{ reaction: '👍', count: 1 }]])
  expect(await backplane.reactions?.users('r', message, '👍', all)).toMatchObject({ users: ['cai'] })
  expect(placeOf(await backplane.publish('r', reaction(message, 'ben', '-👍'))).offset).toBe(4)
})

it('[D13] [H14] who reacted is kept for as long as the message, though the log has dropped the entries', async () => {
  const { backplane, clock } = await store({ retention: { count: 3, entries: 5 } })
  const message = placeOf(await backplane.publish('r', chat('ana', 'one')))
  for (const user of ['ben', 'cai', 'dan']) await backplane.publish('r', reaction(message, user, '+👍'))
  await backplane.publish('r', reaction(message, 'dan', '-👍'))
  for (let n = 0; n < 10; n++) await backplane.publish('r', edit(message, 'ana', `${n}`))
  await sweeps(clock, backplane, 2)
  expect((await backplane.read('r', { ...newest, after: 0 })).oldestOffset).toBeGreaterThan(10)
  expect(await backplane.reactions?.users('r', message, '👍', all)).toMatchObject({ users: ['ben', 'cai'] })
  // The entry that made it so is gone, so the answer is the message.
  expect(placeOf(await backplane.publish('r', reaction(message, 'ben', '+👍')))).toEqual(message)
  expect(placeOf(await backplane.publish('r', reaction(message, 'dan', '-👍')))).toEqual(message)
  expect(await linesOf(backplane.export({ user: 'ben' }))).toEqual([
    {
      type: 'reaction_added',
      target: { offset: 1, id: message.id },
      reaction: '👍',
      user_id: 'ben',
      room_id: 'r',
    },
  ])
  for (let n = 0; n < 3; n++) await backplane.publish('r', chat('ana', `later ${n}`))
  await sweeps(clock, backplane, 2)
  expect(await backplane.reactions?.users('r', message, '👍', all)).toEqual({ status: 'not_found' })
  expect(await backplane.reactions?.of('r', message.epoch, 'ben', [1])).toEqual([])
  expect(await linesOf(backplane.export({ user: 'ben' }))).toEqual([])
})

it('[D18] an export of a user has their reactions, until they are erased from every byte of the file', async () => {
  const { backplane, file } = await store()
  const message = placeOf(await backplane.publish('r', chat('ben', 'hello')))
  const other = placeOf(await backplane.publish('s', chat('ben', 'hello')))
  await backplane.publish('r', reaction(message, 'ana', '+words of ana'))
  await backplane.publish('r', reaction(message, 'ana', '+👍'))
  await backplane.publish('r', reaction(message, 'ben', '+👍'))
  await backplane.publish('s', reaction(other, 'ana', '+words of ana'))
  expect(await linesOf(backplane.export({ user: 'ana' }))).toMatchObject([
    { type: 'reaction_added', room_id: 'r', reaction: 'words of ana', offset: 2 },
    { reaction: '👍' },
    { reaction: 'words of ana', offset: 2 },
  ])
  await backplane.erase?.('ana')
  expect(await linesOf(backplane.export({ user: 'ana' }))).toEqual([])
  expect(await countsIn(backplane)).toEqual([[{ reaction: '👍', count: 1 }]])
  expect(await linesOf(backplane.export({ room: 's' }))).toMatchObject([
    { type: 'chat_message', version: 3 },
    { type: 'reaction_added', reaction: '', deleted: true },
    { type: 'reactions_erased', reactions: [] },
    { type: 'messages_erased', user_id: 'ana' },
  ])
  await backplane.compact()
  expect(filesWith(file, 'words of')).toEqual([])
})

it('a room counts the bytes of who reacted to its messages, and gives them back with the message', async () => {
  const { backplane, clock } = await store({ retention: { bytes: 30_000, count: 1_000, entries: 10 } })
  const message = placeOf(await backplane.publish('r', chat('ana', 'old')))
  const reacting: unknown[] = []
  for (let n = 0; n < 500; n++) reacting.push(backplane.publish('r', reaction(message, `user ${n}`, '+👍')))
  await Promise.all(reacting)
  await backplane.publish('r', chat('ana', 'new'))
  await sweeps(clock, backplane, 5)
  expect((await backplane.read('r', messages)).entries.map(({ text }) => JSON.parse(text).message)).toEqual([
    'new',
  ])
  const next = placeOf(await backplane.publish('r', chat('ana', 'next')))
  for (let n = 0; n < 50; n++) await backplane.publish('r', reaction(next, `user ${n}`, '+👍'))
  await backplane.publish('r', deletion(next, 'ana'))
  for (let n = 0; n < 50; n++) await backplane.publish('r', chat('ana', `${n}`))
  await sweeps(clock, backplane, 5)
  expect((await backplane.read('r', messages)).entries).toHaveLength(52)
})
