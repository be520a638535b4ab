import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { launchChromium } from '../support/chromium.js'
import { Creator, npm, npmEnv } from '../support/created-app.js'
import { freePort } from '../support/free-port.js'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
let creator: Creator

beforeAll(async () => {
  creator = await Creator.pack()
})

afterAll(() => creator.remove())

async function start(folder: string, port: number): Promise<ChildProcess> {
  // In a group of its own, which ends as one: npm starts a shell, and that the server.
  const app = spawn('npm', ['start'], {
    cwd: folder,
    env: { ...npmEnv, PORT: String(port) },
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
      const told = await creator.create(`My App ${name}`, ...args)
      expect(told).toContain(`  cd "My App ${name}"\n  npm install\n  npm test\n  npm start\n`)
      const folder = join(creator.parent, `My App ${name}`)
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
      await creator.install(folder)
      expect(await npm(folder, 'test')).toContain('pass 2')

      const port = await freePort()
      const app = await start(folder, port)
      for (const [path, text] of [
        ['/healthz', 'ok'],
        ['/readyz', ''],
        ['/metrics', 'roomful_ready 1'],
        ['/?from=a-mail', '<!doctype html>'],
      ] as const) {
        const response = await fetch(`http://127.0.0.1:${port}${path}`)
        expect([path, response.status, await response.text()]).toEqual([
          path,
          200,
          expect.stringContaining(text),
        ])
      }
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
    const { parent } = creator
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
      creator.packed('create'),
      '--strict',
    ]))
})
