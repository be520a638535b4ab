import type { Browser, BrowserContext } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.js'
import { Demo, openDemo, peopleOn, verdict } from '../support/demo.js'

const demo = new Demo()
let browser: Browser
let contexts: BrowserContext[]

const wide = { viewport: { width: 1280, height: 800 } }
const narrow = { viewport: { width: 390, height: 844 } }

/** Someone with a browser of their own. */
async function visitor(room: string, options = narrow) {
  const context = await browser.newContext(options)
  contexts.push(context)
  const [person, second] = await openDemo(context, `${demo.url}/#room=${room}&clients=1`)
  if (!person || !second) throw new Error('The page shows nobody')
  return { context, page: person.page, person, second }
}

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

it('the demo page shows two people in two browsers the same messages in the same order', async () => {
  const { person: one } = await visitor('order')
  const { person: other } = await visitor('order')
  await one.say('Hello there')
  await other.sees('Hello there')
  await other.say('Hello yourself')
  await one.sees('Hello yourself')
  const said = Array.from({ length: 6 }, (_, index) => `message ${index}`)
  await Promise.all([
    (async () => {
      for (const text of said) await one.say(`one: ${text}`)
    })(),
    (async () => {
      for (const text of said) await other.say(`other: ${text}`)
    })(),
  ])
  for (const person of [one, other]) await expect.poll(() => person.messages.count()).toBe(14)
  for (const person of [one, other]) await person.log.getByText('#14').waitFor()
  expect(await one.texts()).toEqual(await other.texts())
  const mine = (await one.texts()).filter((text) => text.startsWith('one: '))
  expect(mine).toEqual(said.map((text) => `one: ${text}`))
})

it('the demo page names who is typing, until the message is there or the composer is emptied', async () => {
  const { person: one } = await visitor('typing')
  const { person: other } = await visitor('typing')
  const typing = other.panel.locator('.typing')
  await one.composer.pressSequentially('Hm')
  await typing.getByText(/^\u2068\w+\u2069 is typing$/).waitFor()
  await one.composer.fill('')
  await typing.getByText('is typing').waitFor({ state: 'hidden' })
  await one.composer.pressSequentially('Done')
  await typing.getByText('is typing').waitFor()
  await one.composer.press('Enter')
  await other.sees('Done')
  await typing.getByText('is typing').waitFor({ state: 'hidden' })
})

it('the demo page gives everybody in a room another name and lists them', async () => {
  const { person: one } = await visitor('names')
  const { person: other } = await visitor('names')
  await one.panel.getByText('(you)').waitFor()
  const [mine, theirs] = await Promise.all(
    [one, other].map((person) => person.panel.getByRole('textbox', { name: 'Your name' }).inputValue()),
  )
  expect(mine).not.toBe(theirs)
  const name = other.panel.getByRole('textbox', { name: 'Your name' })
  await name.fill('')
  await name.pressSequentially('Hypatia')
  await name.press('Enter')
  await one.panel.locator('.members').getByText('Hypatia').waitFor()
  expect(await other.composer.evaluate((element) => element === document.activeElement)).toBe(true)
})

it('the demo page keeps what is written while the plug is out, in order, and sends it when it is in', async () => {
  const { person: ada, second: grace, page } = await visitor('plug', wide)
  await ada.pullPlug()
  await ada.status.getByText('Unplugged').waitFor()
  for (const text of ['first', 'second', 'third']) await ada.say(text)
  await expect.poll(() => ada.marks()).toEqual(['waiting 1', 'waiting 2', 'waiting 3'])
  await grace.say('meanwhile')
  await grace.sees('meanwhile')
  await expect.poll(() => verdict(page)).toContain('3 waiting')
  await ada.plugIn()
  await ada.isConnected()
  await ada.log.getByText('#4').waitFor()
  await grace.log.getByText('#4').waitFor()
  for (const person of [ada, grace]) {
    expect(await person.texts()).toEqual(['meanwhile', 'first', 'second', 'third'])
  }
  await expect.poll(() => verdict(page)).toBe('lost 0 · doubled 0 · reordered 0 of 4 messages')
})

it('the demo page takes back a message that waits', async () => {
  const { person: ada, second: grace, page } = await visitor('back', wide)
  await ada.pullPlug()
  for (const text of ['keep', 'regret', 'keep too']) await ada.say(text)
  await ada.messages.nth(1).getByRole('button', { name: 'Take back' }).click()
  await expect.poll(() => ada.marks()).toEqual(['waiting 1', 'waiting 2'])
  await ada.plugIn()
  await grace.log.getByText('#2').waitFor()
  expect(await grace.texts()).toEqual(['keep', 'keep too'])
  await expect.poll(() => verdict(page)).toBe('lost 0 · doubled 0 · reordered 0 of 2 messages')
})

