import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createClient } from '@roomful/client'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { Cli, type CliOptions, ROOMFUL } from '../support/cli.js'
import { StoreServer } from '../support/store-server.js'

/** A server without clients takes 5 s to end, and Node a while to start where cores are busy. */
const PATIENCE = { timeout: 60_000 }
const WAIT = { timeout: 30_000, interval: 20 }

function roomful(args: readonly string[] = [], env: Record<string, string> = {}, options: CliOptions = {}) {
  const cli = new Cli(args, { PORT: '0', ...env }, options)
  onTestFinished(async () => {
    cli.kill('SIGKILL')
    await cli.exit()
  })
  return cli
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'roomful-store-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function visit(url: string) {
  const client = createClient({ url: `${url.replace('http', 'ws')}/ws`, WebSocket })
  onTestFinished(() => client.close())
  const room = client.room('general')
  const { messages } = await room.join({ history: 10 })
  return { client, room, texts: messages.map(({ message }) => message) }
}

it('the command keeps everything in .roomful where it is started, out of the repository, and names the file first', async () => {
  const cli = roomful()
  const { room } = await visit(await cli.url())
  expect(await room.send('kept')).toMatchObject({ durability: 'disk' })
  const folder = join(cli.folder, '.roomful')
  expect(cli.stdout.split('\n')[0]).toBe(`Roomful: everything is kept in ${join(folder, 'roomful.db')}`)
  expect(await readFile(join(folder, '.gitignore'), 'utf8')).toBe('*\n')
  expect(await readdir(cli.folder)).toEqual(['.roomful'])
})

it(
  '[H8] whoever is there when the command is killed goes on as the same person, and missed nothing',
  PATIENCE,
  async () => {
    const folder = await newFolder()
    const env = { PORT: String(await freePort()) }
    const first = roomful([], env, { folder })
    const { client, room } = await visit(await first.url())
    const user = client.user.get()
    await room.send('before')
    first.kill('SIGKILL')
    await first.exit()
    const late = room.send('meanwhile')
    await roomful([], env, { folder }).url()
    expect(await late).toMatchObject({ offset: 2 })
    expect(room.status.get()).toMatchObject({ state: 'live', recovered: true })
    expect(client.user.get()).toBe(user)
  },
)

it(
  '--data, then ROOMFUL_DATA, choose the folder, and add nothing of ours to one that was there',
  PATIENCE,
  async () => {
    const folder = await newFolder()
    await mkdir(join(folder, 'mine'))
    const byArgument = roomful(['--data', 'new/one'], { ROOMFUL_DATA: 'mine' }, { folder })
    await byArgument.url()
    const byVariable = roomful([], { ROOMFUL_DATA: join(folder, 'mine') }, { folder })
    await byVariable.url()
    expect(byArgument.stdout).toContain(`kept in ${join(folder, 'new/one/roomful.db')}\n`)
    expect(await readFile(join(folder, 'new/one/.gitignore'), 'utf8')).toBe('*\n')
    expect(await readdir(join(folder, 'mine'))).toEqual(expect.arrayContaining(['roomful.db']))
    expect(existsSync(join(folder, 'mine/.gitignore'))).toBe(false)
    expect((await readdir(folder)).sort()).toEqual(['mine', 'new'])
  },
)

it('--memory keeps nothing on disk, and says so', async () => {
  const cli = roomful(['--memory'])
  const { room } = await visit(await cli.url())
  expect(await room.send('forgotten')).toMatchObject({ durability: 'memory' })
  expect(cli.stdout).toMatch(/^Roomful: everything is kept in memory, and a restart forgets it\n/)
  expect(cli.stderr).toBe('')
  expect(await readdir(cli.folder)).toEqual([])
})

