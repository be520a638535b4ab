import type { Browser, BrowserContext, BrowserContextOptions } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.js'
import { lowContrasts } from '../support/contrast.js'
import { Demo, openDemo, type Person, verdict } from '../support/demo.js'

const demo = new Demo()
let browser: Browser
let contexts: BrowserContext[]

const DESKTOP = { viewport: { width: 1280, height: 800 } }
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }

/** Someone with a browser of their own. */
async function visitor(room: string, options: BrowserContextOptions = PHONE): Promise<[Person, Person]> {
  const context = await browser.newContext(options)
  contexts.push(context)
  const [person, second] = await openDemo(context, `${demo.url}/#room=${room}&clients=1`)
  if (!person || !second) throw new Error('The page shows nobody')
  return [person, second]
}

const seen = (person: Person, text: string) => person.row(text).getByText(/^Seen by/)

beforeAll(async () => {
  await demo.start()
  browser = await launchChromium()
})
afterAll(async () => {
  await browser?.close()
  await demo.kill()
})
beforeEach(() => {
  contexts = []
})
afterEach(async () => {
  for (const context of contexts) await context.close()
})

it('the demo page says below an own message who has seen it, once they have it', async () => {
  const [ada, grace] = await visitor('seen', DESKTOP)
  await ada.say('first')
  await seen(ada, 'first').getByText('Grace').waitFor()
  await grace.pullPlug()
  await ada.say('second')
  await ada.log.getByText('#2', { exact: true }).waitFor()
  expect(await seen(ada, 'first').isVisible()).toBe(true)
  expect(await seen(ada, 'second').isVisible()).toBe(false)
  await grace.plugIn()
  await seen(ada, 'second').getByText('Grace').waitFor()
  expect(await seen(ada, 'first').isVisible()).toBe(false)
})

it('the demo page does not say that somebody has seen what is below what they read', async () => {
  const [writer] = await visitor('scrolled')
  const [reader] = await visitor('scrolled')
  for (let index = 1; index <= 25; index++) await writer.say(`line ${index}`)
  await seen(writer, 'line 25').waitFor()
  await reader.log.evaluate((log) => log.scrollTo({ top: 200 }))
  await writer.say('news')
  const pill = reader.panel.getByRole('button', { name: '1 new' })
  await pill.waitFor()
  expect(await seen(writer, 'line 25').isVisible()).toBe(true)
  await pill.click()
  await seen(writer, 'news').waitFor()
})

it('the demo page keeps what was seen at its message when earlier ones are loaded above it', async () => {
  const [writer] = await visitor('above')
  const [reader] = await visitor('above')
  for (let index = 1; index <= 40; index++) await writer.say(`line ${index}`)
  await seen(writer, 'line 40').waitFor()
  await reader.pullPlug()
  await writer.page.reload()
  await writer.isConnected()
  await reader.plugIn()
  await expect.poll(() => writer.messages.count()).toBe(30)
  await writer.log.evaluate((log) => log.scrollTo({ top: 0 }))
  await expect.poll(() => writer.messages.count()).toBe(40)
  await seen(writer, 'line 40').waitFor()
})

for (const [name, options] of [
  ['desktop', DESKTOP],
  ['phone', PHONE],
] as const) {
  it(`the demo page lists the rooms in which one has been, with what is unread, on a ${name}`, async () => {
    const [reader] = await visitor(`garden-${name}`, options)
    const [writer] = await visitor(`garden-${name}`)
    const { page } = reader
    await writer.say('seen')
    await reader.sees('seen')
    await page.goto(`${demo.url}/#room=attic-${name}&clients=1`)
    await reader.panel.getByRole('textbox', { name: `Message attic-${name}` }).waitFor()
    const rooms = page.getByRole('navigation', { name: 'Rooms' })
    for (const text of ['one', 'two', 'three']) await writer.say(text)
    await rooms.getByRole('link', { name: `garden-${name} 3 unread` }).waitFor()
    expect(await page.evaluate(lowContrasts)).toEqual([])
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    expect(wide, 'scrolled sideways').toBe(0)
    await rooms.getByRole('link', { name: `garden-${name}` }).click()
    await reader.sees('three')
    await rooms.getByRole('link', { name: `attic-${name}`, exact: true }).click()
    await reader.panel.getByRole('textbox', { name: `Message attic-${name}` }).waitFor()
    await rooms.getByRole('link', { name: `garden-${name}`, exact: true }).waitFor()
    expect(await verdict(page)).toMatch(/^lost 0 · doubled 0 · reordered 0/)
  })
}
