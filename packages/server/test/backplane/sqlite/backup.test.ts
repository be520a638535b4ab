import { existsSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { expect, it, onTestFinished } from 'vitest'
import { findDriver } from '../../../src/backplane/sqlite/driver.js'
import { systemFiles } from '../../../src/backplane/sqlite/files.js'
import { StoreFile } from '../../../src/backplane/sqlite/store-file.js'
import { newFile, opened } from './files.js'

const newest = { before: undefined, limit: 10_000, maxBytes: 100_000_000 }
let drafts = 0
const draft = () => ({
  id: `id-${++drafts}`,
  message: { type: 'news', text: 'x'.repeat(500) },
  timestampMs: 1,
})

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const hasBackup = !isBuiltin('node:sqlite') || major > 22 || (major === 22 && minor >= 16)

it.skipIf(!hasBackup)(
  'a backup is made while messages are written, and a server on it is a fork',
  async () => {
    const backplane = await opened({ file: newFile() })
    onTestFinished(() => backplane.close())
    await Promise.all(Array.from({ length: 2_000 }, () => backplane.publish('r', draft())))
    const { head: before } = await backplane.read('r', { ...newest, limit: 0 })
    const copy = newFile()
    let isMade = false
    const made = backplane.backup(copy).then(() => (isMade = true))
    while (!isMade) await backplane.publish('r', draft())
    await made
    const { head: later } = await backplane.read('r', { ...newest, limit: 0 })

    const restored = await opened({ file: copy })
    onTestFinished(() => restored.close())
    const { head, entries } = await restored.read('r', newest)
    expect(entries).toHaveLength(head.offset)
    expect(head.offset).toBeGreaterThanOrEqual(2_000)
    expect((await restored.read('r', newest, before)).fault).toBeUndefined()
    for (let i = head.offset; i <= later.offset; i++) await restored.publish('r', draft())
    expect((await restored.read('r', newest, later)).fault).toBe('forked')
  },
)

it.skipIf(!hasBackup)('a backup overwrites nothing, and leaves nothing where it cannot be made', async () => {
  const backplane = await opened({ file: newFile() })
  onTestFinished(() => backplane.close())
  const there = newFile()
  writeFileSync(there, 'a year of work')
  await expect(backplane.backup(there)).rejects.toMatchObject({
    code: 'unavailable',
    cause: { message: `sqlite: ${there} already exists; name another file for the backup` },
  })
  const nowhere = `${there}-away/copy.db`
  await expect(backplane.backup(nowhere)).rejects.toMatchObject({ code: 'unavailable' })
  expect(existsSync(nowhere)).toBe(false)
  await expect(backplane.backup('')).rejects.toThrow(TypeError)
})

it.skipIf(!hasBackup)(
  'a backup is tried again after a failure without a code, and not for ever',
  async () => {
    const open = findDriver(undefined, [import.meta.url])
    const failures = { left: 2 }
    const file = new StoreFile(
      { file: newFile(), sync: 'full' },
      (path) => {
        const driver = open(path)
        const backup = (copy: string) =>
          failures.left-- > 0 ? Promise.reject(new Error('not an error')) : driver.backup(copy)
        return { ...driver, backup }
      },
      systemFiles,
    )
    onTestFinished(() => file.close())
    const copy = newFile()
    await file.backUp(copy)
    expect(existsSync(copy)).toBe(true)
    failures.left = 100
    await expect(file.backUp(newFile())).rejects.toThrow('not an error')
    expect(failures.left).toBe(95)
  },
)