it(
  'a second command on a folder waits, is not ready, says once whose it is, and serves when the first has ended',
  PATIENCE,
  async () => {
    const folder = await newFolder()
    const first = roomful([], {}, { folder })
    const { room } = await visit(await first.url())
    await room.send('kept')

    const port = await freePort()
    const second = roomful([], { PORT: String(port) }, { folder })
    const readiness = () => fetch(`http://127.0.0.1:${port}/readyz`).then((response) => response.status)
    await expect.poll(() => second.stderr, WAIT).toContain('waiting for it')
    expect(await readiness()).toBe(503)
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200)

    first.kill('SIGTERM')
    expect((await first.exit()).code).toBe(0)
    const url = await second.url()
    expect(await readiness()).toBe(200)
    expect((await visit(url)).texts).toEqual(['kept'])
    const owner = `roomful.db is in use by process ${first.pid} on `
    expect(second.stderr.split('\n').filter((line) => line.includes(owner))).toHaveLength(1)
    expect(second.stderr.trim().split('\n')).toHaveLength(1)
  },
)

it('a command that waits for the file of another ends at once on SIGTERM', PATIENCE, async () => {
  const folder = await newFolder()
  await roomful([], {}, { folder }).url()
  const second = roomful([], {}, { folder })
  await expect.poll(() => second.stderr, WAIT).toContain('waiting for it')
  second.kill('SIGTERM')
  expect((await second.exit()).code).toBe(0)
})

it('SIGTERM leaves a closed file, which the next command opens at once', PATIENCE, async () => {
  const folder = await newFolder()
  const first = roomful([], {}, { folder })
  const { client, room } = await visit(await first.url())
  await room.send('kept')
  client.close()
  first.kill('SIGTERM')
  expect((await first.exit()).code).toBe(0)
  expect((await readdir(join(folder, '.roomful'))).sort()).toEqual(['.gitignore', 'roomful.db'])
  const second = roomful([], {}, { folder })
  expect((await visit(await second.url())).texts).toEqual(['kept'])
  expect(second.stderr).toBe('')
})

it('a command whose port is taken leaves the file of the other one alone', PATIENCE, async () => {
  const folder = await newFolder()
  const first = roomful([], {}, { folder })
  const { port } = new URL(await first.url())
  const { code, stderr } = await roomful([], { PORT: port }, { folder }).exit()
  expect(code).toBe(1)
  expect(stderr).toMatch(/^roomful: Port \d+ on 127.0.0.1 is in use;.*\n$/)
})

it('a file that is no database ends the command with one sentence, and stays as it is', async () => {
  const folder = await newFolder()
  const text = 'A letter, and no database at all: someone put it here.\n'.repeat(20)
  await writeFile(join(folder, 'roomful.db'), text)
  const { code, stderr } = await roomful(['--data', folder]).exit()
  expect(stderr).toMatch(/^roomful: sqlite: .*roomful\.db is not an SQLite database; name another file.*\n$/)
  expect(code).toBe(1)
  expect(await readFile(join(folder, 'roomful.db'), 'utf8')).toBe(text)
})

it('--check says whether the database of a stopped server is damaged, and where', PATIENCE, async () => {
  const folder = await newFolder()
  const file = join(folder, 'roomful.db')
  const check = () => roomful(['--check', '--data', folder]).exit()
  expect(await check()).toMatchObject({ code: 1, stderr: expect.stringContaining(`there is no ${file}`) })
  expect(existsSync(file)).toBe(false)

  const server = roomful(['--data', folder])
  const { client, room } = await visit(await server.url())
  // Enough for several pages, within the rate of messages.
  for (let n = 0; n < 30; n++) await room.send(`${n} kept ${'x'.repeat(900)}`)
  client.close()
  expect(await check()).toMatchObject({ code: 1, stderr: expect.stringContaining('is open elsewhere') })
  server.kill('SIGTERM')
  await server.exit()
  expect(await check()).toMatchObject({ code: 0, stdout: `Roomful: nothing is damaged in ${file}\n` })

  const bytes = await readFile(file)
  // The kind of the page that holds the message.
  bytes[bytes.indexOf('"message":"15 kept') & ~4_095] = 0xff
  await writeFile(file, bytes)
  const { code, stderr } = await check()
  expect(code).toBe(1)
  expect(stderr).toMatch(/page \d+.*\n(.*\n)*roomful: .*roomful\.db is damaged; restore a backup/)
})

