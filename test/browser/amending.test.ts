import type { Browser, BrowserContext, BrowserContextOptions } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.js'
import { connect } from '../support/connect.js'
import { lowContrasts } from '../support/contrast.js'
import { Demo, openDemo, type Person, verdict } from '../support/demo.js'

const demo = new Demo()
let browser: Browser
let contexts: BrowserContext[]

const DESKTOP = { viewport: { width: 1280, height: 800 } }
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }

/** Two people, each in a browser of their own. The auditor of each has found nothing wrong in the end. */
async function meet(
  room: string,
  options: BrowserContextOptions,
  use: (ada: Person, other: Person) => Promise<void>,
): Promise<void> {
  const people: Person[] = []
  for (const one of [options, DESKTOP]) {
    const context = await browser.newContext(one)
    contexts.push(context)
    const [person] = await openDemo(context, `${demo.url}/#room=${room}&clients=1`)
    if (person) people.push(person)
  }
  const [one, other] = people
  if (!one || !other) throw new Error('The page shows nobody')
  await use(one, other)
  for (const { page } of people)
    await expect.poll(() => verdict(page)).toMatch(/^lost 0 · doubled 0 · reordered 0( of|$)/)
}

const focused = ({ page }: Person) =>
  page.evaluate(() => {
    const { activeElement: at } = document
    return at?.getAttribute('aria-label') ?? at?.textContent?.trim()
  })

const describedBy = ({ page }: Person) =>
  page.evaluate(() => {
    const id = document.activeElement?.getAttribute('aria-describedby')
    return id && document.getElementById(id)?.querySelector('p')?.textContent
  })

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

for (const [name, options] of [
  ['desktop', DESKTOP],
  ['phone', PHONE],
] as const) {
  describe(`on a ${name}`, () => {
    it('the demo page edits a message for everybody, marks it, and brings back what was being written', () =>
      meet(`edit-${name}`, options, async (one, other) => {
        await one.say('helo')
        await other.sees('helo')
        await one.composer.fill('half a thought')
        await one.act('helo', 'Edit')
        expect(await one.composer.inputValue()).toBe('helo')
        await one.panel.getByText('Editing', { exact: true }).waitFor()
        await one.say('hello')
        await other.sees('hello')
        await other.row('hello').getByText('edited', { exact: true }).waitFor()
        expect(await one.composer.inputValue()).toBe('half a thought')
        expect(await one.texts()).toEqual(['hello'])
      }))

    it('the demo page leaves a tombstone of a deleted message, without actions', () =>
      meet(`delete-${name}`, options, async (one, other) => {
        await one.say('regret')
        await other.act('regret', '🎉')
        await expect.poll(() => one.reactions('regret')).toEqual(['🎉 1'])
        await one.act('regret', 'Delete')
        for (const person of [one, other]) {
          await expect.poll(() => person.texts()).toEqual(['Deleted'])
          expect(await person.row('Deleted').getByRole('button').count()).toBe(0)
        }
      }))

    it('the demo page answers with a quotation, which leads to the answered message and follows its text', () =>
      meet(`reply-${name}`, options, async (one, other) => {
        await one.say('At nine?')
        await other.sees('At nine?')
        for (let index = 1; index <= 20; index++) await one.say(`line ${index}`)
        await other.log.getByText('#21', { exact: true }).waitFor()
        await other.act('At nine?', 'Reply')
        await other.panel.getByText(/^Replying to/).waitFor()
        await other.say('Fine')
        const quote = one.row('Fine').getByRole('button', { name: 'At nine?' })
        await quote.waitFor()
        await expect.poll(() => one.row('At nine?').isVisible()).toBe(true)
        await quote.click()
        await one.log.locator('.flash').getByText('At nine?').waitFor()
        const [row, log] = await Promise.all([one.row('At nine?').boundingBox(), one.log.boundingBox()])
        expect(row?.y).toBeGreaterThanOrEqual(log?.y ?? 0)
        await one.act('At nine?', 'Edit')
        await one.say('At ten?')
        await other.row('Fine').getByRole('button', { name: 'At ten?' }).waitFor()
        await one.act('At ten?', 'Delete')
        await other.row('Fine').getByRole('button', { name: 'a deleted message' }).waitFor()
      }))

    it('the demo page counts reactions, adds the own to it, and takes it back', () =>
      meet(`react-${name}`, options, async (one, other) => {
        await one.say('done')
        await other.act('done', '👍')
        await expect.poll(() => one.reactions('done')).toEqual(['👍 1'])
        await one.row('done').getByRole('button', { name: 'Thumbs up: 1 person' }).click()
        await expect.poll(() => one.reactions('done')).toEqual(['[👍 2]'])
        await one.act('done', '🎉')
        await expect.poll(() => other.reactions('done')).toEqual(['[👍 2]', '🎉 1'])
        await other.row('done').getByRole('button', { name: 'Thumbs up: 2 people' }).click()
        await expect.poll(() => one.reactions('done')).toEqual(['[👍 1]', '[🎉 1]'])
      }))

    it('the demo page keeps edits, deletions, answers and reactions while the plug is out, and everybody has them when it is in', () =>
      meet(`plug-${name}`, options, async (one, other) => {
        for (const text of ['first', 'second', 'third']) await one.say(text)
        await other.sees('third')
        await one.pullPlug()
        await one.act('first', 'Edit')
        await one.say('first, edited')
        await one.act('second', 'Delete')
        await one.act('third', '🎉')
        await one.act('third', 'Reply')
        await one.say('an answer')
        await one.act('an answer', 'Edit')
        await one.say('a better answer')
        expect(await one.texts()).toEqual(['first, edited', 'Deleted', 'third', 'a better answer'])
        await expect.poll(() => one.reactions('third')).toEqual(['[🎉 1]'])
        await one.row('first, edited').getByText('edit waits').waitFor()
        await one.row('Deleted').getByText('deletion waits').waitFor()
        expect(await other.texts()).toEqual(['first', 'second', 'third'])
        await one.plugIn()
        for (const person of [other, one])
          await expect
            .poll(() => person.texts())
            .toEqual(['first, edited', 'Deleted', 'third', 'a better answer'])
        await expect.poll(() => other.reactions('third')).toEqual(['🎉 1'])
        await one.row('first, edited').getByText('edited', { exact: true }).waitFor()
      }))
  })
}

