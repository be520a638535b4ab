import { SignJWT } from 'jose'
import type { Browser, BrowserContext, Locator } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.js'
import { Cli } from '../support/cli.js'
import { Demo, openDemo, type Person, peopleOn } from '../support/demo.js'

const SECRET = 'a secret of the test, thirty-two long'

const demo = new Demo()
const guarded = new Cli(['--memory'], { PORT: '0', AUTH_SECRET: SECRET })
let browser: Browser
let contexts: BrowserContext[]

/** Someone with a browser of their own. */
async function visitor(room: string, url = demo.url, more = ''): Promise<Person> {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } })
  contexts.push(context)
  const [person] = await openDemo(context, `${url}/#room=${room}&clients=1${more}`)
  if (!person) throw new Error('The page shows nobody')
  return person
}

/** Someone whom a JWT of AUTH_SECRET names. */
async function member(room: string, user: string, claims: { readonly name?: string }): Promise<Person> {
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user)
    .sign(new TextEncoder().encode(SECRET))
  return visitor(room, await guarded.url(), `&token=${token}`)
}

const nameField = ({ panel }: Person): Locator => panel.getByRole('textbox', { name: 'Your name' })
const authorOf = (person: Person, text: string): Locator => person.row(text).locator('.author')

async function rename(person: Person, name: string): Promise<void> {
  await nameField(person).fill(name)
  await nameField(person).press('Enter')
}

beforeAll(async () => {
  await demo.start()
  browser = await launchChromium()
})
afterAll(async () => {
  await browser?.close()
  await demo.kill()
  guarded.kill('SIGKILL')
})
beforeEach(() => {
  contexts = []
})
afterEach(async () => {
  for (const context of contexts) await context.close()
})

it('the demo page names the authors of earlier messages, also those who have left, and after a reload', async () => {
  const ada = await visitor('authors')
  await rename(ada, 'Hypatia')
  await ada.say('I was here')
  await ada.log.getByText('#1').waitFor()
  await ada.page.close()
  const reader = await visitor('authors')
  await reader.panel.getByText('You are alone here').waitFor()
  expect(await authorOf(reader, 'I was here').innerText()).toBe('Hypatia')
  await reader.page.reload()
  await reader.isConnected()
  await authorOf(reader, 'I was here').getByText('Hypatia').waitFor()
})

it('the demo page shows a new name everywhere: of members, beside messages, above answers, of who types and of who has read', async () => {
  const ada = await visitor('everywhere')
  const reader = await visitor('everywhere')
  await ada.say('Morning')
  await reader.sees('Morning')
  await reader.say('Hello yourself')
  await reader.act('Morning', 'Reply')
  await reader.panel.getByText('Replying to').waitFor()
  await ada.sees('Hello yourself')
  await rename(ada, 'Hypatia')
  await ada.composer.pressSequentially('Hm')
  for (const place of ['.typing', '.members', '.author', '.subject', '.seen'])
    await reader.panel.locator(place).getByText('Hypatia').first().waitFor()
  await reader.say('An answer')
  await reader.row('An answer').locator('.quote').getByText('Hypatia').waitFor()
})

it('the demo page takes a name that is set without a connection, and others see it when there is one', async () => {
  const ada = await visitor('offline-name')
  const reader = await visitor('offline-name')
  await ada.pullPlug()
  await rename(ada, 'Hypatia')
  await ada.say('Written under another name')
  await ada.plugIn()
  await reader.sees('Written under another name')
  await authorOf(reader, 'Written under another name').getByText('Hypatia').waitFor()
  await reader.panel.locator('.members').getByText('Hypatia').waitFor()
  const late = await visitor('offline-name')
  expect(await authorOf(late, 'Written under another name').innerText()).toBe('Hypatia')
})

it('the demo page leaves out of a name what a server refuses', async () => {
  const ada = await visitor('odd-name')
  const reader = await visitor('odd-name')
  await rename(ada, ' Hy\u0007patia ')
  await reader.panel.locator('.members').getByText('Hypatia').waitFor()
  expect(await nameField(ada).inputValue()).toBe('Hypatia')
  await rename(ada, ' ')
  expect(await nameField(ada).inputValue()).toBe('Hypatia')
  expect(await ada.panel.getByRole('alert').isVisible()).toBe(false)
})

it('the demo page shows the name that a token gives, or the user id, and no way to change it', async () => {
  const ada = await member('tokens', 'user-1', { name: 'Ada Lovelace' })
  const grace = await member('tokens', 'grace', {})
  const other = await member('tokens', 'b51c7a3e-0c62-4a8e-9a55-2f2f0d3c9e41', {})
  await ada.say('Hello')
  await authorOf(grace, 'Hello').getByText('Ada Lovelace').waitFor()
  await ada.panel.locator('.members').getByText('grace').waitFor()
  await grace.panel.locator('.members').getByText('Ada Lovelace').waitFor()
  for (const [person, name] of [
    [ada, 'Ada Lovelace'],
    [grace, 'grace'],
    [other, 'b51c7a3e…9e41'],
  ] as const) {
    expect(await nameField(person).inputValue()).toBe(name)
    expect(await nameField(person).isEditable()).toBe(false)
    expect(await nameField(person).getAttribute('title')).toContain('token')
    expect(await person.panel.getByRole('alert').isVisible()).toBe(false)
  }
  await ada.page.reload()
  const [again] = peopleOn(ada.page)
  await again.isConnected()
  expect(await nameField(again).inputValue()).toBe('Ada Lovelace')
})
