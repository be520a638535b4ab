import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

/** An app in `parent`/app, with what npm installs for it, and the packed packages beside it in `parent`/roomful. */
export async function prepareApp(source: URL, parent: string): Promise<void> {
  const folder = join(parent, 'app')
  await cp(source, folder, { recursive: true })
  await pack(join(parent, 'roomful'))
  await shell('npm ci', folder)
}

/** An example that is no part of the workspace, in `parent`/examples, with what npm installs for it from packed packages. */
export async function prepareExample(name: string, parent: string): Promise<void> {
  const folder = join(parent, 'examples', name)
  await copyTracked(join('examples', name), folder)
  await pack(parent)
  for (const file of await readdir(parent)) {
    const [, unpacked] = /^roomful-(\w+)-.*\.tgz$/.exec(file) ?? []
    if (!unpacked) continue
    const target = join(parent, 'packages', unpacked)
    await mkdir(target, { recursive: true })
    await run('tar', ['-xzf', join(parent, file), '-C', target, '--strip-components=1'])
  }
  await shell('npm ci', folder)
}

/** As Git would: what somebody has built or installed there stays behind. */
async function copyTracked(from: string, to: string): Promise<void> {
  const { stdout } = await run('git', ['ls-files', '-z', from], { cwd: root })
  for (const file of stdout.split('\0').filter(Boolean))
    await cp(join(root, file), join(to, relative(from, file)))
}

async function pack(to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  const workspaces = ['protocol', 'server', 'client'].flatMap((name) => ['-w', `packages/${name}`])
  await run('npm', ['pack', ...workspaces, '--pack-destination', to], { cwd: root })
}

/** Changes a file; what is to be changed must be there. */
export async function replaceIn(
  folder: string,
  name: string,
  ...changes: readonly (readonly [string, string])[]
): Promise<void> {
  let code = await readFile(join(folder, name), 'utf8')
  for (const [before, after] of changes) {
    assert.ok(code.includes(before), `${name} has no '${before}'`)
    code = code.replace(before, () => after)
  }
  await writeFile(join(folder, name), code)
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