it('[B4] a client that speaks only the base messages sees plain chat of two pages that edit, delete and react', () =>
  meet('beside', DESKTOP, async (one, other) => {
    const base = await connect(`${demo.url.replace(/^http/, 'ws')}/ws`)
    await base.join('beside')
    await one.say('helo')
    await other.act('helo', '👍')
    await expect.poll(() => one.reactions('helo')).toEqual(['👍 1'])
    await one.act('helo', 'Edit')
    await one.say('hello')
    await other.sees('hello')
    await other.say('regret')
    await one.sees('regret')
    await other.act('regret', 'Delete')
    await expect.poll(() => one.texts()).toEqual(['hello', 'Deleted'])
    await one.say('bye')
    await base.until(() => base.all('chat_message').length >= 3, 'the last message')
    await base.settled()
    expect(base.all('chat_message').map(({ message }) => message)).toEqual(['helo', 'regret', 'bye'])
    const others = base.frames.map(({ type }) => type).filter((type) => type !== 'chat_message')
    const presence = ['user_joined', 'user_left', 'user_typing', 'user_stopped_typing']
    expect(others.filter((type) => !presence.includes(type))).toEqual(['system', 'joined', 'pong', 'pong'])
  }))

it('the demo page counts no edit, deletion or reaction as a lost message, live, in a resume or in earlier messages', async () => {
  const visit = async () => {
    const context = await browser.newContext(DESKTOP)
    contexts.push(context)
    await context.clock.install()
    const [ada, grace] = await openDemo(context, `${demo.url}/#room=audit`)
    if (!ada || !grace) throw new Error('The page shows nobody')
    // Time enough for everything that is missing to count as lost.
    const audit = async () => {
      for (let round = 0; round < 3; round++) await context.clock.runFor(3_000)
      return verdict(ada.page)
    }
    return { ada, grace, audit }
  }
  const { ada, grace, audit } = await visit()
  await ada.say('one')
  await grace.sees('one')
  await grace.act('one', '👍')
  await expect.poll(() => ada.reactions('one')).toEqual(['👍 1'])
  await ada.say('two')
  await grace.sees('two')
  await ada.pullPlug()
  await grace.act('one', '🎉')
  await grace.say('three')
  await grace.act('three', 'Edit')
  await grace.say('three, edited')
  await grace.log.getByText('#5', { exact: true }).waitFor()
  await ada.act('one', 'Edit')
  await ada.say('one, edited')
  await ada.act('two', 'Delete')
  await ada.say('four')
  await ada.plugIn()
  const texts = ['one, edited', 'Deleted', 'three, edited', 'four']
  for (const person of [ada, grace]) await expect.poll(() => person.texts()).toEqual(texts)
  const found = 'lost 0 · doubled 0 · reordered 0 of 4 messages'
  await expect.poll(audit).toBe(found)
  const late = await visit()
  await expect.poll(() => late.ada.texts()).toEqual(texts)
  await ada.say('five')
  await late.ada.sees('five')
  await expect.poll(late.audit).toBe(found.replace('4', '5'))
})

