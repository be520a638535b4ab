import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.js'
import { Demo, faultsOf, openDemo, peopleOn } from '../support/demo.js'

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

const TEXTS = [
  '<script>window.wasRun = true</script>',
  '<img src=x onerror="window.wasRun = true">',
  '"><svg onload=window.wasRun=true>',
  '<iframe srcdoc="<script>parent.wasRun=true</script>"></iframe>',
  'javascript:window.wasRun=true',
  '</p></div></li><style>body{display:none}</style>',
  '{{constructor.constructor("window.wasRun=true")()}}',
  '&lt;b&gt; &amp;amp; &#x3C;script&#x3E;',
  'abc\u202Edcba\u202C is not turned around here: \u2066\u2067',
  'שלום, hello, مرحبا',
  `Z${'\u0301\u0323\u0330'.repeat(60)}algo`,
  'x'.repeat(900),
  'line\nbreak\tand tab\u0000and null',
  '👩‍👩‍👧‍👦🏳️‍🌈 e\u0301',
  '__proto__ constructor toString',
]
const NAME = '<img src=x onerror=wasRun=1>\u202Eeman'

async function isUntouched(page: Page): Promise<void> {
  expect(await page.evaluate(() => 'wasRun' in window)).toBe(false)
  const foreign = 'img, script, iframe, style, svg, a, b'
  expect(
    await page.locator('.log ol').first().locator(foreign).and(page.locator(':not(.cancel svg)')).count(),
  ).toBe(0)
  const width = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
  expect(width[0]).toBeLessThanOrEqual(width[1] ?? 0)
}

it('the demo page shows hostile text and names as text, live and from history alike', async () => {
  const address = `${demo.url}/#room=hostile&clients=1`
  const writers = await browser.newContext({ viewport: { width: 390, height: 844 } })
  const readers = await browser.newContext({ viewport: { width: 390, height: 844 } })
  const [writer] = await openDemo(writers, address)
  const [live] = await openDemo(readers, address)
  if (!writer || !live) throw new Error('The page shows nobody')
  const faults = [writer.page, live.page].flatMap(faultsOf)
  const name = writer.panel.getByRole('textbox', { name: 'Your name' })
  await name.fill(NAME)
  await name.press('Enter')
  for (const text of TEXTS) await writer.say(text)
  await live.log.getByText(`#${TEXTS.length}`, { exact: true }).waitFor()
  const late = await readers.newPage()
  faults.push(...faultsOf(late))
  await late.goto(address)
  const [historian] = peopleOn(late)
  await historian.log.getByText(`#${TEXTS.length}`, { exact: true }).waitFor()

  for (const person of [writer, live, historian]) {
    expect(await person.texts()).toEqual(TEXTS)
    await isUntouched(person.page)
  }
  expect(await live.messages.locator('.author').first().innerText()).toContain(NAME)
  expect(faults).toEqual([])
  await writers.close()
  await readers.close()
})

it('the demo page keeps stacked marks and turned letters inside their own bubble', async () => {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } })
  const [person] = await openDemo(context, `${demo.url}/#room=bounds`)
  if (!person) throw new Error('The page shows nobody')
  await person.say(`Z${'\u0301\u0323'.repeat(200)}`)
  await person.say('\u202Eturned')
  await person.log.getByText('#2', { exact: true }).waitFor()
  const bubble = person.messages.first().locator('.bubble')
  expect(await bubble.evaluate((element) => getComputedStyle(element).overflow)).toBe('clip')
  const texts = person.messages.locator('.bubble p')
  for (const text of await texts.all()) {
    expect(await text.evaluate((element) => getComputedStyle(element).unicodeBidi)).toBe('isolate')
  }
  await context.close()
})

it('the demo page refuses a room whose name is none, in words, and stays where it is', async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  const [person] = await openDemo(context, `${demo.url}/#room=safe`)
  if (!person) throw new Error('The page shows nobody')
  const room = person.page.getByRole('textbox', { name: 'Room' })
  await room.fill('<b>no room</b>')
  await room.press('Enter')
  await expect
    .poll(() => room.evaluate((field: HTMLInputElement) => field.validationMessage))
    .toMatch(/^Letters and/)
  await person.say('still here')
  await person.sees('still here')
  await room.fill('другая')
  await room.press('Enter')
  await person.panel.getByRole('textbox', { name: 'Message другая' }).waitFor()
  await person.isConnected()
  await expect.poll(() => person.texts()).toEqual([])
  await context.close()
})
