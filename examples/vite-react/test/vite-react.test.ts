import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createClient } from '@roomful/client'
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { launchChromium } from '../../../test/support/chromium.js'
import { lowContrasts } from '../../../test/support/contrast.js'
import { Demo, faultsOf } from '../../../test/support/demo.js'
import { buildPages } from '../../../test/support/vite-build.js'

const folder = fileURLToPath(new URL('..', import.meta.url))
const server = new Demo('--import', 'tsx', join(folder, 'server.ts'))
let browser: Browser
let data: string

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'roomful-vite-react-'))
  vi.stubEnv('DATA', data)
  await buildPages(folder)
  await server.start()
  browser = await launchChromium()
})
afterAll(async () => {
  await browser?.close()
  await server.kill()
  await rm(data, { recursive: true })
})

const WIDE = { viewport: { width: 1280, height: 800 } }
const NARROW = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }

/** Somebody in front of the application, with a browser of their own. */
class Person {
  readonly log: Locator

  constructor(
    readonly page: Page,
    readonly faults: string[],
  ) {
    this.log = page.getByRole('log')
  }

  async open(room: string): Promise<void> {
    await this.page.getByRole('link', { name: room }).click()
    await this.page.getByPlaceholder(`Write to ${room}`).waitFor()
  }

  async say(text: string): Promise<void> {
    await this.page.getByLabel('Message', { exact: true }).fill(text)
    await this.page.keyboard.press('Enter')
  }

  async sees(text: string): Promise<void> {
    await this.log.getByText(text, { exact: true }).waitFor()
  }

  texts(): Promise<string[]> {
    return this.log.locator('.bubble p').allTextContents()
  }
}

/** Logs in as a name, in a room. */
async function visit(name: string, room: string, options: BrowserContextOptions = WIDE): Promise<Person> {
  const context = await browser.newContext(options)
  onTestFinished(() => context.close())
  const page = await context.newPage()
  const person = new Person(page, faultsOf(page))
  await page.goto(`${server.url}/#${room}`)
  await page.getByLabel('What shall we call you?').fill(name)
  await page.getByRole('button', { name: 'Come in' }).click()
  await page
    .getByRole('complementary', { name: 'Members', includeHidden: true })
    .getByText(name)
    .waitFor({ state: 'attached' })
  return person
}

it('people who log in see each other, what they write, who types and who waves', async () => {
  const [ada, bob] = [await visit('Ada', 'general'), await visit('Bob', 'general', NARROW)]
  await ada.page.getByRole('complementary', { name: 'Members' }).getByText('Bob').waitFor()
  await bob.page.getByRole('button', { name: 'Members' }).click()
  await bob.page.getByRole('complementary', { name: 'Members' }).getByText('Ada').waitFor()
  await bob.page.keyboard.press('Escape')
  await bob.page.getByLabel('Message', { exact: true }).pressSequentially('hel')
  await ada.page.getByText('Bob is typing…').waitFor()
  await bob.say('hello')
  await ada.sees('hello')
  await ada.page.getByText('Bob is typing…').waitFor({ state: 'hidden' })
  await ada.page.getByRole('button', { name: 'Wave' }).click()
  await bob.page.getByText('Ada waves').waitFor()
  expect(await ada.page.evaluate(lowContrasts)).toEqual([])
  expect(await bob.page.evaluate(lowContrasts)).toEqual([])
  expect([...ada.faults, ...bob.faults]).toEqual([])
})

it('a room that is not open counts what others write, until it is opened', async () => {
  const [ada, bob] = [await visit('Ada', 'general'), await visit('Bob', 'music', NARROW)]
  const music = ada.page.getByRole('link', { name: 'music' })
  const phone = await visit('Ada', 'music', NARROW)
  await phone.say('written on another device')
  await bob.sees('written on another device')
  await bob.say('Bach')
  await bob.say('or Björk')
  await music.getByText('Bob: or Björk').waitFor()
  expect(await music.locator('.unread').textContent()).toBe('2 unread')
  await ada.open('music')
  await ada.sees('or Björk')
  expect(await music.getByText('unread').count()).toBe(0)
  await ada.open('general')
  await ada.say('back here')
  await bob.page.getByRole('link', { name: 'All rooms' }).click()
  await bob.page.getByRole('link', { name: 'general' }).getByText('1 unread').waitFor()
  expect(await music.getByText('unread').count()).toBe(0)
})

