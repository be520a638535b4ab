import { createServer } from '@roomful/server'
import type { Browser, Page } from 'playwright-core'
import { createElement, StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { launchChromium } from '../../../../test/support/chromium.js'
import { createClient } from '../../src/index.js'
import { snapshotOf } from '../support/snapshot.js'
import { Badges, Chat, RoomView } from './chat-view.js'
import type {} from './react-page.js'
import { servePage } from './served-page.js'

/** How many connections were ever opened. */
let opened = 0
const server = createServer({
  logger: { debug() {}, info() {}, warn() {}, error() {} },
  on: { connect: () => void opened++ },
})
let browser: Browser
let url: string
let close: () => Promise<void>

beforeAll(async () => {
  const html = renderToString(createElement(StrictMode, null, createElement(Chat)))
  ;({ url, close } = await servePage(server, 'react-page.tsx', `<div id="root">${html}</div>`))
  browser = await launchChromium()
})

afterAll(async () => {
  await browser.close()
  await close()
})

let page: Page
/** What the page complained of: React's warnings, errors of any kind. */
let complaints: string[]

beforeEach(async () => {
  await expect.poll(connections).toBe(0)
  opened = 0
  complaints = []
  page = await browser.newPage()
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(url)
})

afterEach(() => page.close())

const connections = () => server.stats().connections
const shown = (id: string) => page.locator(`#${id}`).textContent()
const isLive = () => expect.poll(() => shown('room')).toBe('live')

it('a page that a server rendered hydrates without a mismatch, again after a reload that knows user and messages', async () => {
  expect(await shown('status')).toBe('idle')
  await page.evaluate(() => window.hydrate())
  await isLive()
  expect([connections(), opened]).toEqual([1, 1])
  const user = await shown('user')
  expect(user).toMatch(/^anon-/)
  // As a page leaves it that went before the server had answered.
  await page.evaluate((userId) => {
    const address = new URL('/ws', location.href).href.replace('http', 'ws')
    const message = { clientId: 'c1', roomId: 'rendered', message: 'left behind', userId, sequence: 1 }
    const key = `roomful:outbox:${address}:c1`
    localStorage.setItem(key, JSON.stringify({ ...message, storedAt: Date.now() }))
  }, user)
  await page.reload()
  await page.evaluate(() => window.hydrate())
  await isLive()
  expect(await shown('user')).toBe(user)
  await expect.poll(() => page.locator('li').allTextContents()).toEqual(['left behind'])
  expect(await page.evaluate(() => window.mismatches)).toEqual([])
  expect(complaints).toEqual([])
})

it('what hydrates when the client has long been connected begins with what the server rendered', async () => {
  await page.evaluate(() => window.hydrateConnected())
  await isLive()
  await expect.poll(() => page.locator('li').last().textContent()).toBe('before it was hydrated')
  // Somebody else may still be in grace.
  expect(await shown('members')).not.toBe('0')
  expect(await page.evaluate(() => window.mismatches)).toEqual([])
  expect(complaints).toEqual([])
})

it('StrictMode opens one connection', async () => {
  await page.evaluate(() => window.show('chat'))
  await isLive()
  expect([connections(), opened]).toEqual([1, 1])
  expect(complaints).toEqual([])
})

it('a hidden <Activity> has no connection, and one when it is shown again', async () => {
  await page.evaluate(() => window.show('chat'))
  await isLive()
  await page.evaluate(() => window.show('hidden chat'))
  await expect.poll(connections).toBe(0)
  await page.evaluate(() => window.show('chat'))
  await isLive()
  expect([connections(), opened]).toEqual([1, 2])
  expect(complaints).toEqual([])
})

it('a client at module scope that hot reloading replaces gives its connection up', async () => {
  await page.evaluate(() => window.show('client A'))
  await isLive()
  await page.evaluate(() => window.show('client B'))
  await isLive()
  await expect.poll(connections).toBe(1)
  expect(opened).toBe(2)
  await page.evaluate(() => window.show('nothing'))
  await expect.poll(connections).toBe(0)
  await page.evaluate(() => window.show('client B'))
  await isLive()
  expect(connections()).toBe(1)
  expect(complaints).toEqual([])
})

it('the hooks tell of the room that they are given: its members, who types, its events, and of the next room alone', async () => {
  const guest = createClient({
    url: new URL('/ws', url).href.replace('http', 'ws'),
    WebSocket,
    session: 'memory',
  })
  onTestFinished(() => guest.close())
  await guest.room('room-A').join()
  await page.evaluate(() => window.show('room A'))
  await isLive()
  await expect.poll(() => shown('members')).toBe('2')
  guest.room('room-A').typing.keystroke()
  await expect.poll(() => shown('typing')).toBe(guest.user.get())
  await guest.room('room-A').send('one')
  await expect.poll(() => shown('heard')).toBe('one')
  await guest.room('room-A').send('two')
  // By the handler of the newest rendering: that of the first one would have forgotten the first message.
  await expect.poll(() => shown('heard')).toBe('one,two')
  expect(await shown('typing')).toBe('')
  expect(await shown('states')).toMatch(/,online$/)
  await page.evaluate(() => window.show('room B'))
  await isLive()
  await expect.poll(() => shown('members')).toBe('1')
  await expect.poll(async () => (await server.room('room-A').info()).count).toBe(1)
  await guest.room('room-A').send('three')
  await server.room('room-B').chat.send('four')
  await expect.poll(() => shown('heard')).toBe('one,two,four')
  expect([connections(), opened]).toEqual([2, 2])
  expect(complaints).toEqual([])
})

it('what was written in a room is sent after it is shown no longer: with the next room, without a network, and with no room at all', async () => {
  const texts = async () =>
    (await server.room('room-A').history({ limit: 100 })).messages.map((message) => Object(message).message)
  const before = (await texts()).length
  const written = async () => (await texts()).slice(before)
  await page.evaluate(() => window.show('room A'))
  await isLive()
  await page.context().setOffline(true)
  await page.evaluate(() => {
    window.write('room-A', 'offline')
    window.show('room B')
  })
  await page.context().setOffline(false)
  await expect.poll(written).toEqual(['offline'])
  await page.evaluate(() => window.show('room A'))
  await isLive()
  await page.evaluate(() => {
    for (let n = 1; n <= 50; n++) window.write('room-A', `${n}`)
    window.show('nothing')
  })
  await expect.poll(async () => (await written()).length, { timeout: 30_000 }).toBe(51)
  await expect.poll(connections).toBe(0)
  expect(complaints).toEqual([])
})

it('useWatch shows what is unread in rooms, hydrates without a mismatch, and keeps badges when other rooms come', async () => {
  for (const [room, times] of Object.entries({ w1: 2, w2: 1 }))
    for (let n = 0; n < times; n++) await server.room(room).chat.send('hello')
  const client = createClient({ url: '/ws' })
  const badges = ['first', 'second'].map((name) =>
    createElement(Badges, { key: name, client, ids: 'w1', name }),
  )
  const html = renderToString(createElement(StrictMode, null, badges))
  await page.evaluate((html) => window.showBadges('w1', html), html)
  for (const name of ['first', 'second']) await expect.poll(() => shown(name)).toBe('w1 2')
  // A list that begins anew with each rendering would render without end.
  expect(await page.evaluate(() => window.timesRendered())).toBeLessThan(20)
  await page.evaluate(() => {
    const first = document.querySelector('#first') as HTMLElement
    const look = () => window.seen.push([first.textContent ?? ''])
    new MutationObserver(look).observe(first, { childList: true, characterData: true, subtree: true })
    window.showBadges('w1 w2')
  })
  await expect.poll(() => shown('first')).toBe('w1 2,w2 1')
  expect(await page.evaluate(() => window.seen)).toEqual([['w1 2,w2 1']])
  await server.room('w2').chat.send('news')
  for (const name of ['first', 'second']) await expect.poll(() => shown(name)).toBe('w1 2,w2 2')
  await page.evaluate(() => window.showBadges('w2'))
  await expect.poll(() => shown('first')).toBe('w2 2')
  expect([connections(), opened]).toEqual([1, 1])
  await page.evaluate(() => window.showBadges(''))
  await expect.poll(connections).toBe(0)
  expect(await page.evaluate(() => window.mismatches)).toEqual([])
  expect(complaints).toEqual([])
})

it('useUnread shows what is unread in a room that is joined, until it is read', async () => {
  await server.room('u1').chat.send('hello')
  await page.evaluate(() => window.showBadge('u1'))
  const badge = page.locator('button')
  await expect.poll(() => badge.textContent()).toBe('live 1 0')
  await server.room('u1').chat.send('news')
  await expect.poll(() => badge.textContent()).toBe('live 2 0')
  await badge.click()
  await expect.poll(() => badge.textContent()).toBe('live 0 0')
  expect(complaints).toEqual([])
})

it.each([
  ['a server rendered', true, false],
  ['a server rendered and that is hydrated when it has long been live', true, true],
  ['is shown later with what a server read', false, false],
])(
  'a room that %s begins with its messages and members, and shows each message of then and later once',
  async (_, isRendered, isLate) => {
    const id = `handed-over-${isRendered}-${isLate}`
    const guest = createClient({
      url: new URL('/ws', url).href.replace('http', 'ws'),
      WebSocket,
      session: 'memory',
    })
    onTestFinished(() => guest.close())
    await guest.room(id).join()
    const say = (text: string) => guest.room(id).send(text)
    await say('read')
    const initial = await snapshotOf(server, id)
    const client = createClient({ url: '/ws' })
    const html = renderToString(
      createElement(StrictMode, null, createElement(RoomView, { client, id, initial })),
    )
    expect(html).toContain('<li>read</li>')
    expect(html).toContain('<p id="members">1</p>')
    await say('not shown yet')
    if (isLate) await page.evaluate((id) => window.join(id), id)
    await page.evaluate(([id, initial, html]) => window.showRoom(id, initial, html), [
      id,
      initial,
      isRendered ? html : undefined,
    ] as const)
    await say('perhaps not joined yet')
    await isLive()
    await say('live')
    const all = ['read', 'not shown yet', 'perhaps not joined yet', 'live']
    await expect.poll(() => page.locator('li').allTextContents()).toEqual(all)
    const [before, ...after] = await page.evaluate(() => window.seen)
    expect(before).toEqual(isRendered ? ['read'] : [])
    for (const list of after) expect(list).toEqual(all.slice(0, Math.max(1, list.length)))
    await expect.poll(() => shown('members')).toBe('2')
    expect(await page.evaluate(() => window.mismatches)).toEqual([])
    expect([connections(), opened]).toEqual([2, 2])
    expect(complaints).toEqual([])
  },
)
