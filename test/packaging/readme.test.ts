import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, realpath, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { launchChromium } from '../support/chromium.js'
import { installDriver } from '../support/driver.js'
import { commandsOfReadme, withPorts, writeFilesOfReadme } from '../support/readme.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 })

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
let folder: string
let ports: Record<string, number>
let start: string[]

beforeAll(async () => {
  const [pack = '', ...install] = await commandsOfReadme('Install')
  start = await commandsOfReadme('Start')
  ports = { 3000: await freePort(), 8000: await freePort() }
  const parent = await realpath(await mkdtemp(join(tmpdir(), 'roomful-readme-')))
  folder = join(parent, 'app')
  await mkdir(folder)
  await mkdir(join(parent, 'roomful'))
  // What comes before has been done: it is how this test came to run.
  const alone = pack.replace('npm ci && npm run build && ', '')
  expect(alone).toMatch(/^npm pack /)
  await shell(alone, root, { npm_config_pack_destination: join(parent, 'roomful') })
  for (const command of install) await shell(command, folder)
  await installDriver(folder)
  await writeFilesOfReadme(folder, ['protocol.ts', 'server.ts', 'client.ts', 'page.ts', 'index.html'], ports)
})

afterAll(() => rm(join(folder, '..'), { recursive: true, force: true }))

it('the README, followed to the letter in an empty folder, has a client in Node and two tabs chat', async () => {
  const [serve = '', runClient = '', servePage = ''] = start
  const server = background(serve)
  await printed(server, `Roomful listens on ws://127.0.0.1:${ports[3000]}`)
  const client = background(runClient)
  await printed(client, /^anon-\S+ Hello$/m)

  const esbuild = background(servePage)
  const address = `http://127.0.0.1:${ports[8000]}/`
  await printed(esbuild, address)
  const browser = await launchChromium()
  onTestFinished(() => browser.close())
  const [first, second] = [await browser.newPage(), await browser.newPage()]
  const logOf = (page: typeof first) => page.locator('#log').textContent()
  await first.goto(address)
  await expect.poll(() => logOf(first), { timeout: 30_000 }).toContain('👋')
  await second.goto(address)
  await expect.poll(() => logOf(second), { timeout: 30_000 }).toContain('👋')
  await first.getByLabel('Message').fill('from the first tab')
  await first.keyboard.press('Enter')
  await expect.poll(() => logOf(second)).toContain('from the first tab')
  await printed(client, /^anon-\S+ from the first tab$/m)

  server.process.kill('SIGTERM')
  await expect.poll(() => server.process.exitCode ?? server.process.signalCode, { timeout: 30_000 }).toBe(0)

  const again = background(serve)
  await printed(again, `Roomful listens on ws://127.0.0.1:${ports[3000]}`)
  await second.getByLabel('Message').fill('after a restart')
  await second.keyboard.press('Enter')
  await printed(client, /^anon-\S+ after a restart$/m)
  expect((await readdir(join(folder, 'data'))).sort()).toContain('chat.db')
})

interface Background {
  readonly process: ChildProcess
  output: string
}

/**
 * Starts a command of the README; `exec`, so that a signal reaches the program and not its shell. In a group of its own,
 * which ends as one: tsx runs a program in a further process, which would outlive it.
 */
function background(command: string): Background {
  expect(command).toMatch(/^npx /)
  const child = spawn(
    'sh',
    ['-c', `exec ${withPorts(command, ports).replace(/^npx /, './node_modules/.bin/')}`],
    {
      cwd: folder,
      detached: true,
      // esbuild stops serving when its input ends.
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  )
  const started: Background = { process: child, output: '' }
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => {
      started.output += data
    })
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    killGroup(child)
    await exited
  })
  return started
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // All of it has ended.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function printed(started: Background, text: string | RegExp): Promise<void> {
  return expect.poll(() => started.output, { timeout: 60_000 }).toMatch(text)
}

async function shell(command: string, cwd: string, env: Record<string, string> = {}): Promise<void> {
  await run('sh', ['-c', command], {
    cwd,
    env: { ...process.env, npm_config_prefer_offline: 'true', ...env },
  })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (typeof address !== 'object' || !address) throw new Error('The port is not known')
  return address.port
}
