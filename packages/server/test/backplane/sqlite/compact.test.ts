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

it('an export is every entry of a room, or of a user, as members got them', async () => {
  const backplane = await opened({ file: newFile() })
  onTestFinished(() => backplane.close())
  for (let n = 0; n < 1_200; n++) void backplane.publish('r', draft(n, `${n}`))
  await backplane.publish('@user:ana', { id: 'own', message: { type: 'news' }, timestampMs: 1 })
  const lines: string[] = []
  for await (const line of backplane.export({ room: 'r' })) lines.push(line)
  expect(lines.map((line) => JSON.parse(line).message)).toEqual(
    Array.from({ length: 1_200 }, (_, n) => `${n}`),
  )
  const own: string[] = []
  for await (const line of backplane.export({ user: 'ana' })) own.push(line)
  expect(own.map((line) => JSON.parse(line))).toMatchObject([{ type: 'news', offset: 1 }])
  await expect(backplane.export({ room: '' }).next()).rejects.toThrow(
    new TypeError("export: name either a room or a user, such as { room: 'general' }"),
  )
})