it('the demo page takes back an edit and a message that wait', () =>
  meet('back', DESKTOP, async (one, other) => {
    await one.say('stays')
    await other.sees('stays')
    await one.pullPlug()
    await one.act('stays', 'Edit')
    await one.say('changed')
    await one.row('changed').getByRole('button', { name: 'Take back' }).click()
    await one.sees('stays')
    await one.say('never sent')
    await one.act('never sent', 'Delete')
    expect(await one.texts()).toEqual(['stays'])
    await one.plugIn()
    await one.isConnected()
    await expect.poll(() => verdict(one.page)).toBe('lost 0 · doubled 0 · reordered 0 of 1 message')
  }))

it('the demo page says why an edit was refused, tries it again, and dismisses it', async () => {
  const context = await browser.newContext(DESKTOP)
  contexts.push(context)
  let refusals = 2
  await context.routeWebSocket(/client=0$/, (page) => {
    const server = page.connectToServer()
    page.onMessage((text) => {
      const { type, client_id, room_id, ref } = JSON.parse(String(text))
      if (type !== 'edit_message' || refusals-- <= 0) return server.send(text)
      const timestamp = new Date().toISOString()
      const error = {
        type: 'error',
        code: 'forbidden',
        message: 'Not now',
        timestamp,
        client_id,
        room_id,
        ref,
      }
      page.send(JSON.stringify(error))
    })
  })
  const [ada, grace] = await openDemo(context, `${demo.url}/#room=refused`)
  if (!ada || !grace) throw new Error('The page shows nobody')
  await ada.say('as it was')
  await grace.sees('as it was')
  const edit = async (text: string) => {
    await ada.act('as it was', 'Edit')
    await ada.say(text)
    await ada.row('as it was').getByText('Not changed: Not now').waitFor()
  }
  await edit('dismissed')
  await ada.row('as it was').getByRole('button', { name: 'Dismiss' }).click()
  await ada.row('as it was').getByText('Not changed').waitFor({ state: 'hidden' })
  await edit('tried again')
  await ada.row('as it was').getByRole('button', { name: 'Try again' }).click()
  await grace.sees('tried again')
  await expect.poll(() => verdict(ada.page)).toBe('lost 0 · doubled 0 · reordered 0 of 1 message')
})

it('the demo page has one Tab stop for all messages, and arrow keys for what each offers', () =>
  meet('keys', DESKTOP, async (one, other) => {
    for (const text of ['alpha', 'beta', 'gamma']) await one.say(text)
    await other.act('beta', '👍')
    await expect.poll(() => one.reactions('beta')).toEqual(['👍 1'])
    const { keyboard } = one.page
    await one.composer.focus()
    await keyboard.press('Shift+Tab')
    expect([await focused(one), await describedBy(one)]).toEqual(['Message actions', 'gamma'])
    await keyboard.press('ArrowUp')
    expect(await describedBy(one)).toBe('beta')
    await keyboard.press('ArrowRight')
    expect(await focused(one)).toBe('Thumbs up: 1 person')
    await keyboard.press('Space')
    await expect.poll(() => other.reactions('beta')).toEqual(['[👍 2]'])
    await keyboard.press('Home')
    expect(await describedBy(one)).toBe('alpha')
    await keyboard.press('Shift+Tab')
    expect(await one.log.evaluate((log) => log.contains(document.activeElement))).toBe(false)
    await keyboard.press('Tab')
    expect(await describedBy(one), 'where it was left').toBe('alpha')

    await keyboard.press('Enter')
    await expect.poll(() => focused(one)).toBe('Thumbs up')
    await keyboard.press('ArrowRight')
    expect(await focused(one)).toBe('Heart')
    await keyboard.press('ArrowDown')
    expect(await focused(one)).toBe('Reply')
    await keyboard.press('End')
    expect(await focused(one)).toBe('Delete')
    await keyboard.press('Escape')
    expect([await focused(one), await describedBy(one)]).toEqual(['Message actions', 'alpha'])
    expect(await one.panel.getByRole('menu').count()).toBe(0)
    await keyboard.press('Enter')
    await expect.poll(() => focused(one)).toBe('Thumbs up')
    await keyboard.press('End')
    await keyboard.press('Enter')
    await expect.poll(() => other.texts()).toEqual(['Deleted', 'beta', 'gamma'])
    // The nearest message that is left.
    await expect.poll(() => describedBy(one)).toBe('beta')
  }))