it('the demo page finds out by itself that a half-open connection is dead', async () => {
  const { person: ada, second: grace, page } = await visitor('half-open', wide)
  await page.getByRole('button', { name: 'Half-open: Ada' }).click()
  await ada.say('into the void')
  await ada.status.getByText('The server is slow to answer').waitFor()
  await ada.status.getByText('nothing missed').waitFor({ timeout: 30_000 })
  await grace.sees('into the void')
  expect(await grace.texts()).toEqual(['into the void'])
  await expect.poll(() => verdict(page)).toBe('lost 0 · doubled 0 · reordered 0 of 1 message')
}, 60_000)

it('the demo page tells a refused message and an expired token in words, and comes back when asked', async () => {
  const { person: ada, page } = await visitor('faults', wide)
  await page.getByRole('button', { name: 'Wrong message: Ada' }).click()
  await ada.panel.getByRole('alert').getByText('Unknown message type: teleport').waitFor()
  await page.getByRole('button', { name: 'Expired token: Ada' }).click()
  await ada.status.getByText('Token expired').waitFor()
  await ada.panel.getByRole('button', { name: 'Connect again' }).click()
  await ada.isConnected()
  await ada.say('back')
  await ada.sees('back')
  await ada.say('x'.repeat(1_001))
  await ada.panel.getByRole('alert').getByText('Message too long').waitFor()
  expect(await ada.composer.inputValue(), 'the text stays for the person to mend').toHaveLength(1_001)
})

it('the demo page loads earlier messages when it is scrolled up, and keeps what is read in its place', async () => {
  const { person: writer } = await visitor('history')
  for (let index = 1; index <= 45; index++) await writer.say(`line ${index}`)
  await writer.log.getByText('#45', { exact: true }).waitFor()
  const { person: reader } = await visitor('history')
  await reader.log.getByText('#45', { exact: true }).waitFor()
  expect(await reader.messages.count()).toBe(30)
  const before = await reader.log.getByText('line 16', { exact: true }).boundingBox()
  await reader.log.evaluate((log) => log.scrollTo({ top: 0 }))
  const top = await reader.log.getByText('line 16', { exact: true }).boundingBox()
  expect(top?.y).toBeGreaterThan(before?.y ?? 0)
  await expect.poll(() => reader.messages.count()).toBe(45)
  const after = await reader.log.getByText('line 16', { exact: true }).boundingBox()
  expect(Math.abs((after?.y ?? 0) - (top?.y ?? 0)), 'a jump while reading').toBeLessThan(2)
  expect(await reader.texts()).toEqual(await writer.texts())
  await reader.panel.getByRole('button', { name: 'Earlier messages' }).waitFor({ state: 'hidden' })
})

it('the demo page does not move what is being read when a message comes, and says how many came', async () => {
  const { person: writer } = await visitor('pill')
  const { person: reader } = await visitor('pill')
  for (let index = 1; index <= 25; index++) await writer.say(`line ${index}`)
  await reader.log.getByText('#25', { exact: true }).waitFor()
  await reader.log.evaluate((log) => log.scrollTo({ top: 200 }))
  const before = await reader.log.evaluate((log) => log.scrollTop)
  await writer.say('news')
  await writer.say('more news')
  const pill = reader.panel.getByRole('button', { name: '2 new' })
  await pill.waitFor()
  expect(await reader.log.evaluate((log) => log.scrollTop)).toBe(before)
  await pill.click()
  await pill.waitFor({ state: 'hidden' })
  const rest = await reader.log.evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight)
  expect(rest).toBeLessThan(2)
})

it('the demo page comes back after a crash of the server, shows the break, and doubles nothing', async () => {
  const { person: one } = await visitor('crash')
  const { person: other } = await visitor('crash')
  await one.say('before the crash')
  await other.sees('before the crash')
  await demo.kill()
  await one.status.getByText('Connection lost').waitFor()
  await one.say('written in the dark')
  await demo.start()
  for (const person of [one, other]) {
    await person.isConnected()
    await person.log.getByText('The server started anew').waitFor()
    await person.sees('before the crash', 'written in the dark')
  }
  await other.say('welcome back')
  await one.sees('welcome back')
  for (const person of [one, other]) {
    expect(await person.texts()).toEqual(['before the crash', 'written in the dark', 'welcome back'])
    expect(await verdict(person.page)).toContain('lost 0 · doubled 0 · reordered 0')
  }
}, 60_000)

it('the demo page counts, in amber, what a server without a store forgot when it started anew', async () => {
  const { person, page } = await visitor('forgotten')
  await person.say('one')
  await person.say('two')
  await person.log.getByText('#2').waitFor()
  const colour = () =>
    page
      .locator('.verdict b')
      .first()
      .evaluate((count) => getComputedStyle(count).color)
  const green = await colour()
  expect(await verdict(page)).not.toContain('forgotten')
  await demo.kill()
  await demo.start()
  await person.log.getByText('The server started anew').waitFor()
  await person.isConnected()
  await person.say('three')
  await person.log.getByText('#1', { exact: true }).last().waitFor()
  await expect.poll(() => verdict(page)).toBe('lost 0 · doubled 0 · reordered 0 · forgotten 2')
  const warning = await page.locator('.verdict').evaluate((element) => {
    element.style.color = 'var(--warn)'
    return getComputedStyle(element).color
  })
  expect(await colour()).toBe(warning)
  expect(await colour()).not.toBe(green)
}, 60_000)