it('scrolling up loads older messages, and neither they nor new ones move what is being read', async () => {
  await write('travel', 80)
  const ada = await visit('Ada', 'travel')
  const top = (text: string) =>
    ada.log.getByText(text, { exact: true }).evaluate((line) => line.getBoundingClientRect().top)
  await ada.sees('line 80')
  expect(await ada.texts()).toHaveLength(30)
  const before = await ada.log.evaluate((log) => {
    log.scrollTo(0, -log.scrollHeight)
    return [...log.querySelectorAll('.bubble p')].map((line) => line.getBoundingClientRect().top)[0]
  })
  await ada.log.getByText('line 21', { exact: true }).waitFor({ state: 'attached' })
  expect(await top('line 51')).toBeCloseTo(before ?? 0, 0)
  await write('travel', 1, 81)
  await ada.log.getByText('line 81', { exact: true }).waitFor({ state: 'attached' })
  expect(await top('line 51')).toBeCloseTo(before ?? 0, 0)
  await ada.log.evaluate((log) => log.scrollTo(0, -log.scrollHeight))
  await ada.log.getByText('line 1', { exact: true }).waitFor({ state: 'attached' })
  await ada.page.getByRole('button', { name: 'Earlier messages' }).waitFor({ state: 'hidden' })
  expect(await ada.texts()).toEqual(Array.from({ length: 81 }, (_, index) => `line ${index + 1}`))
  await ada.say('at the end again')
  await expect.poll(() => ada.log.evaluate((log) => log.scrollTop)).toBe(0)
})

it('a message that the server refuses stays with its reason, and is sent by a second attempt', async () => {
  const [ada, bob] = [await visit('Ada', 'story'), await visit('Bob', 'story')]
  await ada.say('Once upon a time')
  await bob.sees('Once upon a time')
  await ada.say('there was a log')
  const failed = ada.log
    .getByRole('listitem')
    .filter({ hasText: 'Wait until somebody else has added a sentence' })
  await failed.waitFor()
  await failed.getByRole('button', { name: 'Try again' }).click()
  await failed.waitFor()
  expect(await bob.texts()).toEqual(['Once upon a time'])
  await bob.say('in a forest')
  await ada.sees('in a forest')
  await failed.getByRole('button', { name: 'Try again' }).click()
  await bob.sees('there was a log')
  await failed.waitFor({ state: 'detached' })
  expect(await ada.texts()).toEqual(['Once upon a time', 'in a forest', 'there was a log'])
})

it('after the server was killed, people go on where they were: nothing is lost, and nothing shown twice', async () => {
  const [ada, bob] = [await visit('Ada', 'music'), await visit('Bob', 'music')]
  await ada.say('before')
  await bob.sees('before')
  await server.kill()
  await ada.page.getByRole('status').getByText('No connection').waitFor()
  await ada.say('while it was away')
  await ada.log.getByText('sending…').waitFor()
  expect(await ada.page.evaluate(lowContrasts)).toEqual([])
  await server.start()
  await bob.sees('while it was away')
  await bob.say('there you are')
  await ada.sees('there you are')
  await ada.page.getByRole('status').getByText('No connection').waitFor({ state: 'hidden' })
  const texts = await ada.texts()
  expect(texts.slice(-3)).toEqual(['before', 'while it was away', 'there you are'])
  expect(await bob.texts()).toEqual(texts)
  await ada.page.reload()
  await expect.poll(() => ada.texts()).toEqual(texts)
})

it('who logs out is gone, and the next person in the tab begins anew', async () => {
  const [ada, bob] = [await visit('Ada', 'general'), await visit('Bob', 'general')]
  const members = bob.page.getByRole('complementary', { name: 'Members' })
  await members.getByText('Ada').waitFor()
  await ada.page.getByRole('button', { name: 'Log out' }).click()
  await members.getByText('Ada').waitFor({ state: 'hidden' })
  await ada.page.getByLabel('What shall we call you?').fill('Eve')
  await ada.page.getByRole('button', { name: 'Come in' }).click()
  await members.getByText('Eve').waitFor()
  await ada.say('I am new')
  await bob.log.getByRole('listitem').filter({ hasText: 'Eve' }).getByText('I am new').waitFor()
})

/** Writes `line 1`, `line 2` and so on as somebody without a page. */
async function write(room: string, count: number, first = 1): Promise<void> {
  const client = createClient({ url: `${server.url.replace('http', 'ws')}/ws`, token: 'Scribe', WebSocket })
  await client.room(room).join()
  const lines = Array.from({ length: count }, (_, index) => `line ${first + index}`)
  await Promise.all(lines.map((line) => client.room(room).send(line)))
  client.close()
}
