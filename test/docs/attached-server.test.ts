import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createClient } from '@roomful/client'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { freePort } from '../support/free-port.js'

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
const program = read('attached-server.ts')

async function start() {
  const folder = mkdtempSync(join(tmpdir(), 'roomful-attached-'))
  const [port, adminPort] = [await freePort(), await freePort()]
  const file = fileURLToPath(new URL('attached-server.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), file], {
    cwd: folder,
    env: { ...process.env, PORT: String(port), ADMIN_PORT: String(adminPort), NODE_NO_WARNINGS: '1' },
    stdio: 'inherit',
  })
  const ended = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true })
  })
  const status = (path: string) =>
    fetch(`http://127.0.0.1:${adminPort}${path}`).then(
      (response) => response.status,
      () => 0,
    )
  await expect.poll(() => status('/readyz'), { timeout: 30_000 }).toBe(200)
  return { child, ended, port, adminPort, status }
}

it('docs/deploy.md and docs/monitoring.md show the server that the next test runs', () => {
  expect(read('../../docs/deploy.md')).toContain(`\`\`\`ts\n${program}\`\`\``)
  const [, probes = ''] =
    /```ts\n[^`]*(const admin = [^`]*)admin\.listen/.exec(read('../../docs/monitoring.md')) ?? []
  expect(probes).toContain('/readyz')
  expect(program).toContain(probes)
})

it('the server of docs/deploy.md serves pages, rooms and probes, closes silent sockets, and ends by itself', {
  timeout: 60_000,
}, async () => {
  const { child, ended, port, adminPort, status } = await start()
  const silent = connectTcp(port, '127.0.0.1')
  const closed = once(silent.resume(), 'close')
  const client = createClient({ url: `ws://127.0.0.1:${port}/ws`, WebSocket, session: 'memory' })
  onTestFinished(() => client.close())
  const room = client.room('general')
  await room.join()
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('Your pages\n')
  expect(await status('/healthz')).toBe(200)
  expect(await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()).toContain('roomful_members 1')
  await closed
  // Open for as long, and as silent.
  expect(room.status.get().state).toBe('live')
  child.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
})
