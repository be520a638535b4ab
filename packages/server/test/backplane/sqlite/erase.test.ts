import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import type { Draft } from '../../../src/api/contracts/backplane.js'
import type { SqliteStore } from '../../../src/sqlite.js'
import { newFile, opened } from './files.js'

const newest = { before: undefined, limit: 1_000, maxBytes: 1_000_000 }

function written(user: string, n: number): Draft {
  const id = `${user}-${n}`
  const message = {
    type: 'chat_message',
    message: `the password of ${user} is hunter${n} ${'z'.repeat(n % 300)}`,
    timestamp: '2026-01-01T00:00:00.000Z',
    user_id: user,
    room_id: 'r',
    id,
    client_id: `chosen-by-${user}-${n}`,
    data: { pin: `pin-of-${user}-${n}` },
  }
  const sender = { userId: user, clientId: `chosen-by-${user}-${n}`, fingerprint: n }
  return { id, message, timestampMs: n, sender }
}

/** Some thousand messages of two users in five rooms, and one in the own stream of one. */
async function fill(backplane: SqliteStore): Promise<void> {
  const published: unknown[] = []
  for (let n = 0; n < 1_500; n++)
    for (const user of ['ana', 'ben']) published.push(backplane.publish(`r${n % 5}`, written(user, n)))
  const own = { id: 'own', message: { type: 'news', text: 'the password of ana' }, timestampMs: 1 }
  published.push(backplane.publish('@user:ana', own))
  await Promise.all(published)
}

async function messagesOf(backplane: SqliteStore, stream: string): Promise<Record<string, unknown>[]> {
  const { entries } = await backplane.read(stream, newest)
  return entries.map(({ text }) => JSON.parse(text) as Record<string, unknown>)
}

/** Files of the store's folder that have the text in them. */
function filesWith(file: string, text: string): string[] {
  return readdirSync(dirname(file)).filter((name) => readFileSync(join(dirname(file), name)).includes(text))
}

it('an erasure of thousands of messages keeps every place, what others wrote, and the bytes that retention counts', async () => {
  const file = newFile()
  const backplane = await opened({ file })
  onTestFinished(() => backplane.close())
  await fill(backplane)
  await backplane.erase?.('ana')
  for (let room = 0; room < 5; room++) {
    const messages = await messagesOf(backplane, `r${room}`)
    expect(messages.map(({ offset }) => offset)).toEqual(Array.from({ length: 601 }, (_, n) => n + 1))
    const ofAna = messages.filter(({ type, user_id }) => type === 'chat_message' && user_id === 'ana')
    expect(ofAna).toHaveLength(300)
    expect(ofAna.every(({ message, deleted }) => message === '' && deleted === true)).toBe(true)
    const ofBen = messages.filter(({ user_id }) => user_id === 'ben')
    expect(ofBen).toHaveLength(300)
    expect(ofBen.every(({ message, data }) => message !== '' && data !== undefined)).toBe(true)
    expect(messages.at(-1)).toMatchObject({ type: 'messages_erased', user_id: 'ana', through: 599 })
  }
  expect(await messagesOf(backplane, '@user:ana')).toEqual([])
})

it('an erasure empties the journal, and no byte of the user is left once the file was compacted', async () => {
  const file = newFile()
  const backplane = await opened({ file })
  onTestFinished(() => backplane.close())
  await fill(backplane)
  expect(filesWith(file, 'the password of ana')).not.toEqual([])
  await backplane.erase?.('ana')
  expect(statSync(`${file}-wal`).size).toBeLessThan(100_000)
  await backplane.compact()
  for (const text of ['the password of ana', 'pin-of-ana', 'chosen-by-ana'])
    expect(filesWith(file, text)).toEqual([])
  expect(filesWith(file, 'the password of ben')).toEqual(['chat.db'])
})

it('an erasure that a restart cuts off goes on by itself, and every room is told once', async () => {
  const file = newFile()
  const first = await opened({ file })
  await fill(first)
  const cutOff = first.erase?.('ana')
  await Promise.all([expect(cutOff).rejects.toMatchObject({ code: 'unavailable' }), first.close()])

  const second = await opened({ file })
  onTestFinished(() => second.close())
  for (let room = 0; room < 5; room++) {
    const messages = await vi.waitFor(async () => {
      const read = await messagesOf(second, `r${room}`)
      expect(read.at(-1)?.type).toBe('messages_erased')
      return read
    }, 10_000)
    expect(messages.filter(({ type }) => type === 'messages_erased')).toHaveLength(1)
    expect(messages.some(({ user_id, message }) => user_id === 'ana' && message)).toBe(false)
  }
  expect(await messagesOf(second, '@user:ana')).toEqual([])
})

it('messages are logged while an erasure runs, and those of the user that come then stay', async () => {
  const backplane = await opened({ file: newFile() })
  onTestFinished(() => backplane.close())
  await fill(backplane)
  let isDone = false
  const erased = Promise.all([backplane.erase?.('ana'), backplane.erase?.('ana')]).then(() => {
    isDone = true
  })
  for (let n = 5_000; !isDone; n++) await backplane.publish('r0', written('ana', n))
  await erased
  const messages = await messagesOf(backplane, 'r0')
  const told = messages.filter(({ type }) => type === 'messages_erased')
  expect(told).toHaveLength(1)
  const through = Number(told[0]?.through)
  const ofAna = messages.filter(({ type, user_id }) => type === 'chat_message' && user_id === 'ana')
  expect(ofAna.every(({ offset, message }) => (message === '') === Number(offset) <= through)).toBe(true)
  expect(ofAna.some(({ offset }) => Number(offset) > through)).toBe(true)
})
