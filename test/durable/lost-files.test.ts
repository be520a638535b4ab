import { existsSync, readFileSync, renameSync, rmSync, statSync, truncateSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { StoreServer } from '../support/store-server.js'
import { WireClient } from '../support/wire-client.js'
import { answerTo, temporaryFolder } from './disk-stage.js'
import { readLogs } from './logs.js'

const ROOM = 'one'

async function start(folder: string): Promise<StoreServer> {
  const file = join(folder, 'chat.db')
  const server = await StoreServer.start({ store: 'sqlite', options: { file } })
  onTestFinished(() => server.kill())
  return server
}

async function enter(server: StoreServer, fields = {}) {
  const client = await WireClient.open(server.port)
  onTestFinished(() => client.socket.terminate())
  return { client, joined: await client.join(ROOM, fields) }
}

/** Sends a message, and returns its answer. */
async function tell(client: WireClient, text: string) {
  client.send({ type: 'chat_message', room_id: ROOM, message: text, client_id: text })
  return answerTo(client, text)
}

async function textsIn(server: StoreServer): Promise<readonly string[]> {
  return ((await readLogs(server.port, [ROOM])).get(ROOM) ?? []).map(({ text }) => text)
}

const texts = (count: number) => Array.from({ length: count }, (_, index) => `text ${index}`)

it('[M14] a server whose folder is removed acknowledges nothing more, and says what to do', async () => {
  const folder = join(temporaryFolder(), 'data')
  const server = await start(folder)
  const { client } = await enter(server)
  expect(await tell(client, 'before')).toMatchObject({ type: 'ack' })
  rmSync(folder, { recursive: true })
  expect(await tell(client, 'after')).toMatchObject({ type: 'error', code: 'unavailable' })
  expect(await tell(client, 'later')).toMatchObject({ type: 'error', code: 'unavailable' })
  expect(client.all('chat_message')).toHaveLength(1)
  expect(await server.status('healthz')).toBe(200)
  expect(await server.status('readyz')).toBe(503)
  expect(server.log.join('\n')).toMatch(/chat\.db was moved or removed while it was open/)
  await server.kill()
  await server.restart()
  expect(await textsIn(server)).toEqual([])
  expect(await tell((await enter(server)).client, 'anew')).toMatchObject({ type: 'ack', offset: 1 })
})

it('[H3] a server whose folder is moved away and put back shows readers every entry, without a hole', async () => {
  const base = temporaryFolder()
  const [folder, elsewhere] = [join(base, 'data'), join(base, 'elsewhere')]
  const server = await start(folder)
  const [{ client }, { client: reader }] = [await enter(server), await enter(server)]
  expect(await tell(client, 'before')).toMatchObject({ type: 'ack', offset: 1 })
  renameSync(folder, elsewhere)
  expect(await tell(client, 'meanwhile')).toMatchObject({ type: 'error', code: 'unavailable' })
  renameSync(elsewhere, folder)
  client.frames.length = 0
  const again = await retry(client, 'meanwhile')
  expect(again).toMatchObject({ type: 'ack', offset: 2 })
  expect(await tell(client, 'after')).toMatchObject({ type: 'ack', offset: 3 })
  await reader.until(() => reader.all('chat_message').some(({ offset }) => offset === 3), 'the last message')
  expect(reader.all('chat_message').map(({ message, offset }) => [offset, message])).toEqual([
    [1, 'before'],
    [2, 'meanwhile'],
    [3, 'after'],
  ])
})

/** Sends a message until it is acknowledged, as the outbox of a client does. */
async function retry(client: WireClient, text: string) {
  for (const end = performance.now() + 10_000; performance.now() < end; client.frames.length = 0) {
    const answer = await tell(client, text)
    if (answer.type === 'ack') return answer
  }
  throw new Error(`'${text}' was refused to the end`)
}

it('[H7] a server whose log of changes was cut short goes on with what is left, and tells readers that they are ahead of it', async () => {
  const folder = temporaryFolder()
  const server = await start(folder)
  const { client } = await enter(server)
  for (const text of texts(50)) await tell(client, text)
  const last = client.all('ack').at(-1)
  await server.kill()
  const wal = join(folder, 'chat.db-wal')
  truncateSync(wal, Math.floor(statSync(wal).size / 2))
  await server.restart()

  const left = await textsIn(server)
  expect(left.length).toBeGreaterThan(0)
  expect(left.length).toBeLessThan(50)
  expect(left).toEqual(texts(left.length))
  const since = { epoch: last?.epoch, offset: last?.offset, id: last?.id }
  const { joined, client: back } = await enter(server, { since })
  expect(joined).toMatchObject({ recovered: false, reason: 'forked', offset: left.length })
  expect(await tell(back, 'after')).toMatchObject({ type: 'ack', offset: left.length + 1 })
})

it('[H7] a server with a flipped byte in its log of changes goes on with what was before it', async () => {
  const folder = temporaryFolder()
  const server = await start(folder)
  const { client } = await enter(server)
  for (const text of texts(50)) await tell(client, text)
  await server.kill()
  const wal = join(folder, 'chat.db-wal')
  await flip(wal, Math.floor(statSync(wal).size / 2))
  await server.restart()
  const left = await textsIn(server)
  expect(left.length).toBeLessThan(50)
  expect(left).toEqual(texts(left.length))
})

it('[M14] a server whose log of changes is removed acknowledges nothing more, and SIGTERM saves what was in it', async () => {
  const folder = temporaryFolder()
  const server = await start(folder)
  const { client } = await enter(server)
  expect(await tell(client, 'before')).toMatchObject({ type: 'ack' })
  rmSync(join(folder, 'chat.db-wal'))
  expect(await tell(client, 'after')).toMatchObject({ type: 'error', code: 'unavailable' })
  expect(server.log.join('\n')).toMatch(
    /chat\.db has lost the -wal file beside it.* end the server with SIGTERM/,
  )
  await server.leave()
  await server.restart()
  expect(await textsIn(server)).toEqual(['before'])
})

it('a server whose file is damaged in each of its pages does not start, and says in one sentence what to do', async () => {
  const folder = temporaryFolder()
  const server = await start(folder)
  const { client } = await enter(server)
  await tell(client, 'one')
  await server.leave()
  await damage(join(folder, 'chat.db'))
  await expect(server.restart()).rejects.toThrow(/chat\.db is damaged; stop the server, and restore a backup/)
})

it('[M14] a server whose file is damaged where messages stand refuses what touches it, and serves the rest', async () => {
  const folder = temporaryFolder()
  const server = await start(folder)
  const { client } = await enter(server)
  for (const text of texts(300)) await tell(client, text)
  await server.leave()
  await damage(join(folder, 'chat.db'), '"message":"text ')
  await server.restart()
  const again = await WireClient.open(server.port)
  onTestFinished(() => again.socket.terminate())
  expect(await again.refusal({ type: 'join', room_id: ROOM, history: 100 })).toBe('unavailable')
  expect(await server.status('healthz')).toBe(200)
  expect(await again.refusal({ type: 'history', room_id: ROOM, limit: 100 })).toBeDefined()
  expect(await again.refusal({ type: 'join', room_id: ROOM, history: 100 })).toBe('unavailable')
  expect(server.log).toEqual([
    expect.stringMatching(
      /chat\.db is damaged; stop the server, and restore a backup .*; quick_check: .*page/,
    ),
  ])
})

const PAGE = 4_096

/** Overwrites the type of each page that holds this text with a value that no type has. */
async function damage(file: string, text = ''): Promise<void> {
  expect(existsSync(`${file}-wal`)).toBe(false)
  const bytes = readFileSync(file)
  // The first page begins with the header of the database.
  for (let at = PAGE; at < bytes.length; at += PAGE)
    if (bytes.subarray(at, at + PAGE).includes(text)) await flip(file, at)
}

it('a server whose file is not a database does not start, and says in one sentence why', async () => {
  const folder = temporaryFolder()
  const server = await start(folder)
  const { client } = await enter(server)
  await tell(client, 'one')
  await server.leave()
  await flip(join(folder, 'chat.db'), 0)
  await expect(server.restart()).rejects.toThrow(/chat\.db is not an SQLite database; name another file/)
})

/** Flips all bits of one byte. */
async function flip(file: string, at: number): Promise<void> {
  const handle = await open(file, 'r+')
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, at)
  await handle.write(Buffer.from([(buffer[0] ?? 0) ^ 0xff]), 0, 1, at)
  await handle.close()
}
