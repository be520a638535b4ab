import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { RoomfulError } from '@roomful/protocol'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Backplane } from '../../../src/api/contracts/backplane.js'
import { systemClock } from '../../../src/api/contracts/clock.js'
import { type Driver, findDriver } from '../../../src/backplane/sqlite/driver.js'
import { sqlite } from '../../../src/sqlite.js'
import { VirtualClock } from '../../../src/testing.js'
import { DRIVERS, Lines, newFile, nodeLink, opened } from './files.js'

const newest = { before: undefined, limit: 1_000, maxBytes: 10_000_000 }
let drafts = 0
const draft = (message = 'hello', clientId = `c${++drafts}`) => ({
  id: `id-${clientId}`,
  message: { type: 'chat_message', message },
  timestampMs: 1,
  sender: { userId: 'ana', clientId, fingerprint: 1 },
})
const outcome = async (backplane: Backplane, given = draft()) => {
  try {
    return (await backplane.publish('r', given)).status
  } catch (error) {
    return error instanceof RoomfulError ? error.code : String(error)
  }
}

/** Changes a file with the same driver, while no store has it open. */
function edit(file: string, driver: (typeof DRIVERS)[number], how: (driver: Driver) => void): void {
  const connection = findDriver(driver, [import.meta.url])(file)
  try {
    how(connection)
  } finally {
    connection.close()
  }
}

async function fileWith(messages: number, driver: (typeof DRIVERS)[number]): Promise<string> {
  const file = newFile()
  const backplane = await opened({ file, driver })
  await Promise.all(Array.from({ length: messages }, () => backplane.publish('r', draft('x'.repeat(200)))))
  await backplane.close()
  return file
}

/** As an operator reads it. */
const refusal = async (file: string, driver: (typeof DRIVERS)[number]): Promise<string> => {
  const before = readFileSync(file)
  const error: unknown = await opened({ file, driver }).catch((reason: unknown) => reason)
  expect(readFileSync(file).equals(before), 'the file is left as it was').toBe(true)
  return error instanceof Error ? error.message.replaceAll(file, 'FILE') : 'it was opened'
}

describe.each(DRIVERS)('a file that cannot be opened, by %s,', (driver) => {
  it('the SQLite backplane refuses a file that is no database', async () => {
    const file = newFile()
    writeFileSync(file, 'these are notes, and more of them than a header is long '.repeat(40))
    expect(await refusal(file, driver)).toMatch(
      /^sqlite: FILE is not an SQLite database; name another file, or move this one away/,
    )
  })

  it('the SQLite backplane refuses the database of another application', async () => {
    const file = newFile()
    edit(file, driver, (connection) => connection.exec('CREATE TABLE notes (text TEXT)'))
    expect(await refusal(file, driver)).toBe(
      'sqlite: FILE is the database of another application; name another file',
    )
  })

  it('the SQLite backplane refuses a file of a newer version', async () => {
    const file = await fileWith(1, driver)
    edit(file, driver, (connection) => connection.exec('PRAGMA user_version = 99'))
    expect(await refusal(file, driver)).toBe(
      'sqlite: FILE was written by a newer version of Roomful; install that version again, or name another file',
    )
  })

  it('the SQLite backplane refuses a file that was cut off', async () => {
    const file = await fileWith(500, driver)
    truncateSync(file, 4_096 + 100)
    expect(await refusal(file, driver)).toMatch(
      /^sqlite: FILE is damaged; stop the server, and restore a backup/,
    )
  })

  it('a damaged page is refused and logged, and nothing is acknowledged that would go onto it', async () => {
    const file = await fileWith(500, driver)
    const lines = new Lines()
    scribble(file, 'x'.repeat(100))
    const backplane = await opened({ file, driver }, { logger: lines.logger })
    onTestFinished(() => backplane.close())
    const read = await Promise.resolve(backplane.read('r', newest)).then(
      ({ entries }) => entries.length,
      (error: RoomfulError) => error.code,
    )
    expect(read).toBe('unavailable')
    expect(lines.lines.join()).toContain('is damaged; stop the server, and restore a backup')
    expect(await outcome(backplane)).toBe('unavailable')
    expect(backplane.ready).toBe(false)
  })
})

