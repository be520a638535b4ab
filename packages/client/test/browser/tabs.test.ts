import { createServer } from '@roomful/server'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchChromium } from '../../../../test/support/chromium.js'
import { servePage } from './served-page.js'

const server = createServer({
  logger: { debug() {}, info() {}, warn() {}, error() {} },
  limits: { connectionsPerUser: 2 },
  authenticate: ({ token }) => (token ? { userId: token } : null),
  authorize: () => true,
})
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

/** A tab of the user, in the room. */
async function openTab(): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(url)
  await page.evaluate(async () => {
    window.client = window.createClient({ url: '/ws', token: 'ana' })
    await window.client.room('r').join()
  })
  return page
}

const state = (page: Page) => page.evaluate(() => window.client.status.get().state)
const states = (...pages: Page[]) => Promise.all(pages.map(state))

it.each(['focus', 'visibilitychange'])(
  '[C17] [K5] of too many tabs the one that was idle for longest waits, and is back at its %s',
  async (event) => {
    const first = await openTab()
    const idle = await openTab()
    await first.evaluate(() => window.client.room('r').send('still here'))
    const newest = await openTab()
    await expect.poll(() => states(first, idle, newest)).toEqual(['online', 'waiting', 'online'])
    await newest.evaluate(() => window.client.room('r').send('while it waited'))
    await idle.evaluate((type) => {
      const target = type === 'focus' ? window : document
      target.dispatchEvent(new Event(type))
    }, event)
    await expect.poll(() => states(first, idle, newest)).toEqual(['waiting', 'online', 'online'])
    const seen = () =>
      idle.evaluate(() =>
        window.client
          .room('r')
          .timeline.get()
          .map((entry) => entry.kind === 'message' && entry.message.message),
      )
    await expect.poll(seen).toContain('while it waited')
    for (const page of [first, idle, newest]) await page.close()
    await expect.poll(() => server.stats().connections).toBe(0)
  },
)
