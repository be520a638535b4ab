import { createServer } from '@roomful/server'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { launchChromium } from '../../../../test/support/chromium.js'
import { servePage } from './served-page.js'

const logger = { debug() {}, info() {}, warn() {}, error() {} }
const server = createServer({ logger })
let browser: Browser
let url: string
let close: () => Promise<void>

beforeAll(async () => {
  ;({ url, close } = await servePage(server))
  browser = await launchChromium()
})

afterAll(async () => {
  await browser.close()
  await close()
})

afterEach(async () => {
  for (const context of browser.contexts()) await context.close()
})

/** Creates `window.client`, which joins the room and stores its unsent messages. */
function join(page: Page, online = true) {
  return page.evaluate(async (online) => {
    window.client = window.createClient({ url: '/ws', storage: window.localOutbox(), autoConnect: online })
    const room = window.client.room('stored')
    void room.join()
    if (online)
      await new Promise<void>((resolve) => room.on('status', ({ to }) => to.state === 'live' && resolve()))
  }, online)
}

const states = (page: Page) =>
  page.evaluate(() =>
    window.client
      .room('stored')
      .timeline.get()
      .map((entry) =>
        entry.kind === 'message'
          ? `${entry.state} ${(entry.message as { message: string }).message}`
          : entry.reason,
      ),
  )

it('[C10] [M7] a reload keeps the anonymous user and the messages that wait, and doubles none', async () => {
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.goto(url)
  await join(page)
  const me = await page.evaluate(() => window.client.user.get())
  await page.evaluate(async () => {
    await window.client.room('stored').send('first')
    window.client.close()
  })
  await page.reload()
  await join(page, false)
  expect(await page.evaluate(() => window.client.user.get())).toBe(me)
  await page.evaluate(() => {
    window.client.connect()
    // Before the connection is there: stored, since the tab remembers who this is.
    void window.client.room('stored').send('one')
    void window.client.room('stored').send('two')
  })
  await expect.poll(() => states(page)).toEqual(['sent one', 'sent two'])
  expect(await page.evaluate(() => window.client.user.get())).toBe(me)
  expect(await page.evaluate(() => localStorage.length)).toBe(0)
})

it('[M7] the next tab of the same user sends what a closed one left', async () => {
  const context = await browser.newContext()
  const [first, second] = [await context.newPage(), await context.newPage()]
  await first.goto(url)
  await join(first)
  const me = await first.evaluate(() => sessionStorage.getItem(Object.keys(sessionStorage)[0] ?? ''))
  // Typed just as the network went: stored, never sent.
  await context.setOffline(true)
  await first.evaluate(() => {
    const { client } = window
    const send = WebSocket.prototype.send
    WebSocket.prototype.send = () => {}
    void client.room('stored').send('left behind')
    WebSocket.prototype.send = send
  })
  expect(
    await first.evaluate(() => Object.keys(localStorage).filter((key) => key.includes('outbox')).length),
  ).toBe(1)
  await first.close()
  await context.setOffline(false)
  await second.goto(url)
  await second.evaluate((session) => {
    const address = new URL('/ws', location.href).href.replace('http', 'ws')
    sessionStorage.setItem(`roomful:session:${address}`, session ?? '')
  }, me)
  await join(second)
  await expect.poll(() => states(second)).toEqual(['sent left behind'])
  expect(await second.evaluate(() => localStorage.length)).toBe(0)
})

/** Types a message that never leaves, since the network has just gone. */
const typeInTheDark = (page: Page, text: string) =>
  page.evaluate((text) => {
    const send = WebSocket.prototype.send
    WebSocket.prototype.send = function () {
      window.dark = this
    }
    void window.client.room('stored').send(text)
    WebSocket.prototype.send = send
  }, text)

const storedTexts = (page: Page) =>
  page.evaluate(() =>
    Object.keys(localStorage)
      .filter((key) => key.includes('outbox'))
      .map((key) => JSON.parse(localStorage.getItem(key) ?? '').message)
      .sort(),
  )

it('[M7] each tab stores its own, and a living tab of the same user sends what another left', async () => {
  const context = await browser.newContext()
  const [first, second] = [await context.newPage(), await context.newPage()]
  await first.goto(url)
  await join(first)
  const session = await first.evaluate(() => ({ ...sessionStorage }))
  await second.goto(url)
  // As a duplicated tab has it: the same anonymous user.
  await second.evaluate((session) => Object.assign(sessionStorage, session), session)
  await join(second)
  await context.setOffline(true)
  await typeInTheDark(first, 'of the first')
  await typeInTheDark(second, 'of the second')
  expect(await storedTexts(first)).toEqual(['of the first', 'of the second'])
  await second.close()
  await expect.poll(() => states(first)).toEqual(['pending of the first', 'pending of the second'])
  expect(await storedTexts(first)).toEqual(['of the first', 'of the second'])
  await context.setOffline(false)
  await first.evaluate(() => window.dark.close())
  // What was left is sent first.
  await expect
    .poll(() => states(first), { timeout: 30_000 })
    .toEqual(['sent of the second', 'sent of the first'])
  expect(await storedTexts(first)).toEqual([])
}, 60_000)