it('--check names any file, such as the one of your own server', PATIENCE, async () => {
  const folder = await newFolder()
  const server = await StoreServer.start({ store: 'sqlite', options: { file: join(folder, 'chat.db') } })
  onTestFinished(() => server.kill())
  await server.kill()
  const check = (...args: readonly string[]) => roomful(['--check', ...args], {}, { folder }).exit()
  const fine = { code: 0, stdout: `Roomful: nothing is damaged in ${join(folder, 'chat.db')}\n` }
  expect(await check('chat.db')).toMatchObject(fine)
  expect(await check('typo.db')).toMatchObject({
    code: 1,
    stderr: `roomful: there is no ${join(folder, 'typo.db')} to check; name the file, as in: --check data/chat.db\n`,
  })
  await rename(join(folder, 'chat.db'), join(folder, 'roomful.db'))
  expect(await check('.')).toMatchObject({ code: 0, stdout: expect.stringContaining('roomful.db') })
})

it('--check takes one database, and no other option takes one', PATIENCE, async () => {
  const refusals: readonly [readonly string[], string][] = [
    [['--check', 'a.db', 'b.db'], "Unexpected argument 'b.db'; see roomful --help"],
    [['a.db'], "Unexpected argument 'a.db'; see roomful --help"],
    [['--check', 'a.db', '--data', 'd'], '--check needs one database: a file, or its folder by --data'],
  ]
  for (const [args, sentence] of refusals)
    expect(await roomful(args).exit()).toMatchObject({ code: 1, stderr: `roomful: ${sentence}\n` })
})

/** A copy of the command that has what it imports beside it, and no better-sqlite3 anywhere above. */
async function roomfulWithoutDriver(args: readonly string[] = []): Promise<Cli> {
  const home = await newFolder()
  const built = dirname(ROOMFUL)
  cpSync(built, join(home, 'dist'), { recursive: true })
  cpSync(join(built, '../package.json'), join(home, 'package.json'))
  mkdirSync(join(home, 'node_modules/@roomful'), { recursive: true })
  for (const name of ['@roomful/protocol', 'ws', 'zod'])
    symlinkSync(
      fileURLToPath(new URL(`../../node_modules/${name}`, import.meta.url)),
      join(home, 'node_modules', name),
    )
  const NODE_OPTIONS = isBuiltin('node:sqlite') ? '--no-experimental-sqlite' : ''
  return roomful(args, { NODE_OPTIONS }, { folder: await newFolder(), program: join(home, 'dist/cli.js') })
}

it('without SQLite the command takes memory, and one line says so and what helps', async () => {
  const cli = await roomfulWithoutDriver()
  const { room } = await visit(await cli.url())
  expect(await room.send('forgotten')).toMatchObject({ durability: 'memory' })
  expect(cli.stderr).toMatch(
    /^Roomful: there is no SQLite, so everything is kept in memory.*Node 22\.13 or later.*npm install better-sqlite3@12 \(with -g .*\)\n$/,
  )
  expect(await readdir(cli.folder)).toEqual([])
})

it('without SQLite the command does not put into memory what should be kept in a folder of choice', async () => {
  const cli = await roomfulWithoutDriver(['--data', 'kept'])
  const { code, stderr } = await cli.exit()
  expect(stderr).toMatch(
    /^roomful: nothing here can open a database in .*kept; use Node 22\.13 .*npm install better-sqlite3@12 \(with -g .*\)\n$/,
  )
  expect(code).toBe(1)
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
