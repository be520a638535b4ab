import { createHmac } from 'node:crypto'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { launchChromium } from '../support/chromium.js'
import { Cli } from '../support/cli.js'
import { Demo, openDemo, type Person } from '../support/demo.js'

const LONG = { timeout: 60_000 }
const demo = new Demo()
let browser: Browser

beforeAll(async () => {
  await demo.start()
  browser = await launchChromium()
})
afterAll(async () => {
  await browser?.close()
  await demo.kill()
})

const DESKTOP = { viewport: { width: 1280, height: 800 } }
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }

async function newContext(options: BrowserContextOptions = DESKTOP): Promise<BrowserContext> {
  const context = await browser.newContext(options)
  onTestFinished(() => context.close())
  return context
}

async function visit(room: string, options?: BrowserContextOptions): Promise<[Person, Person]> {
  return (await openDemo(await newContext(options), `${demo.url}/#room=${room}`)) as [Person, Person]
}

it(
  'the demo page says after plugging in, in a sentence, what was sent and received meanwhile',
  LONG,
  async () => {
    const [ada, grace] = await visit('sentence')
    await ada.say('before')
    await grace.sees('before')
    await ada.pullPlug()
    for (const text of ['one', 'two', 'three']) await ada.say(text)
    await grace.say('meanwhile')
    await grace.log.getByText('#2', { exact: true }).waitFor()
    await ada.plugIn()
    await ada.status
      .getByText('Connected, nothing missed: 3 sent, 1 received meanwhile, order kept', { exact: true })
      .waitFor()
    expect(await ada.status.evaluate((element) => element.scrollWidth - element.clientWidth)).toBe(0)
    await grace.pullPlug()
    await grace.plugIn()
    await grace.status.getByText('Connected, nothing missed', { exact: true }).waitFor()
  },
)

it('the demo page says what it is, with a link to the code', LONG, async () => {
  const [{ page }] = await visit('about', PHONE)
  expect(await page.locator('.about').innerText()).toMatch(/^Typed real-time rooms that lose nothing/)
  const link = page.getByRole('link', { name: 'See the code' })
  expect(await link.getAttribute('href')).toBe('https://github.com/roomful/roomful')
})

it(
  'a phone that is alone in a room sees a second client, also after a reload, and one among others does not',
  LONG,
  async () => {
    const [ada, grace] = await visit('alone', PHONE)
    await grace.isConnected()
    await ada.say('hello')
    await grace.sees('hello')
    await ada.page.reload()
    await grace.isConnected()
    const [person, second] = await visit('alone', PHONE)
    await person.sees('hello')
    expect(await second.panel.count()).toBe(0)
  },
)

it('the demo page says above the first message of each day which day it is', LONG, async () => {
  const context = await newContext()
  await context.routeWebSocket(/client=/, (page) => {
    const server = page.connectToServer()
    server.onMessage((text) => {
      const frame = JSON.parse(String(text))
      for (const message of [frame, ...(frame.messages ?? [])]) {
        const days = /^(\d+) days ago/.exec(message.message)?.[1]
        if (days) message.timestamp = new Date(Date.now() - Number(days) * 86_400_000).toISOString()
      }
      page.send(JSON.stringify(frame))
    })
  })
  const [ada, grace] = (await openDemo(context, `${demo.url}/#room=days`)) as [Person, Person]
  for (const text of ['9 days ago', '1 days ago', '1 days ago, too', 'now']) await ada.say(text)
  await grace.sees('now')
  const day = new Intl.DateTimeFormat('en-US', { weekday: 'long', day: 'numeric', month: 'long' })
  const nineAgo = day.format(new Date(Date.now() - 9 * 86_400_000))
  await expect
    .poll(() => grace.log.locator('.day:visible').allTextContents())
    .toEqual([expect.stringContaining(nineAgo.split(',')[0] ?? ''), 'Yesterday', 'Today'])
})

it('the demo page makes addresses of the web clickable, and nothing else', LONG, async () => {
  const [ada, grace] = await visit('links')
  const text =
    'See https://example.org/a?b=c#d, (http://example.org/e_(f)). Not javascript:alert(1) or https:// or data:text/html,x'
  await ada.say(text)
  const row = grace.row('See')
  await row.waitFor()
  expect(await grace.texts()).toEqual([text])
  const links = row.getByRole('link')
  expect(await links.evaluateAll((all) => all.map((link) => link.getAttribute('href')))).toEqual([
    'https://example.org/a?b=c#d',
    'http://example.org/e_(f)',
  ])
  expect(await links.first().getAttribute('rel')).toContain('noopener')
  // The list stays one Tab stop: a link in it is reached by the arrow keys.
  await row.getByRole('button', { name: 'Message actions' }).focus()
  await grace.page.keyboard.press('ArrowLeft')
  expect(await links.last().evaluate((link) => link === document.activeElement)).toBe(true)
})

it('the demo page leads back to the newest message from anywhere above it', LONG, async () => {
  const [ada] = await visit('newest')
  for (let index = 1; index <= 25; index++) await ada.say(`line ${index}`)
  await ada.log.getByText('#25', { exact: true }).waitFor()
  const button = ada.panel.getByRole('button', { name: 'Newest' })
  expect(await button.isVisible()).toBe(false)
  await ada.log.evaluate((log) => log.scrollTo({ top: 100 }))
  await button.click()
  await button.waitFor({ state: 'hidden' })
  const rest = await ada.log.evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight)
  expect(rest).toBeLessThan(2)
})