/** Overwrites the headers of the pages that hold a text. */
function scribble(file: string, text: string): void {
  const bytes = readFileSync(file)
  const fd = openSync(file, 'r+')
  for (let page = 4_096; page < bytes.length; page += 4_096)
    if (bytes.subarray(page, page + 4_096).includes(text)) writeSync(fd, Buffer.alloc(8, 0xff), 0, 8, page)
  closeSync(fd)
}

/** Another process that has the file. */
async function holder(file: string) {
  const code = `
    const name = ${JSON.stringify(DRIVERS[0])}
    const module = require(name)
    const connection = new (module.DatabaseSync ?? module)(${JSON.stringify(file)})
    connection.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT')
    console.log('held')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: dirname(createRequire(import.meta.url).resolve('../../../package.json')),
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child
}

it('a file that another process has is waited for, and whose it is is said once', async () => {
  const file = await fileWith(1, DRIVERS[0])
  writeFileSync(`${file}-owner`, JSON.stringify({ pid: 4711, host: 'ada', since: '2026-01-01' }))
  const child = await holder(file)
  const lines = new Lines()
  const backplane = sqlite({ file, lockTimeoutMs: 60_000 })
  const started = backplane.start(nodeLink({ logger: lines.logger }))
  await vi.waitFor(() => expect(lines.lines).toHaveLength(1), { timeout: 10_000 })
  expect(lines.lines[0]).toContain('is in use by process 4711 on ada since 2026-01-01; waiting for it')
  expect(backplane.ready).toBe(false)
  child.kill('SIGKILL')
  await started
  expect(backplane.ready).toBe(true)
  expect(lines.lines).toHaveLength(1)
  expect((await backplane.read('r', newest)).head.offset).toBe(1)
  await backplane.close()
  expect(existsSync(`${file}-owner`)).toBe(false)
})

it('a file that another process keeps is refused in one sentence', async () => {
  const file = await fileWith(1, DRIVERS[0])
  await holder(file)
  expect(await refusal(file, DRIVERS[0])).toBe(
    'sqlite: FILE is in use by another process; stop it, or give this server a file of its own',
  )
})

it('a message that cannot be written is refused alone, whatever shares its transaction', async () => {
  const file = newFile()
  const before = await opened({ file })
  for (const room of ['good', 'bad']) await before.publish(room, draft())
  await before.close()
  edit(file, DRIVERS[0], (connection) =>
    connection.exec("UPDATE rooms SET head_id = x'00' WHERE name = 'bad'"),
  )
  const lines = new Lines()
  const backplane = await opened({ file }, { logger: lines.logger })
  onTestFinished(() => backplane.close())
  const rooms = Array.from({ length: 10 }, (_, index) => (index === 3 || index === 8 ? 'bad' : 'good'))
  const given = rooms.map((room) => ({ room, draft: draft() }))
  const results = await Promise.allSettled(given.map(({ room, draft }) => backplane.publish(room, draft)))
  expect(results.map(({ status }) => (status === 'rejected' ? 'bad' : 'good'))).toEqual(rooms)
  const { entries } = await backplane.read('good', newest)
  const accepted = given.filter(({ room }) => room === 'good').map(({ draft }) => draft.id)
  expect(entries.map(({ id }) => id).slice(1), 'in order, and none twice').toEqual(accepted)
  expect(lines.lines).toHaveLength(2)
  expect(lines.lines[0]).toContain('a message could not be written: ')
  expect(lines.lines[0]).toContain('the column head_id holds what was never written there')
  expect(backplane.ready).toBe(true)
})

it('messages that are tried while the file is away push no dedupe record out', async () => {
  const file = newFile()
  const clock = new VirtualClock()
  const backplane = await opened({ file, dedupeCount: 10 }, { clock })
  onTestFinished(() => backplane.close())
  const first = draft()
  expect(await outcome(backplane, first)).toBe('accepted')
  const folder = dirname(file)
  renameSync(folder, `${folder}-away`)
  onTestFinished(() => rmSync(`${folder}-away`, { recursive: true, force: true }))
  for (let i = 0; i < 20; i++) expect(await outcome(backplane)).toBe('unavailable')
  renameSync(`${folder}-away`, folder)
  await vi.waitFor(() => expect(backplane.ready).toBe(true), { timeout: 5_000 })
  await clock.advance(1_000)
  // The answer to a read comes after the sweep's, since both come through one port.
  await backplane.read('other', newest)
  const again = { ...first, sender: { ...first.sender, seen: 0 } }
  expect(await backplane.publish('r', again)).toMatchObject({ status: 'accepted', duplicate: true })
})

it('nothing is acknowledged once the file was removed, and all is again once it is back', async () => {
  const file = newFile()
  const lines = new Lines()
  const backplane = await opened({ file }, { logger: lines.logger, clock: systemClock })
  onTestFinished(() => backplane.close())
  expect(await outcome(backplane)).toBe('accepted')
  const folder = dirname(file)
  renameSync(folder, `${folder}-away`)
  onTestFinished(() => rmSync(`${folder}-away`, { recursive: true, force: true }))
  expect(await outcome(backplane)).toBe('unavailable')
  expect(await outcome(backplane)).toBe('unavailable')
  expect(backplane.ready).toBe(false)
  expect(lines.lines).toEqual([
    `sqlite: ${file} was moved or removed while it was open; put it back, or restart the server, which begins a new one`,
  ])
  renameSync(`${folder}-away`, folder)
  await vi.waitFor(() => expect(backplane.ready).toBe(true), { timeout: 5_000 })
  expect(await outcome(backplane)).toBe('accepted')
  expect(lines.lines).toHaveLength(2)
})

const isRoot = process.platform === 'linux' && process.getuid?.() === 0

it.skipIf(!isRoot)(
  'a full disk refuses what it cannot keep, loses nothing, and goes on once there is space',
  async () => {
    const file = newFile()
    const folder = dirname(file)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder])
    onTestFinished(() => void execFileSync('umount', [folder]))
    const lines = new Lines()
    const backplane = await opened({ file }, { logger: lines.logger })
    onTestFinished(() => backplane.close())
    writeFileSync(`${folder}/ballast`, Buffer.alloc(2 * 1024 * 1024))
    const accepted: string[] = []
    let refused: ReturnType<typeof draft> | undefined
    for (let i = 0; i < 2_000 && !refused; i++) {
      const given = draft('x'.repeat(8_000))
      const told = await outcome(backplane, given)
      if (told === 'accepted') accepted.push(given.id)
      else {
        expect(told).toBe('unavailable')
        refused = given
      }
    }
    expect(refused).toBeDefined()
    expect(backplane.ready).toBe(false)
    expect(lines.lines.join('\n')).toContain(
      'is on a full disk; free at least 1 MB, and the server continues by itself',
    )
    expect((await backplane.read('r', newest)).head.offset).toBe(accepted.length)

    rmSync(`${folder}/ballast`)
    await vi.waitFor(() => expect(backplane.ready).toBe(true), { timeout: 5_000 })
    if (refused) expect((await backplane.publish('r', refused)).status).toBe('accepted')
    await backplane.close()
    const again = await opened({ file })
    const { entries } = await again.read('r', { ...newest, maxBytes: 100_000_000 })
    expect(entries.map(({ id }) => id)).toEqual([...accepted, refused?.id])
    await again.close()
  },
)

it('a log of changes that lost its end in a power cut keeps all before it', async () => {
  const file = newFile()
  const backplane = await opened({ file })
  for (let i = 0; i < 20; i++) expect(await outcome(backplane)).toBe('accepted')
  const wal = readFileSync(`${file}-wal`)
  const database = readFileSync(file)
  await backplane.close()
  const torn = newFile()
  writeFileSync(torn, database)
  writeFileSync(`${torn}-wal`, wal.subarray(0, wal.length - 100))
  const again = await opened({ file: torn })
  const { head, entries } = await again.read('r', newest)
  expect(head.offset).toBe(entries.length)
  expect(head.offset).toBeGreaterThan(15)
  expect(statSync(torn).size).toBeGreaterThan(0)
  await again.close()
})
