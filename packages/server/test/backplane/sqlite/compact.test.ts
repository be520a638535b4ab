import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { SqliteStore } from '../../../src/sqlite.js'
import { VirtualClock } from '../../../src/testing.js'
import { newFile, opened } from './files.js'

const draft = (n: number, message: string) => ({
  id: `id-${n}`,
  message: { type: 'chat_message', message, user_id: 'ana' },
  timestampMs: n,
  sender: { userId: 'ana', clientId: `c${n}`, fingerprint: n },
})

/** Whether any file of the store's folder has the text in it. */
const isInFolder = (file: string, text: string) =>
  readdirSync(dirname(file)).some((name) => readFileSync(join(dirname(file), name)).includes(text))

/** Lets sweeps pass, each of which waits for the file. */
async function removed(clock: VirtualClock, backplane: SqliteStore): Promise<void> {
  for (let n = 0; n < 5; n++) {
    await clock.advance(1_000)
    await backplane.read('none', { before: undefined, limit: 1, maxBytes: 1 })
  }
}

it('no byte of a deleted room is left once the file was compacted, and other rooms are as they were', async () => {
  const file = newFile()
  const clock = new VirtualClock()
  const backplane = await opened({ file }, { clock })
  onTestFinished(() => backplane.close())
  for (let n = 0; n < 400; n++)
    void backplane.publish('secret', draft(n, `the password is hunter${n} ${'z'.repeat(n)}`))
  await backplane.publish('other', draft(1_000, 'hello'))
  const before = await backplane.read('other', { before: undefined, limit: 10, maxBytes: 10_000 })
  expect(isInFolder(file, 'the password is')).toBe(true)

  await backplane.delete?.('secret')
  await removed(clock, backplane)
  await backplane.compact()
  expect(isInFolder(file, 'the password is')).toBe(false)
  expect(isInFolder(file, 'hunter')).toBe(false)
  expect(await backplane.read('other', { before: undefined, limit: 10, maxBytes: 10_000 })).toEqual(before)
  expect((await backplane.publish('secret', draft(1, 'anew'))).status).toBe('accepted')
  expect(existsSync(file)).toBe(true)
})

async function exported(lines: AsyncGenerator<string>) {
  const entries: unknown[] = []
  for await (const line of lines) entries.push(JSON.parse(line))
  return entries
}

it('an export is every entry of a room, as members got them', async () => {
  const backplane = await opened({ file: newFile() })
  onTestFinished(() => backplane.close())
  for (let n = 0; n < 1_200; n++) void backplane.publish('r', draft(n, `${n}`))
  expect(await exported(backplane.export({ room: 'r' }))).toMatchObject(
    Array.from({ length: 1_200 }, (_, n) => ({ message: `${n}`, offset: n + 1 })),
  )
  await expect(backplane.export({ room: '' }).next()).rejects.toThrow(
    new TypeError("export: name either a room or a user, such as { room: 'general' }"),
  )
})

it('an export of a user is the user’s own stream and each chat message of the user in any room, until they are erased', async () => {
  const backplane = await opened({ file: newFile() })
  onTestFinished(() => backplane.close())
  const write = (n: number, user_id: string, type = 'chat_message') =>
    backplane.publish(`r${n % 3}`, {
      id: `id-${n}`,
      message: { type, message: `${n} ${'x'.repeat(900)}`, user_id, room_id: `r${n % 3}` },
      timestampMs: n,
    })
  const published: unknown[] = []
  // More than one page by their bytes, and windows without any.
  for (let n = 0; n < 5_000; n++) published.push(write(n, n < 1_500 || n >= 4_500 ? 'ana' : 'ben'))
  published.push(write(5_000, 'ana', 'note'))
  await Promise.all(published)
  await backplane.publish('@user:ana', { id: 'own', message: { type: 'news' }, timestampMs: 1 })
  const [own, ...written] = await exported(backplane.export({ user: 'ana' }))
  expect(own).toMatchObject({ type: 'news', offset: 1 })
  const numbers = Array.from({ length: 5_000 }, (_, n) => n).filter((n) => n < 1_500 || n >= 4_500)
  expect(written).toHaveLength(numbers.length)
  expect(written).toMatchObject(numbers.map((n) => ({ room_id: `r${n % 3}`, offset: Math.floor(n / 3) + 1 })))
  await backplane.erase?.('ana')
  expect(await exported(backplane.export({ user: 'ana' }))).toEqual([])
})

it('an export of a user has their profile, until they are erased', async () => {
  const backplane = await opened({ file: newFile() })
  onTestFinished(() => backplane.close())
  await backplane.profiles?.keep('ana', { name: 'Ana', tags: ['a'] })
  await backplane.profiles?.keep('ben', { name: 'Ben' })
  expect(await exported(backplane.export({ user: 'ana' }))).toEqual([
    { type: 'set_profile', user_id: 'ana', profile: { name: 'Ana', tags: ['a'] } },
  ])
  await backplane.erase?.('ana')
  expect(await exported(backplane.export({ user: 'ana' }))).toEqual([])
  expect(await exported(backplane.export({ user: 'ben' }))).toHaveLength(1)
})
