import type { Browser, BrowserContext, BrowserContextOptions } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.js'
import { lowContrasts } from '../support/contrast.js'
import { Demo, openDemo, type Person } from '../support/demo.js'

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

const DESKTOP = { viewport: { width: 1440, height: 900 } }
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }

async function visit(
  room: string,
  options: BrowserContextOptions,
  use: (person: Person, other: Person, context: BrowserContext) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext(options)
  try {
    const [person, other] = await openDemo(context, `${demo.url}/#room=${room}`)
    if (!person || !other) throw new Error('The page shows nobody')
    await use(person, other, context)
  } finally {
    await context.close()
  }
}

const hasFocus = (person: Person) => person.composer.evaluate((element) => element === document.activeElement)

describe('the keyboard', () => {
  it('the keyboard does not send on the Enter that ends the composition of a word', () =>
    visit('ime', DESKTOP, async (person, _other, context) => {
      const devtools = await context.newCDPSession(person.page)
      const enter = { key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 13, text: '\r' }
      await person.composer.focus()
      await devtools.send('Input.imeSetComposition', { text: 'にほん', selectionStart: 3, selectionEnd: 3 })
      await devtools.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', ...enter })
      await devtools.send('Input.dispatchKeyEvent', { type: 'keyUp', ...enter })
      await devtools.send('Input.insertText', { text: '日本' })
      // Safari has ended the composition already when it reports this key.
      await person.composer.evaluate((element) => {
        const key = new KeyboardEvent('keydown', {
          key: 'Enter',
          keyCode: 229,
          bubbles: true,
          cancelable: true,
        })
        element.dispatchEvent(key)
      })
      expect(await person.composer.inputValue()).toBe('日本')
      expect(await person.messages.count()).toBe(0)
      await person.composer.press('Enter')
      await person.sees('日本')
    }))

  it('the keyboard sends with Enter, breaks the line with Shift and Enter, and never leaves the composer', () =>
    visit('keys', DESKTOP, async (person) => {
      await person.composer.fill('one')
      await person.composer.press('Shift+Enter')
      await person.composer.pressSequentially('two')
      await person.composer.press('Enter')
      await expect.poll(() => person.texts()).toEqual(['one\ntwo'])
      expect(await hasFocus(person)).toBe(true)
      await person.composer.fill('by mouse')
      await person.panel.getByRole('button', { name: 'Send' }).click()
      await person.sees('by mouse')
      expect(await hasFocus(person)).toBe(true)
      await person.pullPlug()
      expect(await hasFocus(person)).toBe(true)
      await person.plugIn()
      await person.composer.press('Enter')
      await person.isConnected()
      expect(await person.messages.count(), 'a blank message').toBe(2)
    }))

  it('the keyboard reaches everything, and shows where it is', () =>
    visit('tab', DESKTOP, async ({ page }) => {
      const reached: string[] = []
      await page.locator('#room-id').focus()
      for (let step = 0; step < 40; step++) {
        const { name, isShown } = await page.evaluate(() => {
          const element = document.activeElement
          // Behind the last stop, there is none.
          if (!element || element === document.body) return { name: '', isShown: false }
          // A field shows its focus on the box around it.
          const boxes = [element, element.closest('form')].filter((box) => box !== null)
          const isShown = boxes.some((box) => {
            const { outlineStyle, boxShadow } = getComputedStyle(box)
            return outlineStyle !== 'none' || /2px inset/.test(boxShadow)
          })
          return { name: element.getAttribute('aria-label') || element.textContent || element.id, isShown }
        })
        if (name) expect(isShown, `the focus on ${name}`).toBe(true)
        reached.push(name.trim())
        await page.keyboard.press('Tab')
      }
      const wanted = [
        'Join',
        'Inspector',
        'Your name',
        'Pull the plug',
        'Message tab',
        'Send',
        'Half-open: Ada',
      ]
      expect(reached).toEqual(expect.arrayContaining(wanted))
    }))
})

