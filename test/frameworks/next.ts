import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { WebSocket } from 'ws'
import { launchChromium } from '../support/chromium.js'
import { installDriver } from '../support/driver.js'
import { commandsOfReadme, writeFilesOfReadme } from '../support/readme.js'
import { type Figure, writeResult } from '../support/results.js'
import { freePort, prepareApp, publishByHttp, quiet, replaceIn, shell } from './packed.js'

// The Next.js app of README.md, from packed packages, in Chromium: while it is developed, and built for production.

interface App {
  /** What the server in it has seen. */
  readonly connections: { open: number; opened: number }
  readonly exitCode: Promise<number>
  terminate(): void
  stop(): Promise<void>
}

const PATIENCE_MS = 60_000
const port = await freePort()
const parent = await realpath(await mkdtemp(join(tmpdir(), 'roomful-next-')))
const folder = join(parent, 'app')
const browser = await launchChromium()
const figures: Figure[] = []
const API_KEY = 'k'.repeat(32)
/** Warnings and errors of React, of hydration above all, of the browser, and of the server. */
const complaints: string[] = []

try {
  const [install = '', setDev = '', runDev = '', buildAndServe = ''] =
    await commandsOfReadme('React and Next.js')
  const [build = '', serve = ''] = buildAndServe.split(' && ')
  await prepare(install)
  assert.equal(runDev, 'npm run dev')
  await shell(setDev, folder)
  await withApp(await script('dev'), async (app) => {
    const [ann] = await chat('development', app)
    await edit('development', app, ann)
  })
  await writeFilesOfReadme(folder, ['app/hooks.ts', 'app/chat.tsx'], {})
  await shell(build, folder)
  // The two parts say the same again, in an empty room.
  await rm(join(folder, 'data'), { recursive: true })
  await withApp(serve, async (app) => {
    const [ann] = await chat('production', app)
    await keepToThePath('production', app)
    assert.deepEqual(complaints, [])
    // From here on, both complain of refused upgrades, as they should.
    await drain('production', app, ann)
  })
  figures.push(['warnings and errors of React, the browser and the server, until it drains', 0])
} finally {
  await browser.close()
  await rm(parent, { recursive: true, force: true })
}
const { version } = JSON.parse(await readFile(new URL('next/package-lock.json', import.meta.url), 'utf8'))
  .packages['node_modules/next']
const title = `The README in Next.js ${version}, in Chromium ${browser.version()}`
writeResult('frameworks', title, 'npm run test:frameworks', figures)

/** What `npm run name` runs: started without npm, it can tell this process what it sees. */
async function script(name: string): Promise<string> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')).scripts[name]
}

/** What `create-next-app` leaves, with what the README adds. */
async function prepare(install: string): Promise<void> {
  await prepareApp(new URL('next', import.meta.url), parent)
  await shell(install, folder)
  await installDriver(folder)
  await writeFilesOfReadme(folder, ['app/hooks.ts', 'app/chat.tsx', 'app/page.tsx', 'server.mjs'], {
    3000: port,
  })
  await replaceIn(
    folder,
    'server.mjs',
    ['{ createServer }', '{ bearer, createServer }'],
    ['const http = createHttpServer(app.getRequestHandler())\n', await recipeOfApi()],
  )
  await replaceIn(folder, 'server.mjs', [
    'const rooms = createServer({',
    `const tell = (what) => () => void process.send(what)
     const rooms = createServer({ on: { connect: tell('opened'), close: tell('closed') },`,
  ])
}

/** How docs/frameworks.md adds the HTTP API, to the letter. */
async function recipeOfApi(): Promise<string> {
  const page = await readFile(new URL('../../docs/frameworks.md', import.meta.url), 'utf8')
  const [, code] = /^## Next.js\n.*?^```js\n(.*?)^```$/ms.exec(page) ?? []
  assert.ok(code, 'docs/frameworks.md shows no JavaScript for Next.js')
  return code
}

/** Two pages chat, and a reload continues: one connection each. */
async function chat(mode: string, app: App): Promise<[Page, Page]> {
  const html = await (await fetch(`http://localhost:${port}`)).text()
  assert.match(html, /<p role="status">Not connected yet<\/p>/)
  assert.equal(app.connections.opened, 0)
  const [ann, bob] = [await openPage(), await openPage()]
  await say(ann, 'from ann')
  await bob.getByText('from ann (sent)').waitFor()
  await say(bob, 'from bob')
  await ann.getByText('from bob (sent)').waitFor()
  assert.deepEqual(app.connections, { open: 2, opened: 2 })
  await ann.reload()
  await ann.getByText('from bob (sent)').waitFor()
  await becomes(app, { open: 2, opened: 3 })
  const published = await publishByHttp(
    `http://localhost:${port}/api/rooms/general`,
    API_KEY,
    `${mode} by HTTP`,
  )
  assert.deepEqual(published, { status: 200, refusedStatus: 401 })
  for (const page of [ann, bob]) await page.getByText(`${mode} by HTTP (sent)`).waitFor()
  figures.push([`${mode}: pages that got a message which the HTTP API published`, 2])
  figures.push([`${mode}: connections on the server, of two pages that chat`, app.connections.open])
  figures.push([`${mode}: connections opened, of which a reload opened one`, app.connections.opened])
  return [ann, bob]
}

