import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { StoreServer } from '../support/store-server.js'
import { WireClient } from '../support/wire-client.js'
import { answerTo, temporaryFolder } from './disk-stage.js'
import { readLogs } from './logs.js'

const SIZE = 8 * 2 ** 20
const SPARE = 2 * 2 ** 20
const ROOM = 'one'
/** The longest text that is allowed, in characters of four bytes. */
const FILLER = '\u{1F4BE}'.repeat(900)

/** Mounts a file system of that size; `undefined` if this user may not mount one. */
function smallDisk(): string | undefined {
  const folder = temporaryFolder()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  onTestFinished(() => void execFileSync('umount', ['--lazy', folder]))
  return folder
}

it('[M11] [M14] a server on a full disk refuses what it cannot store, and continues by itself once there is space', {
  timeout: 60_000,
}, async ({ skip }) => {
  const folder = smallDisk()
  if (!folder) return skip('mounting a tmpfs takes root')
  const spare = join(folder, 'spare')
  writeFileSync(spare, Buffer.alloc(SPARE))
  const server = await StoreServer.start({ store: 'sqlite', options: { file: join(folder, 'chat.db') } })
  onTestFinished(() => server.kill())
  const client = await WireClient.open(server.port)
  await client.join(ROOM)

  const acked = await fill(client)
  expect(acked.length).toBeGreaterThan(100)
  expect(await server.status('healthz')).toBe(200)
  expect(server.log.join('\n')).toMatch(/chat\.db is on a full disk; free at least 1 MB/)
  expect(server.log.length).toBeLessThan(10)
  // What is stored can still be read.
  expect((await readLogs(server.port, [ROOM])).get(ROOM)?.map(({ clientId }) => clientId)).toEqual(acked)

  const refused = `m${acked.length}`
  // For some of the seconds, each of which tries a commit.
  expect(await statusesWhile(server, client, refused, 4_500)).toEqual([503])
  expect(server.log.filter((line) => line.includes('full disk'))).toHaveLength(1)
  rmSync(spare)
  await untilReady(server)
  client.frames.length = 0
  send(client, refused)
  expect(await answerTo(client, refused)).toMatchObject({ type: 'ack', duplicate: false })

  await server.kill()
  await server.restart()
  const log = (await readLogs(server.port, [ROOM])).get(ROOM) ?? []
  expect(log.map(({ clientId }) => clientId)).toEqual([...acked, refused])
})

function send(client: WireClient, id: string): void {
  client.send({ type: 'chat_message', room_id: ROOM, message: `${id} ${FILLER}`, client_id: id })
}

/** Sends messages until one is refused. Returns the client ids of the acknowledged ones. */
async function fill(client: WireClient): Promise<readonly string[]> {
  const acked: string[] = []
  for (;;) {
    const id = `m${acked.length}`
    send(client, id)
    const { type, code } = await answerTo(client, id)
    if (type === 'error') expect(code).toBe('unavailable')
    if (type === 'error') return acked
    acked.push(id)
    client.frames.length = 0
  }
}

/** A client repeats its message all the time, and others write shorter ones; returns each status that the server had. */
async function statusesWhile(server: StoreServer, client: WireClient, refused: string, durationMs: number) {
  const statuses = new Set<number>()
  for (const end = performance.now() + durationMs; performance.now() < end; client.frames.length = 0) {
    send(client, refused)
    expect(await answerTo(client, refused)).toMatchObject({ type: 'error', code: 'unavailable' })
    client.send({ type: 'chat_message', room_id: ROOM, message: 'short', client_id: 'short' })
    expect(await answerTo(client, 'short')).toMatchObject({ type: 'error', code: 'unavailable' })
    statuses.add(await server.status('readyz'))
  }
  return [...statuses]
}

async function untilReady(server: StoreServer): Promise<void> {
  for (const end = performance.now() + 10_000; (await server.status('readyz')) !== 200; )
    if (performance.now() > end) throw new Error('The server did not get ready again')
}