it('the demo page edits the last own message on ArrowUp in an empty composer, and leaves it with Esc', () =>
  meet('up', DESKTOP, async (one, other) => {
    await one.say('mine')
    await other.sees('mine')
    await other.say('theirs')
    await one.sees('theirs')
    await one.composer.press('ArrowUp')
    expect(await one.composer.inputValue()).toBe('mine')
    await one.composer.press('Escape')
    expect(await one.composer.inputValue()).toBe('')
    await one.panel.getByText('Editing', { exact: true }).waitFor({ state: 'hidden' })
    await one.composer.press('ArrowUp')
    await one.composer.pressSequentially(', edited')
    await one.composer.press('Enter')
    await other.sees('mine, edited')
  }))

it('the demo page offers no edit and no deletion of what others wrote', () =>
  meet('others', DESKTOP, async (one, other) => {
    await one.say('mine')
    await other.row('mine').getByRole('button', { name: 'Message actions' }).click()
    const items = other.panel.getByRole('menu').getByRole('menuitem')
    expect(await items.filter({ visible: true }).allTextContents()).toEqual(['Reply'])
  }))

it('the demo page shows all of it to a thumb, on a phone, without scrolling sideways', () =>
  meet('thumb', PHONE, async (one, other) => {
    await one.say('x'.repeat(300))
    await other.act('xxx', 'Reply')
    await other.say('a long answer to a long message, longer than the screen is wide')
    await one.act('a long answer', '🎉')
    await one.act('a long answer', 'Reply')
    for (const button of await one.panel.getByRole('button').all()) {
      const box = await button.boundingBox()
      if (box) expect(Math.min(box.width, box.height), await button.innerText()).toBeGreaterThanOrEqual(36)
    }
    await one.row('a long answer').getByRole('button', { name: 'Message actions' }).click()
    const menu = await one.panel.getByRole('menu').boundingBox()
    expect(menu?.x).toBeGreaterThanOrEqual(8)
    expect((menu?.x ?? 0) + (menu?.width ?? 0)).toBeLessThanOrEqual(390 - 8)
    const over = await one.page.evaluate(() =>
      [document.documentElement, ...document.querySelectorAll('.log, .bubble, .subject')].map(
        (box) => box.scrollWidth - box.clientWidth,
      ),
    )
    expect(Math.max(...over)).toBe(0)
  }))

for (const colorScheme of ['light', 'dark'] as const) {
  it(`one reads tombstones, quotations, reactions and menus at a contrast of 4.5 and more, ${colorScheme}`, () =>
    meet(
      `contrast-${colorScheme}`,
      { ...DESKTOP, colorScheme, reducedMotion: 'reduce' },
      async (one, other) => {
        for (const text of ['one', 'two', 'three']) await one.say(text)
        await other.act('one', 'Reply')
        await other.say('an answer')
        await other.act('two', '👍')
        await one.act('an answer', 'Reply')
        await one.say('own answer')
        await one.act('two', '👍')
        await one.act('three', 'Delete')
        await other.say('theirs')
        await other.act('theirs', 'Delete')
        await expect
          .poll(() => one.texts())
          .toEqual(['one', 'two', 'Deleted', 'an answer', 'own answer', 'Deleted'])
        await one.pullPlug()
        await one.act('own answer', 'Edit')
        await one.say('edited answer')
        await one.act('an answer', 'Reply')
        await one.row('edited answer').getByRole('button', { name: 'Message actions' }).click()
        await one.page.mouse.move(0, 0)
        expect(await one.page.evaluate(lowContrasts)).toEqual([])
      },
    ))
}
