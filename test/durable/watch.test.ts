import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { symlinkSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished, vi } from 'vitest'
import { readThrough } from '../../packages/server/src/verify/checker/audit.js'
import { check } from '../../packages/server/src/verify/checker/check.js'
import { RecordedClient } from '../../packages/server/src/verify/checker/recorded-client.js'
import { Recording } from '../../packages/server/src/verify/checker/recording.js'
import { reach } from '../checker/reach.js'
import { Random } from '../sim/random.js'
import { temporaryFolder } from './disk-stage.js'

const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url))
const ROOM = 'one'
const SAVES = 3

const program = (port: number, save: number) => `
import { createServer, UNLIMITED } from '@roomful/server'
import { sqlite } from '@roomful/server/sqlite'

// Saved ${save} times.
const server = createServer({ backplane: sqlite({ file: './data/chat.db' }), limits: UNLIMITED })
await server.listen({ port: ${port} })
console.log('listening ${save}')
process.once('SIGTERM', () => server.close())
`

it('[M11] a program under tsx watch that is saved under load goes on with the same log', {
  timeout: 90_000,
}, async () => {
  const folder = temporaryFolder()
  symlinkSync(MODULES, join(folder, 'node_modules'))
  const port = await freePort()
  const save = (times: number) => writeFileSync(join(folder, 'server.mts'), program(port, times))
  save(0)
  const tsx = spawn(process.execPath, [join(MODULES, 'tsx/dist/cli.mjs'), 'watch', 'server.mts'], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  onTestFinished(async () => {
    const ended = once(tsx, 'exit')
    tsx.kill('SIGTERM')
    await ended
  })
  const lines: string[] = []
  for (const stream of [tsx.stdout, tsx.stderr])
    createInterface(stream).on('line', (line) => lines.push(line))
  const said = (text: string) =>
    vi.waitUntil(() => lines.some((line) => line.includes(text)), { timeout: 20_000, interval: 20 })
  await said('listening 0')

  const recording = new Recording()
  const random = new Random(1)
  const enter = (name: string) => new RecordedClient(reach(name, ROOM, [port], random.fork()), recording)
  const clients = ['ana', 'bob', 'cem'].map(enter)
  let written = 0
  const talk = setInterval(() => random.pick(clients).write(`text ${written++}`), 10)
  try {
    await recording.until(() => clients.every(({ isLive }) => isLive), 'everybody has joined')
    for (let times = 1; times <= SAVES; times++) {
      const before = recording.events.length
      await recording.until(() => recording.events.length > before + 100, 'there is some load')
      save(times)
      await said(`listening ${times}`)
    }
  } finally {
    clearInterval(talk)
  }
  await recording.until(() => clients.every(({ outbox }) => outbox.isEmpty), 'all is acknowledged')
  const auditor = enter('auditor')
  await readThrough(auditor, recording)
  for (const client of [...clients, auditor]) client.close()
  expect(check(recording.events)).toEqual([])
  expect(recording.complaints).toEqual([])
  expect(recording.events.filter(({ kind }) => kind === 'acked').length).toBe(written)
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
