import { EventEmitter, once } from 'node:events'
import { createServer } from '@roomful/server'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { launchChromium } from '../../../../test/support/chromium.js'
import { createClient, type Room } from '../../src/index.js'
import { servePage } from './served-page.js'

const logger = { debug() {}, info() {}, warn() {}, error() {} }
/** What the server hears of a user, as `pong of u1`. */
const signs = new EventEmitter()
const server = createServer({
  logger,
  limits: { heartbeatMs: 1_000 },
  on: {
    pong: ({ user }) => void signs.emit(`pong of ${user?.id}`),
    close: ({ user }) => void signs.emit(`close of ${user?.id}`),
  },
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

/** A page whose client is in the room. */
async function pageIn(room: string): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(url)
  await page.evaluate(async (room) => {
    window.client = window.createClient({ url: '/ws', session: 'memory' })
    await window.client.room(room).join()
  }, room)
  return page
}

/** The lid of the laptop: every process of the browser stands still, its timers and its network. */
async function closeLid(): Promise<() => void> {
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  const signal = (name: 'SIGSTOP' | 'SIGCONT') => {
    for (const { id } of processInfo) process.kill(id, name)
  }
  signal('SIGSTOP')
  return () => signal('SIGCONT')
}

/** A tab that stands still: its timers and events wait, while its socket lives on in another process. */
async function freeze(page: Page): Promise<() => Promise<unknown>> {
  const session = await page.context().newCDPSession(page)
  await session.send('Debugger.enable')
  await session.send('Debugger.pause')
  return () => session.send('Debugger.disable')
}

function texts(room: Room): string[] {
  return room.timeline
    .get()
    .map((entry) => (entry.kind === 'break' ? entry.reason : `${entry.state} ${entry.message.message}`))
}

const shown = (page: Page, room: string) =>
  page.evaluate(
    (room) =>
      window.client
        .room(room)
        .timeline.get()
        .map((entry) => (entry.kind === 'break' ? entry.reason : `${entry.state} ${entry.message.message}`)),
    room,
  )

it.each([
  ['a laptop that slept until the server let go of it', 'lid', closeLid, 'close', 1],
  ['a tab that stood still for several heartbeats', 'frozen', freeze, 'pong', 3],
])(
  '[C16] [H6] [M7] %s misses, doubles and reorders nothing when it wakes',
  async (_, id, sleep, sign, times) => {
    const page = await pageIn(id)
    const client = createClient({ url: `${url}ws`, session: 'memory', WebSocket })
    const other = client.room(id)
    await other.join()
    await page.evaluate((id) => {
      for (let index = 1; index <= 20; index++) void window.client.room(id).send(`page ${index}`)
    }, id)
    const me = await page.evaluate(() => window.client.user.get())
    const wake = await sleep(page)
    try {
      for (let index = 1; index <= 20; index++) await other.send(`other ${index}`)
      for (let heard = 0; heard < times; heard++) await once(signs, `${sign} of ${me}`)
      await other.send('the last one')
    } finally {
      await wake()
    }
    await expect.poll(() => shown(page, id)).toContain('sent the last one')
    const all = await shown(page, id)
    expect(all).toEqual(texts(other))
    for (const author of ['page', 'other']) {
      const said = Array.from({ length: 20 }, (_, index) => `sent ${author} ${index + 1}`)
      expect(all.filter((text) => text.startsWith(`sent ${author}`))).toEqual(said)
    }
    client.close()
  },
)