it('[D1] [M7] edits and deletions that never left are sent by the page after a reload, and another page shows them', async () => {
  const context = await browser.newContext()
  const [first, second] = [await context.newPage(), await (await browser.newContext()).newPage()]
  const enter = (page: Page) =>
    page.evaluate(async () => {
      window.client = window.createClient({ url: '/ws', storage: window.localOutbox() })
      const room = window.client.room('amended')
      window.chat(room)
      await room.join({ history: 10 })
    })
  const shown = (page: Page) =>
    page.evaluate(() =>
      window.client
        .room('amended')
        .timeline.get()
        .map((entry) =>
          entry.kind === 'break'
            ? entry.reason
            : [entry.message.message, entry.amendment, entry.message.deleted],
        ),
    )
  for (const page of [first, second]) {
    await page.goto(url)
    await enter(page)
  }
  await first.evaluate(async () => {
    const room = window.client.room('amended')
    const messages = [await room.send('one'), await room.send('two')]
    // The network has just gone.
    WebSocket.prototype.send = () => {}
    window.chat(room).edit(messages[0] ?? {}, 'ONE')
    window.chat(room).delete(messages[1] ?? {})
  })
  expect(await shown(first)).toEqual([
    ['ONE', 'pending', undefined],
    ['', 'pending', true],
  ])
  await first.reload()
  await enter(first)
  for (const page of [first, second]) {
    await expect
      .poll(() => shown(page))
      .toEqual([
        ['ONE', undefined, undefined],
        ['', undefined, true],
      ])
  }
  expect(await first.evaluate(() => localStorage.length)).toBe(0)
}, 60_000)

it('a tab leaves alone what one of another user left, and takes its lock again after the back button', async () => {
  const context = await browser.newContext()
  const [first, second] = [await context.newPage(), await context.newPage()]
  await first.goto(url)
  await join(first)
  await second.goto(url)
  await join(second)
  await context.setOffline(true)
  await typeInTheDark(second, 'of somebody else')
  await second.close()
  const held = () =>
    first.evaluate(async () => {
      const { held = [] } = await navigator.locks.query()
      return held.filter(({ name }) => name?.includes('outbox')).length
    })
  await expect.poll(held).toBe(1)
  const errors = await first.evaluateHandle(() => {
    const codes: string[] = []
    window.client.on('error', ({ code }) => codes.push(code))
    return codes
  })
  // As WebKit does it: the lock is gone when the page comes back.
  await first.evaluate(async () => {
    const { held = [] } = await navigator.locks.query()
    const name = held.find((lock) => lock.name?.includes('outbox'))?.name ?? ''
    void navigator.locks.request(name, { steal: true }, () => {})
  })
  await expect.poll(held).toBe(0)
  await first.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })))
  await expect.poll(held).toBe(1)
  await typeInTheDark(first, 'after the back button')
  expect(await storedTexts(first)).toEqual(['after the back button', 'of somebody else'])
  expect(await errors.jsonValue()).toEqual([])
}, 60_000)

it('a stored message that nobody came for is given up after a week, and said so', async () => {
  const page = await browser.newPage()
  await page.goto(url)
  const told = await page.evaluate(async () => {
    const client = window.createClient({ url: '/ws', storage: window.localOutbox(), autoConnect: false })
    const prefix = `roomful:outbox:${new URL('/ws', location.href).href.replace('http', 'ws')}:`
    const message = { roomId: 'stored', message: '', userId: 'gone', sequence: 1 }
    for (const [clientId, days] of Object.entries({ old: 8, young: 6 })) {
      const storedAt = Date.now() - days * 24 * 3_600_000
      localStorage.setItem(`${prefix}${clientId}`, JSON.stringify({ ...message, clientId, storedAt }))
    }
    return new Promise((resolve) => {
      client.on('error', ({ code, cause }) => {
        resolve([code, String(cause), Object.keys(localStorage).map((key) => key.split(':').at(-1))])
      })
      client.connect()
    })
  })
  expect(told).toEqual(['storage_failed', expect.stringContaining('old was too old'), ['young']])
})

it('React: StrictMode, several renders and a toggled room leave one membership and one client', async () => {
  const page = await browser.newPage()
  const errors: string[] = []
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
  page.on('pageerror', (error) => errors.push(error.message))
  await page.goto(url)
  await page.evaluate(() => window.startReact())
  await expect.poll(() => page.locator('p').textContent()).toBe('live')
  expect(await page.locator('output').textContent()).toBe('online')
  const info = () => server.room('react').info()
  expect(await info()).toMatchObject({ count: 1 })
  await page.evaluate(async () => {
    const client = window.createClient({ url: '/ws', session: 'memory' })
    await client.room('react').join()
    await client.room('react').send('hello')
    client.close()
  })
  await expect.poll(() => page.locator('li').allTextContents()).toEqual(['sent'])
  expect(await page.locator('b').textContent()).toBe('1')
  await page.getByRole('button').click()
  await page.getByRole('button').click()
  await expect.poll(() => page.locator('p').textContent()).toBe('live')
  expect(errors).toEqual([])
})