/** The rooms answer at /ws alone. */
async function keepToThePath(mode: string, app: App): Promise<void> {
  const { opened } = app.connections
  for (const path of ['/wsx', '/ws/', '/ws?a=b']) await dialed(path)
  // The last to be told of, so that the others would have been.
  await becomes(app, { open: 2, opened: opened + 1 })
  figures.push([
    `${mode}: of the paths /wsx, /ws/ and /ws?a=b, those let in`,
    app.connections.opened - opened,
  ])
}

/** Resolves once a WebSocket at a path was greeted, or was not within a second and a half. */
function dialed(path: string): Promise<void> {
  const socket = new WebSocket(`ws://localhost:${port}${path}`)
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(late)
      socket.terminate()
      resolve()
    }
    const late = setTimeout(end, 1_500)
    socket.on('message', end).on('error', end)
  })
}

/** SIGTERM sends pages elsewhere, and ends the process in good order. */
async function drain(mode: string, app: App, page: Page): Promise<void> {
  app.terminate()
  await page.getByRole('status').getByText('Connected', { exact: true }).waitFor({ state: 'hidden' })
  const code = await app.exitCode
  assert.equal(code, 0)
  figures.push([`${mode}: exit code after SIGTERM`, code])
}

/** Fast Refresh keeps the connection; a client whose module is edited is replaced, and gives its own up. */
async function edit(mode: string, app: App, page: Page): Promise<void> {
  const { opened } = app.connections
  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: source text
  await replaceIn(folder, 'app/chat.tsx', ['(${entry.state})', '[${entry.state}]'])
  await page.getByText('from bob [sent]').waitFor()
  assert.deepEqual(app.connections, { open: 2, opened })
  for (const edits of [1, 2]) {
    await replaceIn(folder, 'app/hooks.ts', ["url: '/ws", "url: '/ws?edited"])
    await becomes(app, { open: 2, opened: opened + 2 * edits })
    await page.getByText('from bob [sent]').waitFor()
  }
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: source text
  figures.push([`${mode}: connections of the two pages after three edits`, app.connections.open])
}

async function openPage(): Promise<Page> {
  const context = await browser.newContext()
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  // Development has Next.js compile a page when it is first asked for, and React check what it hydrates.
  await page.goto(`http://localhost:${port}`, { timeout: PATIENCE_MS })
  await page.getByRole('status').getByText('Connected', { exact: true }).waitFor()
  return page
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message').fill(text)
  await page.keyboard.press('Enter')
}

async function withApp(command: string, work: (app: App) => Promise<void>): Promise<void> {
  const app = await start(command)
  try {
    await work(app)
  } finally {
    for (const context of browser.contexts()) await context.close()
    await app.stop()
  }
}

/** Starts the app as the README says; `exec`, so that a signal reaches the program and not its shell. */
async function start(command: string): Promise<App> {
  const server = spawn('sh', ['-c', command.replace('node ', 'exec node ')], {
    cwd: folder,
    detached: true,
    env: { ...quiet(), API_KEY },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  server.stderr?.on('data', (chunk) => {
    process.stderr.write(chunk)
    if (String(chunk).includes('[roomful]')) complaints.push(String(chunk))
  })
  const connections = { open: 0, opened: 0 }
  server.on('message', (what) => {
    connections.open += what === 'opened' ? 1 : -1
    if (what === 'opened') connections.opened++
  })
  const exited = once(server, 'exit')
  const stop = async () => {
    if (server.pid && server.exitCode === null) process.kill(-server.pid, 'SIGKILL')
    await exited
  }
  const ready = new Promise<void>((resolve, reject) => {
    // Read on to the end: an app whose output nobody takes would stand still.
    server.stdout?.on('data', (chunk) => String(chunk).includes('Ready on http') && resolve())
    server.once('exit', () => reject(new Error(`'${command}' ended before it was ready`)))
  })
  await ready
  const exitCode = exited.then(([code]) => code as number)
  return { connections, exitCode, terminate: () => void process.kill(-(server.pid ?? 0), 'SIGTERM'), stop }
}

/** Waits until the server has seen so many connections: a page's close takes its time. */
async function becomes(app: App, expected: App['connections']): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  const isThere = () => app.connections.open === expected.open && app.connections.opened === expected.opened
  while (!isThere() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20))
  assert.deepEqual(app.connections, expected)
}