it('the demo page survives a network that goes and comes', async () => {
  const { person: one, context } = await visitor('offline')
  const { person: other } = await visitor('offline')
  await context.setOffline(true)
  await one.say('from a tunnel')
  await other.say('are you there?')
  await other.sees('are you there?')
  await context.setOffline(false)
  await one.isConnected()
  for (const person of [one, other]) {
    await person.sees('from a tunnel', 'are you there?')
    await person.log.getByText('#2', { exact: true }).waitFor()
  }
  expect(await one.texts()).toEqual(await other.texts())
  expect(await verdict(one.page)).toContain('lost 0 · doubled 0 · reordered 0')
})

it('the demo page keeps unsent messages over a reload and sends them once, as the same person', async () => {
  const { person: one, page } = await visitor('reload')
  const { person: other } = await visitor('reload')
  await one.say('sent before')
  await other.sees('sent before')
  await one.pullPlug()
  await one.say('unsent 1')
  await one.say('unsent 2')
  await one.log.getByText('waiting 2').waitFor()
  await page.reload()
  const [again] = peopleOn(page)
  await again.isConnected()
  await again.log.getByText('#3', { exact: true }).waitFor()
  await other.log.getByText('#3', { exact: true }).waitFor()
  for (const person of [again, other]) {
    expect(await person.texts()).toEqual(['sent before', 'unsent 1', 'unsent 2'])
  }
  expect(await again.messages.locator('.own, .bubble').count()).toBeGreaterThan(0)
  expect(await again.log.locator('.message.own').count(), 'still the same person').toBe(3)
})

it('the demo page shows a break for what a lying network takes away, and counts what it makes up, instead of painting zeros', async () => {
  const context = await browser.newContext(wide)
  contexts.push(context)
  // On the way to the second client, message 2 is lost and message 4 is duplicated.
  await context.routeWebSocket(/client=1$/, (page) => {
    const server = page.connectToServer()
    server.onMessage((text) => {
      const frame = JSON.parse(String(text))
      if (frame.offset === 2) return
      if (Array.isArray(frame.messages)) {
        frame.messages = frame.messages.filter(({ offset }: { offset: number }) => offset !== 2)
        // Otherwise, the page would say that there is nothing to show at that offset.
        delete frame.covers
      }
      page.send(JSON.stringify(frame))
      if (frame.type !== 'chat_message' || frame.offset !== 4) return
      page.send(JSON.stringify({ ...frame, offset: 5, id: 'made-up', user_id: 'somebody' }))
    })
  })
  const [ada, grace] = await openDemo(context, `${demo.url}/#room=lies`)
  if (!ada || !grace) throw new Error('The page shows nobody')
  for (const text of ['1', '2', '3']) await ada.say(`message ${text}`)
  await grace.sees('message 3')
  await ada.say('message 4')
  await grace.log.getByText('#5', { exact: true }).waitFor()
  await expect
    .poll(() => verdict(grace.page), { timeout: 15_000 })
    .toBe('lost 0 · doubled 1 · reordered 0 of 5 messages')
  expect(await grace.log.locator('.break').count()).toBe(1)
})

it('the demo page counts as lost what a lying network takes out between amendments, though it says that nothing was there', async () => {
  const context = await browser.newContext(wide)
  contexts.push(context)
  // On the way to the second client, message 4 is lost: between an edit, a deletion and a reaction.
  await context.routeWebSocket(/client=1$/, (page) => {
    const server = page.connectToServer()
    server.onMessage((text) => {
      const frame = JSON.parse(String(text))
      if (frame.offset === 4 && frame.type === 'chat_message') return
      if (Array.isArray(frame.messages))
        frame.messages = frame.messages.filter(({ offset }: { offset: number }) => offset !== 4)
      page.send(JSON.stringify(frame))
    })
  })
  const [ada, grace] = await openDemo(context, `${demo.url}/#room=amended-lies`)
  if (!ada || !grace) throw new Error('The page shows nobody')
  await ada.say('one')
  await grace.sees('one')
  await ada.act('one', 'Edit')
  await ada.say('one, edited')
  await grace.sees('one, edited')
  await grace.act('one, edited', '👍')
  await expect.poll(() => ada.reactions('one, edited')).toEqual(['👍 1'])
  await ada.say('taken')
  await ada.log.getByText('#4', { exact: true }).waitFor()
  await ada.act('one, edited', 'Delete')
  await ada.say('last')
  await grace.log.getByText('#6', { exact: true }).waitFor()
  expect(await grace.texts()).toEqual(['Deleted', 'last'])
  await expect
    .poll(() => verdict(grace.page), { timeout: 15_000 })
    .toBe('lost 1 · doubled 0 · reordered 0 of 3 messages')
})
