import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { StoreServer } from '../support/store-server.js'
import { WireClient } from '../support/wire-client.js'
import { answerTo, temporaryFolder } from './disk-stage.js'
import { readLogs } from './logs.js'

const ROOM = 'one'

it('[M11] a server that is started the moment another one on its file gets SIGTERM waits for it, and has all that it acknowledged', async () => {
  const options = { file: join(temporaryFolder(), 'chat.db') }
  const old = await StoreServer.start({ store: 'sqlite', options })
  onTestFinished(() => old.kill())
  const client = await WireClient.open(old.port)
  await client.join(ROOM)
  const acked: string[] = []
  for (let sent = 0; sent < 50; sent++) {
    const id = `m${sent}`
    client.send({ type: 'chat_message', room_id: ROOM, message: id, client_id: id })
    if ((await answerTo(client, id)).type === 'ack') acked.push(id)
  }
  // In flight when the signal arrives: each is acknowledged, refused or cut off.
  for (let sent = 50; sent < 80; sent++)
    client.send({ type: 'chat_message', room_id: ROOM, message: `m${sent}`, client_id: `m${sent}` })
  const left = old.leave()
  const young = await StoreServer.start({ store: 'sqlite', options })
  onTestFinished(() => young.kill())
  await left
  await client.closed
  for (const { client_id } of client.all('ack')) acked.push(String(client_id))
  const log = ((await readLogs(young.port, [ROOM])).get(ROOM) ?? []).map(({ text }) => text)
  expect(log).toEqual(Array.from({ length: log.length }, (_, index) => `m${index}`))
  expect(log).toEqual(expect.arrayContaining(acked))
  expect(log.length).toBeGreaterThanOrEqual(50)
})

it('a server whose file another one keeps says whose it is, and gives up in one sentence', async () => {
  const options = { file: join(temporaryFolder(), 'chat.db'), lockTimeoutMs: 300 }
  const first = await StoreServer.start({ store: 'sqlite', options })
  onTestFinished(() => first.kill())
  await expect(StoreServer.start({ store: 'sqlite', options })).rejects.toThrow(
    new RegExp(
      `chat\\.db is in use by process ${first.pid} .*; stop it, or give this server a file of its own`,
    ),
  )
})
