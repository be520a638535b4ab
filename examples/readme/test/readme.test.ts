import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createServer, memory, type Roomful } from '@roomful/server'
import { build } from 'esbuild'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { launchChromium } from '../../../test/support/chromium.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = join(root, 'examples/readme')
const source = (file: string) => readFile(join(folder, file), 'utf8')

/** What only a Next.js app has: `npm run test:frameworks` runs it. */
const isNextAlone = (file = '') => file === 'server.mjs' || file === 'app/page.tsx'

let browser: Browser
beforeAll(async () => {
  browser = await launchChromium()
})
afterAll(() => browser?.close())

describe('the programs', () => {
  it.each([
    [
      'README.md',
      ['protocol.ts', 'server.ts', 'client.ts', 'page.ts', 'index.html', 'app/hooks.ts', 'app/chat.tsx'],
    ],
    ['packages/server/README.md', ['server.ts', 'members.ts', 'hook-sets.ts', 'test/typing.test.ts']],
    ['packages/client/README.md', ['client.ts']],
  ])('the programs in %s are those of this example, to the letter', async (readme, files) => {
    const text = await readFile(join(root, readme), 'utf8')
    const blocks = [...text.matchAll(/^`([\w./-]+)`[^\n]*\n\n```\w+\n(.*?)^```$/gms)]
    const told = blocks.map(([, file, code]) => [file, code]).filter(([file]) => !isNextAlone(file))
    const expected = await Promise.all(
      files.map(async (file) => [file, await source(file.replace(/^app\//, ''))]),
    )
    expect(told).toEqual(expected)
    expect(text.match(/^```tsx?$/gm)).toHaveLength(
      blocks.filter(([, file]) => /tsx?$/.test(file ?? '')).length,
    )
  })

  it.each([
    ['server.ts', 11],
    ['client.ts', 10],
  ])('the programs: %s has %i lines at the most', async (file, most) => {
    const lines = (await source(file)).split('\n').filter((line) => line.trim())
    expect(lines.length).toBeLessThanOrEqual(most)
  })
})

it('server.ts in Node and page.ts in two pages hear each other', async () => {
  const port = await freePort()
  await startServer(port)
  const script = await bundle((await source('page.ts')).replace('3000', String(port)), 'browser')
  const first = await openPage(script)
  await expect.poll(() => logOf(first), { timeout: 15_000 }).toEqual(['👋'])
  const second = await openPage(script)
  await expect.poll(() => logOf(second), { timeout: 15_000 }).toEqual(['👋'])
  await second.getByLabel('Message').fill('Hello')
  await second.keyboard.press('Enter')
  await expect.poll(() => logOf(first)).toEqual(['👋', '👋', 'Hello'])
})

it('chat.tsx shows what was sent, and that it was acknowledged', async () => {
  const page = await openApp('<Chat />', `import { Chat } from './chat.js'`)
  await page.getByRole('status').getByText('Connected').waitFor()
  await page.getByLabel('Message').fill('Hello')
  await page.keyboard.press('Enter')
  await page.getByText('Hello (sent)').waitFor()
})

it('messages.tsx edits and deletes messages', async () => {
  const page = await openApp(
    '<><Chat /><Messages /></>',
    `import { Chat } from './chat.js'; import { Messages } from './messages.js'`,
  )
  await page.getByLabel('Message').fill('Hello')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Louder' }).click()
  await page.getByText('Hello! (edited)').waitFor()
  await page.getByText('Hello! (sent)').waitFor()
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByText('Deleted').waitFor()
  expect(await page.getByRole('button').count()).toBe(0)
})

it('everything.ts is formatted for lines of 100 columns, so that none of its lines holds more than fits', async () => {
  const text = await source('everything.ts')
  const path = join(folder, 'everything.ts')
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome')
  const args = ['format', '--line-width=100', `--stdin-file-path=${path}`]
  const formatted = execFileSync(process.execPath, [biome, ...args], {
    cwd: root,
    input: text,
    encoding: 'utf8',
  })
  expect(formatted).toBe(text)
})

it('everything.ts shows names, edits, deletions, reactions, answers, readers and unread counts in less than 30 lines', async () => {
  const text = await source('everything.ts')
  expect(text.trim().split('\n').length).toBeLessThan(30)
  const server = createServer({
    backplane: memory(),
    authenticate({ request }) {
      const name = String(request.headers['user-agent'])
      return { userId: name, profile: { name } }
    },
  })
  const url = await servePage(server)
  const script = await bundle(text, 'browser')
  const enter = async (userAgent: string) => {
    const context = await browser.newContext({ userAgent })
    onTestFinished(() => context.close())
    const page = await context.newPage()
    await page.goto(url)
    await page.addScriptTag({ content: script, type: 'module' })
    const does = async (name: string, answer = '') => {
      page.once('dialog', (dialog) => dialog.accept(answer))
      await page.getByRole('button', { name, exact: true }).first().click()
    }
    const shows = (line: string) => page.locator('p', { hasText: line }).first().waitFor()
    return { page, does, shows }
  }
  const [ada, bob] = [await enter('Ada'), await enter('Bob')]
  await ada.does('Write', 'Helo')
  await bob.shows('Ada: Helo')
  await bob.page.getByRole('button', { name: 'Like' }).click()
  await ada.page.getByRole('button', { name: '👍 1' }).waitFor()
  await ada.does('Edit', 'Hello')
  await bob.shows('Ada: Hello (edited)')
  await bob.does('Reply', 'Hi')
  await ada.shows('Bob: Hi, seen by 1')
  await server.room('random').chat.send('Over here')
  await ada.page.getByText('random: 1 unread').waitFor()
  await ada.page.getByRole('button', { name: 'Delete' }).first().click()
  await bob.shows('Ada: deleted')
})

/** A page with an element of React, from a server of its own. */
async function openApp(element: string, imports: string): Promise<Page> {
  const script = await bundle(
    `import { createRoot } from 'react-dom/client'
     ${imports}
     createRoot(document.body).render(${element})`,
    'browser',
  )
  const page = await browser.newPage()
  onTestFinished(() => page.close())
  await page.goto(await servePage(createServer({ backplane: memory() })))
  await page.addScriptTag({ content: script, type: 'module' })
  return page
}

/** Serves an empty page, with the server at /ws. Resolves with its URL. */
async function servePage(server: Pick<Roomful, 'attach' | 'close'>): Promise<string> {
  const http = createHttpServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>')
  })
  server.attach(http, { path: '/ws' })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  onTestFinished(async () => {
    await server.close()
    http.close()
  })
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`
}

/** server.ts as a user runs it, with the built packages, but for its port and its file. */
async function startServer(port: number) {
  const data = await mkdtemp(join(tmpdir(), 'roomful-readme-'))
  const text = (await source('server.ts')).replace('3000', String(port)).replace('./data', data)
  const server = spawn(process.execPath, ['--input-type=module', '-'], {
    cwd: root,
    stdio: ['pipe', 'inherit', 'inherit'],
  })
  const ended = once(server, 'exit')
  onTestFinished(async () => {
    server.kill('SIGKILL')
    await ended
    await rm(data, { recursive: true, force: true })
  })
  server.stdin.end(await bundle(text, 'node'))
  return server
}

async function bundle(contents: string, platform: 'node' | 'browser'): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: folder, loader: 'tsx' },
    tsconfig: join(root, 'tsconfig.json'),
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    platform,
    // In Node the built packages, as they are installed.
    external: platform === 'node' ? ['@roomful/*', 'zod/*'] : [],
    define: { 'process.env.NODE_ENV': '"production"' },
  })
  return outputFiles[0]?.text ?? ''
}

/** Runs a script in a page of its own. */
async function openPage(script: string): Promise<Page> {
  const page = await browser.newPage()
  onTestFinished(() => page.close())
  const files: Record<string, string> = { '/': await source('index.html'), '/page.js': script }
  await page.route('http://localhost:8000/**', (route) => {
    const { pathname } = new URL(route.request().url())
    const contentType = pathname === '/' ? 'text/html' : 'text/javascript'
    return route.fulfill({ contentType, body: files[pathname] ?? '' })
  })
  await page.goto('http://localhost:8000')
  return page
}

/** What a page shows, without the users' ids. */
async function logOf(page: Page): Promise<string[]> {
  const text = (await page.locator('#log').textContent()) ?? ''
  return text.split('\n').flatMap((line) => line.replace(/^anon-\S+ /, '') || [])
}

it('server.ts closes connections on SIGTERM so that clients come back, and its process ends by itself', async () => {
  const port = await freePort()
  const server = await startServer(port)
  const socket = await dialUntilUp(`ws://127.0.0.1:${port}`)
  const closed = once(socket, 'close')
  socket.on('message', (data) => {
    if (JSON.parse(String(data)).type === 'authenticated') server.kill('SIGTERM')
  })
  socket.send('{"type":"auth","protocol":1}')
  const [code] = await closed
  expect(code).toBe(1012)
  if (server.exitCode === null) await once(server, 'exit')
  expect(server.exitCode).toBe(0)
})

/** Resolves with a socket that the server, which is just starting, has taken. */
async function dialUntilUp(url: string): Promise<WebSocket> {
  for (;;) {
    const socket = new WebSocket(url)
    const isOpen = await new Promise<boolean>((resolve) =>
      socket.once('open', () => resolve(true)).once('error', () => resolve(false)),
    )
    if (isOpen) return socket
  }
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