describe('assistive technology', () => {
  it('assistive technology finds names and roles, and hears of one conversation at a time', () =>
    visit('roles', DESKTOP, async (person, other) => {
      const { page } = person
      const nameless = await page.evaluate(() =>
        [...document.querySelectorAll<HTMLElement>('body :is(button, input, textarea)')]
          .filter((element) => element.checkVisibility())
          .filter((element) => {
            const labels = element instanceof HTMLButtonElement ? null : (element as HTMLInputElement).labels
            return !element.ariaLabel && !element.innerText.trim() && !labels?.length
          })
          .map((element) => element.outerHTML),
      )
      expect(nameless).toEqual([])
      await page.getByRole('log', { name: 'Messages in roles, as Ada sees them' }).waitFor()
      await page.getByRole('heading', { level: 1, name: 'Roomful' }).waitFor()
      expect(await page.getByRole('status').count()).toBe(2)
      await other.composer.focus()
      expect(await other.log.getAttribute('aria-live')).toBe('polite')
      expect(await person.log.getAttribute('aria-live')).toBe('off')
      expect(await page.locator('html').getAttribute('lang')).toBe('en')
    }))

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`one reads every text at a contrast of 4.5 and more, ${colorScheme}`, () =>
      visit(
        `contrast-${colorScheme}`,
        { ...DESKTOP, colorScheme, reducedMotion: 'reduce' },
        async (ada, grace) => {
          await ada.say('hello')
          await grace.sees('hello')
          await grace.say('hi')
          await ada.sees('hi')
          await grace.say('x'.repeat(1_001))
          await ada.pullPlug()
          await ada.say('waiting')
          await ada.log.getByText('waiting 1').waitFor()
          await ada.page.mouse.move(0, 0)
          expect(await ada.page.evaluate(lowContrasts)).toEqual([])
        },
      ))
  }

  it('the demo holds still for those who asked for less motion', () =>
    visit('still', { ...DESKTOP, reducedMotion: 'reduce' }, async (person, other) => {
      await other.composer.pressSequentially('Hm')
      await person.panel.locator('.typing').getByText('is typing').waitFor()
      expect(await person.page.evaluate(() => document.getAnimations().length)).toBe(0)
    }))
})

it('the demo page shows its verdict and the button of its inspector whole at every width', () =>
  visit('widths', DESKTOP, async ({ page, panel, status }) => {
    for (const width of [650, 768, 905, 1280, 1440]) {
      await page.setViewportSize({ width, height: 800 })
      for (const shown of [
        page.locator('.verdict'),
        page.getByRole('button', { name: 'Inspector' }),
        status,
      ]) {
        const box = await shown.boundingBox()
        expect(box?.width, `${width} px wide`).toBeGreaterThan(0)
        expect((box?.x ?? 0) + (box?.width ?? 0), `${width} px wide`).toBeLessThanOrEqual(width)
      }
      expect(await panel.getByRole('button', { name: 'Pull the plug' }).isVisible()).toBe(true)
    }
  }))

describe('a phone', () => {
  it('a phone shows its clients with their plugs in their headers, and never scrolls sideways', () =>
    visit('phone', PHONE, async (person, other) => {
      const { page } = person
      await other.isConnected()
      await person.say('x'.repeat(300))
      await person.say(`https://example.org/${'path/'.repeat(40)}`)
      await person.log.getByText('#2', { exact: true }).waitFor()
      await person.pullPlug()
      await person.say('a message that waits, and that is longer than the screen is wide')
      await person.log.getByText('waiting 1').waitFor()
      for (const width of [390, 320]) {
        await page.setViewportSize({ width, height: 844 })
        const widths = await page.evaluate(() => ({
          page: document.documentElement.scrollWidth - innerWidth,
          log: Math.max(
            ...[...document.querySelectorAll('.log')].map((log) => log.scrollWidth - log.clientWidth),
          ),
        }))
        expect(widths, `${width} px wide`).toEqual({ page: 0, log: 0 })
        const plug = await person.panel.getByRole('button', { name: 'Plug it in' }).boundingBox()
        expect((plug?.x ?? 0) + (plug?.width ?? 0)).toBeLessThanOrEqual(width)
        expect(plug?.y).toBeLessThan(200)
        const second = await other.panel.getByRole('button', { name: 'Pull the plug' }).boundingBox()
        expect((second?.x ?? 0) + (second?.width ?? 0)).toBeLessThanOrEqual(width)
      }
    }))

  it('a phone keeps the composer and the newest message above the keyboard', () =>
    visit('keyboard', PHONE, async (person) => {
      for (let index = 1; index <= 20; index++) await person.say(`line ${index}`)
      await person.log.getByText('#20', { exact: true }).waitFor()
      await person.page.setViewportSize({ width: 390, height: 460 })
      const below = () => person.log.evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight)
      await expect.poll(below).toBeLessThan(2)
      const composer = await person.composer.boundingBox()
      const newest = await person.log.getByText('line 20', { exact: true }).boundingBox()
      expect((composer?.y ?? 0) + (composer?.height ?? 0)).toBeLessThanOrEqual(460)
      expect((newest?.y ?? 0) + (newest?.height ?? 0)).toBeLessThanOrEqual(composer?.y ?? 0)
    }))

  it('a phone has targets that a thumb can hit', () =>
    visit('thumb', PHONE, async ({ page, panel }) => {
      for (const button of await panel.getByRole('button').all()) {
        if (!(await button.isVisible())) continue
        const box = await button.boundingBox()
        expect(Math.min(box?.width ?? 0, box?.height ?? 0), await button.innerText()).toBeGreaterThanOrEqual(
          36,
        )
      }
      await page.getByRole('button', { name: 'Inspector' }).click()
      await page.getByRole('complementary', { name: 'Inspector' }).waitFor()
      await page.getByRole('button', { name: 'Close' }).click()
      await page.getByRole('complementary', { name: 'Inspector' }).waitFor({ state: 'hidden' })
    }))
})
