import { createClient } from '@roomful/client'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { launchChromium } from '../support/chromium.js'
import { Demo, openDemo, type Person } from '../support/demo.js'

const SHOWN = 400

const demo = new Demo()
let browser: Browser

beforeAll(async () => {
  process.env.ROOMFUL_LIMITS = 'off'
  await demo.start()
  delete process.env.ROOMFUL_LIMITS
  browser = await launchChromium()
})
afterAll(async () => {
  await browser?.close()
  await demo.kill()
})

/** Counts what a page does with its document from now on. */
const count = (page: Page) =>
  page.evaluate(() => {
    const counts = { frames: 0, measured: 0, changed: 0 }
    Object.assign(window, { counts })
    const request = window.requestAnimationFrame
    window.requestAnimationFrame = (draw) => {
      counts.frames++
      return request(draw)
    }
    const { get } = Object.getOwnPropertyDescriptor(HTMLElement.prototype, 'offsetTop') as { get(): number }
    Object.defineProperty(HTMLElement.prototype, 'offsetTop', {
      get() {
        counts.measured++
        return get.call(this)
      },
    })
    const changed = new Set<Node>()
    new MutationObserver((records) => {
      for (const { target, addedNodes } of records)
        for (const node of [target, ...addedNodes]) {
          const row = (node instanceof Element ? node : node.parentElement)?.closest('li.message')
          if (row) changed.add(row)
        }
      counts.changed = changed.size
    }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true })
  })

const counted = (page: Page) =>
  page.evaluate(() => ({
    ...(window as unknown as { counts: Record<'frames' | 'measured' | 'changed', number> }).counts,
  }))

it('one message more changes a few rows of the demo page and measures a few, however many there are, and skips those out of sight', {
  timeout: 120_000,
}, async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  onTestFinished(() => context.close())
  const [ada, grace] = (await openDemo(context, `${demo.url}/#room=cost`)) as [Person, Person]
  const client = createClient({ url: `${demo.url.replace(/^http/, 'ws')}/ws`, WebSocket })
  onTestFinished(() => client.close())
  const room = client.room('cost')
  await room.join()
  await Promise.all(Array.from({ length: SHOWN }, (_, index) => room.send(`message ${index}`)))
  for (const person of [ada, grace])
    await expect.poll(() => person.messages.count(), { timeout: 60_000 }).toBe(SHOWN)
  // One of them reads further up: there the page keeps the line in its place.
  await ada.log.evaluate((log) => log.scrollTo({ top: 2_000 }))
  await ada.panel.getByRole('button', { name: 'Newest' }).waitFor()
  await count(ada.page)
  await room.send('one more')
  await ada.panel.getByRole('button', { name: '1 new' }).waitFor()
  await grace.sees('one more')
  const { measured, changed } = await counted(ada.page)
  expect(changed).toBeGreaterThan(0)
  expect(changed, 'rows that changed').toBeLessThan(10)
  expect(measured, 'rows that were measured').toBeLessThan(60)
  const skipped = await ada.messages.first().evaluate((row) => getComputedStyle(row).contentVisibility)
  expect(skipped).toBe('auto')
})

it('an idle demo page draws nothing', { timeout: 60_000 }, async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  onTestFinished(() => context.close())
  const [ada, grace] = (await openDemo(context, `${demo.url}/#room=idle`)) as [Person, Person]
  await ada.say('hello')
  await grace.sees('hello')
  await grace.say('hi')
  await ada.row('hi').waitFor()
  await ada.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 2_500)))
  await count(ada.page)
  // Heartbeats go every 5 s; what they say of the latency is drawn.
  await ada.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 4_000)))
  expect((await counted(ada.page)).frames).toBeLessThan(4)
})
