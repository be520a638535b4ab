import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

/** An app in `parent`/app, with what npm installs for it, and the packed packages beside it in `parent`/roomful. */
export async function prepareApp(source: URL, parent: string): Promise<void> {
  const folder = join(parent, 'app')
  await cp(source, folder, { recursive: true })
  await mkdir(join(parent, 'roomful'))
  const pack = ['pack', ...['protocol', 'server', 'client'].flatMap((name) => ['-w', `packages/${name}`])]
  await run('npm', [...pack, '--pack-destination', join(parent, 'roomful')], { cwd: root })
  await shell('npm ci', folder)
}

export async function shell(command: string, cwd: string): Promise<void> {
  await run('sh', ['-c', command], { cwd, env: quiet() })
}

export function quiet(): NodeJS.ProcessEnv {
  return { ...process.env, NEXT_TELEMETRY_DISABLED: '1', npm_config_prefer_offline: 'true' }
}

/** What the HTTP API answers to a chat message, and to one with a wrong key. */
export async function publishByHttp(
  room: string,
  key: string,
  message: string,
): Promise<{ status: number; refusedStatus: number }> {
  const post = (authorization: string) =>
    fetch(`${room}/messages`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ message }),
    })
  const { status: refusedStatus } = await post('Bearer wrong')
  const { status } = await post(`Bearer ${key}`)
  return { status, refusedStatus }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  assert.ok(typeof address === 'object' && address)
  return address.port
}