const setVisibility = (page: Page, state: 'hidden' | 'visible') =>
  page.evaluate((state) => {
    Object.defineProperty(document, 'visibilityState', { value: state, configurable: true })
    // A page in the background gets no frames.
    const page = window as unknown as { nextFrame: typeof requestAnimationFrame }
    if (state === 'hidden') page.nextFrame = window.requestAnimationFrame
    window.requestAnimationFrame = state === 'hidden' ? () => 0 : page.nextFrame
    document.dispatchEvent(new Event('visibilitychange'))
  }, state)

it('the title of the tab counts what is unread while nobody looks at the page', LONG, async () => {
  const [reader] = await visit('title')
  const [writer] = await visit('title')
  expect(await reader.page.title()).toBe('title · Roomful')
  await setVisibility(reader.page, 'hidden')
  await writer.say('one')
  await writer.say('two')
  await expect.poll(() => reader.page.title()).toBe('(2) title · Roomful')
  await setVisibility(reader.page, 'visible')
  await expect.poll(() => reader.page.title()).toBe('title · Roomful')
})

it(
  'the demo page counts characters from 90 % of the limit, and keeps what is too long out of the log',
  LONG,
  async () => {
    const [ada] = await visit('counter')
    const count = ada.panel.locator('.count')
    await ada.composer.fill('👍'.repeat(899))
    expect(await count.isVisible()).toBe(false)
    await ada.composer.fill('👍'.repeat(900))
    await count.getByText('900 of 1,000', { exact: true }).waitFor()
    await ada.say('x'.repeat(1_001))
    await ada.panel.getByRole('alert').getByText('Message too long').waitFor()
    await count.getByText('1,001 of 1,000', { exact: true }).waitFor()
    expect(await ada.messages.count()).toBe(0)
    await ada.say('shorter')
    await ada.sees('shorter')
    expect(await count.isVisible()).toBe(false)
  },
)

it('the demo page tries at once in a back-off when asked to', { timeout: 90_000 }, async () => {
  const [ada] = await visit('try')
  await demo.kill()
  const again = ada.panel.getByRole('button', { name: 'Try now' })
  await ada.panel.getByText(/^again in \d+ s$/).waitFor()
  // Until the pauses are so long that only the button explains what happens next.
  await expect
    .poll(async () => Number(/\d+/.exec(await ada.panel.locator('.extra').innerText())?.[0]), {
      timeout: 60_000,
    })
    .toBeGreaterThan(4)
  await demo.start()
  await again.click()
  await ada.status.getByText(/^Connected/).waitFor({ timeout: 4_000 })
  expect(await again.isVisible()).toBe(false)
})

it('the demo page says that its token has expired, and that the server restarts, and does not call that a lost connection', {
  timeout: 120_000,
}, async () => {
  const secret = 'a secret of this test that is long enough'
  const guarded = new Cli(['--memory', '--port', '0'], { AUTH_SECRET: secret })
  onTestFinished(() => guarded.kill('SIGKILL'))
  const sealed = [
    { alg: 'HS256', typ: 'JWT' },
    { sub: 'eve', exp: Math.floor(Date.now() / 1_000) + 5 },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const token = `${sealed}.${createHmac('sha256', secret).update(sealed).digest('base64url')}`
  const page = await (await newContext()).newPage()
  await page.goto(`${await guarded.url()}/#room=expiry&token=${token}`)
  const status = page.locator('.client').first().getByRole('status')
  await status.getByText('Token expired', { exact: true }).waitFor()

  const draining = new Cli(['--memory', '--port', '0'])
  onTestFinished(() => draining.kill('SIGKILL'))
  const [ada] = (await openDemo(await newContext(), `${await draining.url()}/#room=drain`)) as [Person]
  draining.kill('SIGTERM')
  await ada.status.getByText('The server restarts, messages wait').waitFor({ timeout: 40_000 })
  await draining.exit()
  await ada.page
    .getByText(/^again in/)
    .first()
    .waitFor()
  expect(await ada.status.innerText()).toBe('The server restarts, messages wait')
})

it('the frames are one Tab stop, and up and down go from frame to frame', LONG, async () => {
  const [{ page }] = await visit('frames')
  const frames = page.getByRole('region', { name: 'Frames' })
  await expect.poll(() => frames.locator('summary').count()).toBeGreaterThan(5)
  expect(await frames.locator('[tabindex="0"], summary:not([tabindex])').count()).toBe(1)
  await page.getByRole('button', { name: 'Clear' }).focus()
  await page.keyboard.press('Tab')
  const index = () =>
    frames.evaluate((list) =>
      [...list.querySelectorAll('details:not(.ping) > summary')].indexOf(document.activeElement as Element),
    )
  const first = await index()
  expect(first).toBeGreaterThanOrEqual(0)
  await page.keyboard.press('ArrowDown')
  expect(await index()).toBeGreaterThan(first)
  await page.keyboard.press('End')
  await page.keyboard.press('Enter')
  await frames.locator('details[open] pre').waitFor()
  await page.keyboard.press('Tab')
  expect(await frames.evaluate((list) => list.contains(document.activeElement))).toBe(false)
})

it('Esc takes back what was begun: a name, a room, an answer', LONG, async () => {
  const [ada, grace] = await visit('esc')
  const name = ada.panel.getByRole('textbox', { name: 'Your name' })
  await name.fill('Somebody')
  await name.press('Escape')
  expect(await name.inputValue()).toBe('Ada')
  const room = ada.page.getByRole('textbox', { name: 'Room' })
  await room.fill('elsewhere')
  await room.press('Escape')
  expect(await room.inputValue()).toBe('esc')
  await ada.say('a question')
  await grace.act('a question', 'Reply')
  await grace.composer.press('Escape')
  await grace.panel.getByText(/^Replying to/).waitFor({ state: 'hidden' })
})
