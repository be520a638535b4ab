import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseEnv } from 'node:util'
import { createRest, type Rest } from '@roomful/server/rest'
import type { BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core'
import { launchChromium } from '../support/chromium.js'
import { lowContrasts } from '../support/contrast.js'
import { installDriver } from '../support/driver.js'
import { type Figure, writeResult } from '../support/results.js'
import { Gate, holdPage, holdRequests } from './gates.js'
import { freePort, prepareExample, quiet, replaceIn, shell } from './packed.js'

// examples/next-chat, from packed packages, in Chromium: while it is developed, and built for production.

interface Connections {
  open: number
  opened: number
}

interface App {
  /** What its rooms have seen. */
  readonly connections: Connections
  stop(): Promise<void>
}

/** What each process prints once it listens. */
const [PAGES, ROOMS] = ['Ready in', 'Rooms are at']
const PATIENCE_MS = 120_000
const [pagesPort, roomsPort] = [await freePort(), await freePort()]
const pages = `http://localhost:${pagesPort}`
const parent = await realpath(await mkdtemp(join(tmpdir(), 'roomful-next-chat-')))
const folder = join(parent, 'examples/next-chat')
const browser = await launchChromium()
const figures: Figure[] = []
/** Warnings and errors of React, of hydration above all, of the browser, and of both servers. */
const complaints: string[] = []
/** What the room has, in order. */
let said: string[] = []
let rest: Rest

try {
  await prepare()
  const { API_KEY } = parseEnv(await readFile(join(folder, '.env.local'), 'utf8'))
  rest = createRest({ url: `http://localhost:${roomsPort}/api`, key: API_KEY })
  await withApp('npm run dev', [PAGES, ROOMS], async (app) => {
    await tryAll('development', app)
    await edit(app)
    await closePages()
  })
  await shell('npm run build', folder)
  // The second part says the same again, in an empty room.
  await rm(join(folder, 'data'), { recursive: true })
  await withApp('npm start', [PAGES, ROOMS], async (app) => {
    await tryAll('production', app)
    await closePages()
  })
  assert.deepEqual(complaints, [])
  figures.push(['warnings and errors of React, the browser and both servers', 0])
  // From here on, browsers complain of connections that are refused, as they should.
  await withApp('npm run start:pages', [PAGES], outage)
} finally {
  await browser.close()
  await rm(parent, { recursive: true, force: true })
}
const { version } = JSON.parse(
  await readFile(new URL('../../examples/next-chat/package-lock.json', import.meta.url), 'utf8'),
).packages['node_modules/next']
const title = `The chat of examples/next-chat in Next.js ${version}, in Chromium ${browser.version()}`
writeResult('next-chat', title, 'npm run test:frameworks', figures)

/** The example on ports of its own; its rooms tell of the connections that they have. */
async function prepare(): Promise<void> {
  await prepareExample('next-chat', parent)
  await installDriver(folder)
  const [toPages, toRooms] = [
    ['3009', String(pagesPort)],
    ['3014', String(roomsPort)],
  ] as const
  await replaceIn(folder, 'package.json', toPages, toPages)
  await replaceIn(folder, '.env', toPages, toRooms)
  await replaceIn(folder, 'server.ts', toRooms, [
    'createServer({\n',
    "createServer({ on: { connect: () => console.log('(opened)'), close: () => console.log('(closed)') },\n",
  ])
}

async function tryAll(mode: string, app: App): Promise<void> {
  await withoutJavaScript(mode)
  const [ada, bob] = [await openPage('Ada'), await openPage('Bob')]
  await chat(mode, app, ada, bob)
  await rollOnce(mode, ada, bob)
  await publishWhileItLoads(mode, app, bob)
  await sendBeforeItIsLoaded(mode, bob)
  await visitAnotherRoom(mode, app, ada)
  await logInAsAnother(mode, app, ada)
}

/** What a search engine sees: the messages are in the HTML, and forms work. */
async function withoutJavaScript(mode: string): Promise<void> {
  said = []
  await publish('from the API')
  const context = await newContext(complaints, { javaScriptEnabled: false })
  const page = await logIn(await context.newPage(), 'Cleo')
  assert.deepEqual(await texts(page), said)
  // In development, Next.js 16.4 with Cache Components fails to render after an action that does not redirect.
  if (mode === 'production') {
    await page.getByRole('button', { name: 'Roll a die' }).click()
    await page.getByText(/^Cleo rolled a [1-6]$/).waitFor()
  }
  await logOut(page)
  await context.close()
  figures.push([`${mode}: messages in the HTML, without JavaScript, of those published`, said.length])
}

/** Two pages chat, over a connection each, though StrictMode mounts everything twice in development. */
async function chat(mode: string, app: App, ada: Page, bob: Page): Promise<void> {
  await say(ada, 'from Ada')
  await shows(bob, said)
  await say(bob, 'from Bob')
  await shows(ada, said)
  await becomes(app, { open: 2, opened: 2 })
  figures.push([`${mode}: connections of two pages that chat`, app.connections.opened])
  // With tsx, functions call a helper that the page does not have.
  for (const page of [ada, bob])
    assert.deepEqual(await page.evaluate(`const __name = (f) => f; (${lowContrasts})()`), [])
}

/** What the server action publishes comes once, to everybody, and is there once after a reload. */
async function rollOnce(mode: string, ada: Page, bob: Page): Promise<void> {
  const rolls = ada.getByText(/^Ada rolled a [1-6]$/)
  await ada.getByRole('button', { name: 'Roll a die' }).click()
  await bob.getByText(/^Ada rolled a [1-6]$/).waitFor()
  await say(ada, 'Rolled')
  await shows(bob, said)
  assert.deepEqual([await rolls.count(), await bob.getByText(/^Ada rolled/).count()], [1, 1])
  await ada.reload()
  await live(ada)
  assert.equal(await rolls.count(), 1)
  figures.push([`${mode}: how often a page shows what a server action published, also after a reload`, 1])
}

/** Whatever is published between the HTML and the join is shown once, in order. */
async function publishWhileItLoads(mode: string, app: App, page: Page): Promise<void> {
  const { open, opened } = app.connections
  const gates = await holdPage(page)
  await page.reload({ waitUntil: 'commit' })
  await shows(page, said)
  for (const gate of gates) {
    await gate.reached
    await publish(`while ${gate.name}`)
    gate.open()
  }
  await live(page)
  await publish('once it is live')
  await shows(page, said)
  await page.unrouteAll()
  await becomes(app, { open, opened: opened + 1 })
  figures.push([`${mode}: moments of loading at which a message was published`, gates.length])
  figures.push([`${mode}: of those messages, missing, doubled or out of order`, 0])
}

/** Who sends before the page can send does not lose the message. */
async function sendBeforeItIsLoaded(mode: string, page: Page): Promise<void> {
  const gates = await holdPage(page)
  await page.reload({ waitUntil: 'domcontentloaded' })
  await say(page, 'before the scripts came')
  for (const gate of gates) gate.open()
  await shows(page, said)
  await page.unrouteAll()
  figures.push([`${mode}: how often a message is shown that was sent before the scripts came`, 1])
}

/** A room that is left and entered again shows what was said meanwhile, once, also by the browser's way back. */
async function visitAnotherRoom(mode: string, app: App, page: Page): Promise<void> {
  const { opened } = app.connections
  await page.getByRole('link', { name: 'random' }).click()
  await page.waitForURL('**/random')
  await live(page)
  await publish('while Ada was elsewhere')
  await page.goBack()
  await shows(page, said)
  await say(page, 'back')
  await shows(page, said)
  assert.equal(app.connections.opened, opened)
  figures.push([`${mode}: connections opened by a visit to another room`, app.connections.opened - opened])
}

/** Logging out clears the page at once and closes the connection; the next user gets one of their own, under their own name. */
async function logInAsAnother(mode: string, app: App, page: Page): Promise<void> {
  const { open, opened } = app.connections
  const action = new Gate('the server has logged it out')
  await holdRequests(page, `${pages}/general`, action)
  await page.getByRole('button', { name: 'Log out' }).click()
  await action.reached
  await becomes(app, { open: open - 1, opened })
  assert.deepEqual(await texts(page), [])
  action.open()
  await page.getByLabel('Your name').waitFor()
  await page.unrouteAll()
  await page.goBack()
  await page.getByLabel('Your name').waitFor()
  assert.deepEqual(await texts(page), [])
  await logIn(page, 'Dora')
  await live(page)
  await shows(page, said)
  await say(page, 'from Dora')
  await visible(page, '[data-own=true]').getByText('from Dora').waitFor()
  assert.equal(await visible(page, '[data-own=true]').count(), 1)
  assert.deepEqual(await visible(page, '.people bdi').allTextContents(), ['Dora', 'Bob'])
  await becomes(app, { open, opened: opened + 1 })
  figures.push([`${mode}: connections after a log-out and a log-in, of two pages`, app.connections.open])
}

/** Fast Refresh keeps the connection. */
async function edit(app: App): Promise<void> {
  const { open, opened } = app.connections
  const page = await openPage('Eve')
  // Next.js refreshes nothing of a page that was reached by a redirect of an action.
  await page.reload()
  await live(page)
  const before = { open: open + 1, opened: opened + 2 }
  await becomes(app, before)
  const { connections } = app
  await replaceIn(folder, 'app/[room]/composer.tsx', ['`Message ', '`Write to '])
  await page.getByPlaceholder('Write to general').waitFor()
  await say(page, 'from Eve')
  await shows(page, said)
  assert.deepEqual(connections, before)
  await replaceIn(folder, 'app/[room]/composer.tsx', ['`Write to ', '`Message '])
  await page.getByPlaceholder('Message general').waitFor()
  assert.deepEqual(connections, before)
  figures.push(['development: connections opened by two edits', connections.opened - before.opened])
}

/** Pages come without the rooms, too, and go live when these are there; a tab sees that somebody else logged in, or nobody. */
async function outage(): Promise<void> {
  const context = await newContext([])
  const page = await logIn(await context.newPage(), 'Ada')
  assert.deepEqual(await texts(page), [])
  const otherTab = await context.newPage()
  await withApp('npm run start:rooms', [ROOMS], async () => {
    await shows(page, said)
    await otherTab.goto(pages)
    await logOut(otherTab)
    await logIn(otherTab, 'Bob')
    await live(otherTab)
  })
  await withApp('npm run start:rooms', [ROOMS], async () => {
    await visible(page, '.people').getByText('Bob').waitFor()
    await shows(page, said)
    await live(otherTab)
    await logOut(otherTab)
  })
  await withApp('npm run start:rooms', [ROOMS], async () => {
    await page.getByRole('button', { name: 'Log in again' }).click()
    await page.getByLabel('Your name').waitFor()
  })
  await context.close()
  figures.push(['tabs that notice that somebody else has logged in, or nobody, in another one', 2])
}

async function openPage(name: string): Promise<Page> {
  const context = await newContext(complaints)
  const page = await logIn(await context.newPage(), name)
  await live(page)
  return page
}

async function newContext(heard: string[], options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext(options)
  context.setDefaultTimeout(PATIENCE_MS)
  context.on('console', (message) => {
    // Playwright turns caches off where it holds requests, and Next.js remarks on that.
    const isRemark = message.text().includes('cache-bypass-in-dev')
    if (['error', 'warning'].includes(message.type()) && !isRemark) heard.push(message.text())
  })
  context.on('weberror', (error) => heard.push(String(error.error())))
  return context
}

async function logIn(page: Page, name: string): Promise<Page> {
  await page.goto(pages)
  await page.getByLabel('Your name').fill(name)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('heading', { name: 'general' }).waitFor()
  return page
}

async function logOut(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByLabel('Your name').waitFor()
}

async function live(page: Page): Promise<void> {
  await page.getByRole('status').getByText('Live', { exact: true }).waitFor()
}

async function publish(text: string): Promise<void> {
  await rest.room('general').chat.send(text, { as: 'Robot' })
  said.push(text)
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Message' }).fill(text)
  await page.keyboard.press('Enter')
  said.push(text)
}

/** Next.js keeps pages that were left, hidden. */
function visible(page: Page, selector: string): Locator {
  return page.locator(selector).filter({ visible: true })
}

function texts(page: Page): Promise<string[]> {
  return visible(page, '.message .bubble bdi').allTextContents()
}

/** Waits until a page shows the last of these messages, and expects those before it: each once, in order, without a break. */
async function shows(page: Page, expected: readonly string[]): Promise<void> {
  await visible(page, '[data-state=sent]')
    .getByText(expected.at(-1) ?? '', { exact: true })
    .waitFor()
  assert.deepEqual(await texts(page), expected)
  assert.deepEqual(await visible(page, '.note').filter({ hasNotText: 'rolled' }).allTextContents(), [])
}

/** Waits until the rooms have seen so many connections: a page's close takes its time. */
async function becomes(app: App, expected: Connections): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  const isThere = () => app.connections.open === expected.open && app.connections.opened === expected.opened
  while (!isThere() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20))
  assert.deepEqual(app.connections, expected)
}

