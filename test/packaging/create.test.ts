import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { launchChromium } from '../support/chromium.js'
import { installDriver } from '../support/driver.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 })

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const env = { ...process.env, npm_config_prefer_offline: 'true', NO_COLOR: '1' }
const version = '0.0.0'
let parent: string

beforeAll(async () => {
  parent = await realpath(await mkdtemp(join(tmpdir(), 'roomful-create-')))
  await mkdir(join(parent, 'packed'))
  const workspaces = ['protocol', 'server', 'client', 'create'].flatMap((name) => ['-w', `packages/${name}`])
  await npm(root, 'pack', ...workspaces, '--pack-destination', join(parent, 'packed'))
})

afterAll(() => rm(parent, { recursive: true, force: true }))

const packed = (name: string) => join(parent, 'packed', `roomful-${name}-${version}.tgz`)

/** Runs npm. @throws Error that shows what it printed */
async function npm(cwd: string, ...args: string[]): Promise<string> {
  try {
    return (await run('npm', args, { cwd, env })).stdout
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`npm ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error })
  }
}

/** What `npm create @roomful` does, with the packed package in the place of the one on npm. */
function create(...args: string[]): Promise<string> {
  return npm(parent, 'exec', '--yes', '--package', packed('create'), '--', 'create-roomful', ...args)
}

/** The packages are taken from their tarballs, and the driver, which would be compiled, from the repository. */
async function install(folder: string): Promise<void> {
  const file = join(folder, 'package.json')
  const manifest = JSON.parse(await readFile(file, 'utf8'))
  for (const name of ['protocol', 'server', 'client']) {
    expect(manifest.dependencies[`@roomful/${name}`]).toBe(`^${version}`)
    manifest.dependencies[`@roomful/${name}`] = `file:${packed(name)}`
  }
  manifest.dependencies['better-sqlite3'] = undefined
  await writeFile(file, JSON.stringify(manifest))
  await npm(folder, 'install', '--no-audit', '--no-fund')
  await installDriver(folder)
}

async function start(folder: string, port: number): Promise<ChildProcess> {
  // In a group of its own, which ends as one: npm starts a shell, and that the server.
  const app = spawn('npm', ['start'], {
    cwd: folder,
    env: { ...env, PORT: String(port) },
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(app, 'exit')
  onTestFinished(async () => {
    if (app.exitCode === null && app.signalCode === null) process.kill(-(app.pid ?? 0), 'SIGKILL')
    await exited
  })
  let output = ''
  app.stdout.on('data', (chunk) => {
    output += chunk
  })
  await expect.poll(() => output, { timeout: 60_000 }).toContain(`Open http://localhost:${port}`)
  return app
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

const logOf = (page: Page) => page.getByRole('log').textContent()

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text)
  await page.keyboard.press('Enter')
}

describe('npm create @roomful', () => {
  it.each([
    ['typescript', []],
    ['react', ['--template', 'react']],
  ])(
    'npm create @roomful makes an app that passes its tests and chats in two tabs (%s)',
    async (name, args) => {
      const told = await create(`My App ${name}`, ...args)
      expect(told).toContain(`  cd "My App ${name}"\n  npm install\n  npm test\n  npm start\n`)
      const folder = join(parent, `My App ${name}`)
      expect((await readdir(folder)).sort()).toEqual([
        '.gitignore',
        'README.md',
        'package.json',
        name === 'react' ? 'page.tsx' : 'page.ts',
        'protocol.ts',
        'public',
        'rooms.test.ts',
        'rooms.ts',
        'server.ts',
        'tsconfig.json',
      ])
      await install(folder)
      expect(await npm(folder, 'test')).toContain('pass 2')

      const port = await freePort()
      const app = await start(folder, port)
      const browser = await launchChromium()
      onTestFinished(() => browser.close())
      const [first, second] = [await browser.newPage(), await browser.newPage()]
      for (const page of [first, second]) {
        await page.goto(`http://127.0.0.1:${port}/`)
        await page.getByRole('status').getByText('Connected', { exact: true }).waitFor()
      }
      await say(first, 'from the first')
      await expect.poll(() => logOf(second)).toContain('from the first')
      await second.getByLabel('Wave', { exact: true }).click()
      await first.getByText('👋').nth(1).waitFor()
      process.kill(-(app.pid ?? 0), 'SIGTERM')
      await once(app, 'exit')

      await start(folder, port)
      await first.reload()
      await expect.poll(() => logOf(first)).toContain('from the first')
    },
  )

  it.each([
    ['no folder', [], 'Name one folder for the app: npm create @roomful my-app\n'],
    ['two folders', ['a', 'b'], 'Name one folder for the app: npm create @roomful my-app\n'],
    [
      'a folder with something in it',
      ['packed'],
      'packed is not empty: name a new folder, or an empty one\n',
    ],
    ['a file', ['file'], 'file is a file, not a folder\n'],
    [
      'an unknown template',
      ['a', '--template', 'vue'],
      "There is no template 'vue': choose typescript or react\n",
    ],
    [
      'an unknown option',
      ['a', '--to'],
      "Unknown option '--to': npm create @roomful -- --help shows the options\n",
    ],
  ])('npm create @roomful with %s says in one sentence what to do', async (_, args, sentence) => {
    await writeFile(join(parent, 'file'), '')
    const cli = join(root, 'packages/create/dist/cli.js')
    const refused = run(process.execPath, [cli, ...args], { cwd: parent })
    await expect(refused).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(new RegExp(`^(\\S*/)?${sentence}$`)),
    })
    expect(await readdir(parent)).not.toContain('a')
  })

  it('the packed @roomful/create is clean by publint', () =>
    run(process.execPath, [
      join(root, 'node_modules/publint/src/cli.js'),
      'run',
      packed('create'),
      '--strict',
    ]))
})
