import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import type { WireClient } from '../support/wire-client.js'
import { DiskStage } from './disk-stage.js'
import { judgeOrder, type SyncOrder } from './sync-order.js'

const ROOMS = ['one', 'two']
const CLIENTS = 10
const MESSAGES = 40
const HELD_MS = 5_000
const NO_SYNC = fileURLToPath(new URL('no-sync.cjs', import.meta.url))

/** Several clients write into two rooms at once. Returns the order in which the server wrote, synced and sent. */
async function talk(stage: DiskStage): Promise<SyncOrder> {
  const clients: { readonly client: WireClient; readonly room: string }[] = []
  for (let index = 0; index < CLIENTS; index++) {
    const room = ROOMS[index % ROOMS.length] ?? ''
    clients.push({ client: await stage.enter(room), room })
  }
  for (let sent = 0; sent < MESSAGES; sent++) {
    for (const { client, room } of clients) stage.send(client, room)
    const [{ client }] = clients as [(typeof clients)[0]]
    await client.until(() => client.all('ack').length > sent, 'its acknowledgement')
  }
  const total = (CLIENTS * MESSAGES) / ROOMS.length
  for (const { client } of clients)
    await client.until(() => client.all('chat_message').length === total, 'every message of its room')
  for (const { client } of clients) await client.settled()
  return judgeOrder(stage.shim.events())
}

it('[M5] [M6] no acknowledgement and no entry leaves a server on SQLite before the fdatasync that covers it has returned', async () => {
  const order = await talk(await DiskStage.open())
  expect(order.early).toEqual([])
  expect(order.acks).toBe(CLIENTS * MESSAGES)
  expect(order.entries).toBeGreaterThanOrEqual((CLIENTS * MESSAGES * CLIENTS) / ROOMS.length)
  expect(order.syncs).toBeGreaterThan(MESSAGES / 2)
})

it('the proof of the syncs fails for a store that is opened with synchronous = OFF', async () => {
  const order = await talk(await DiskStage.open({ env: { NODE_OPTIONS: `--require ${NO_SYNC}` } }))
  expect(order.early.length).toBeGreaterThanOrEqual(CLIENTS * MESSAGES)
})

it('[M6] a store that is told to leave syncs to the operating system says so in each acknowledgement', async () => {
  const stage = await DiskStage.open({ sync: 'normal' })
  const client = await stage.enter('one')
  stage.send(client, 'one')
  expect(await client.next('ack')).toMatchObject({ durability: 'buffered' })
  expect(judgeOrder(stage.shim.events()).early).not.toEqual([])
})

it('[M5] while a disk takes 5 s for a sync, nothing is acknowledged or shown, and the server answers everything else', {
  timeout: 30_000,
}, async () => {
  const stage = await DiskStage.open()
  const [client, reader] = [await stage.enter('one'), await stage.enter('one')]
  stage.shim.hold()
  const mark = stage.send(client, 'one')
  const answers = await timeAnswers(stage, HELD_MS)
  await client.settled()
  expect(client.all('ack')).toEqual([])
  expect([...client.all('chat_message'), ...reader.all('chat_message')]).toEqual([])
  // Not the slowest: other tests on this machine take the processor from this process too.
  expect(answers[Math.floor(answers.length * 0.9)]).toBeLessThan(100)
  expect(answers.at(-1)).toBeLessThan(HELD_MS / 4)
  stage.shim.release()
  expect(await client.next('ack')).toMatchObject({ client_id: mark, offset: 1, duplicate: false })
  expect(await reader.next('chat_message')).toMatchObject({ message: mark })
  expect(judgeOrder(stage.shim.events()).early).toEqual([])
})

/** Requests the server's health for some time. Returns how long each answer took, in ms, the slowest last. */
async function timeAnswers({ server }: DiskStage, durationMs: number): Promise<readonly number[]> {
  const times: number[] = []
  for (const end = performance.now() + durationMs; performance.now() < end; ) {
    const startedAt = performance.now()
    expect(await server.status('healthz')).toBe(200)
    times.push(performance.now() - startedAt)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return times.sort((a, b) => a - b)
}