async function closePages(): Promise<void> {
  for (const context of browser.contexts()) await context.close()
}

async function withApp(
  command: string,
  ready: readonly string[],
  work: (app: App) => Promise<void>,
): Promise<void> {
  const app = await start(command, ready)
  try {
    await work(app)
  } finally {
    await app.stop()
  }
}

/** Starts one process or both, to the letter, and waits until each has said that it is ready. */
async function start(command: string, ready: readonly string[]): Promise<App> {
  const child = spawn('sh', ['-c', `exec ${command}`], {
    cwd: folder,
    detached: true,
    env: quiet(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  const stop = async () => {
    if (child.pid && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
    await exited
  }
  const connections = { open: 0, opened: 0 }
  const missing = new Set(ready)
  await new Promise<void>((resolve, reject) => {
    const heard = (line: string) => {
      if (line.includes('(opened)')) connections.opened++
      connections.open += line.includes('(opened)') ? 1 : line.includes('(closed)') ? -1 : 0
      for (const word of missing) if (line.includes(word)) missing.delete(word)
      if (missing.size === 0) resolve()
    }
    createInterface(child.stdout).on('line', heard)
    createInterface(child.stderr).on('line', (line) => complaints.push(line))
    child.once('exit', () => reject(new Error(`'${command}' ended before it was ready`)))
  })
  return { connections, stop }
}
