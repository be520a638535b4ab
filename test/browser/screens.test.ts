import axe from 'axe-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { launchChromium } from '../support/chromium.js'
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

async function visit(room: string, options: BrowserContextOptions): Promise<[Person, Person]> {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
  onTestFinished(() => context.close())
  const [ada, grace] = (await openDemo(context, `${demo.url}/#room=${room}`)) as [Person, Person]
  await grace.isConnected()
  return [ada, grace]
}

/** A conversation with all that a row can have, at the end of which the first plug is out. */
async function converse([ada, grace]: readonly [Person, Person]): Promise<void> {
  await ada.say('one, see https://example.org/a')
  await grace.sees('one, see https://example.org/a')
  await grace.act('one', '👍')
  await grace.act('one', 'Reply')
  await grace.say('an answer')
  await ada.sees('an answer')
  await ada.say('gone')
  await ada.act('gone', 'Delete')
  await grace.sees('Deleted')
  await ada.pullPlug()
  await ada.say('waits')
  await ada.log.getByText('waiting 1').waitFor()
}

/** Runs in the page: what can be used or read, and is not whole within the window once it is scrolled to. */
function outOfSight(): string[] {
  const wanted =
    'button, a, input, textarea, [role=status], .verdict, .about, .extra, .members p, h1, h2, summary'
  return [...document.querySelectorAll<HTMLElement>(wanted)]
    .filter(
      (element) =>
        element.checkVisibility({ opacityProperty: false }) && !element.closest('[popover], .log, .frames'),
    )
    .flatMap((element) => {
      element.scrollIntoView({ block: 'nearest', inline: 'nearest' })
      const { left, right, top, bottom } = element.getBoundingClientRect()
      const isInside = left >= 0 && right <= innerWidth + 0.5 && top >= -0.5 && bottom <= innerHeight + 0.5
      const isCut =
        !element.matches('input, textarea') &&
        element.scrollWidth > element.clientWidth + 1 &&
        element.clientWidth > 0
      return isInside && !isCut ? [] : [`${element.className || element.tagName}: ${element.innerText}`]
    })
}

describe('every width', () => {
  it('every width from a phone to a desktop, and 200 % of zoom, shows everything whole', {
    timeout: 120_000,
  }, async () => {
    const [ada, grace] = await visit('whole', DESKTOP)
    const { page } = ada
    await converse([ada, grace])
    await grace.say('meanwhile')
    await ada.say('waits, too')
    await ada.plugIn()
    await ada.status.getByText('2 sent, 1 received meanwhile, order kept').waitFor()
    for (const [width, height] of [
      [390, 844],
      [641, 800],
      [768, 1024],
      [850, 800],
      [905, 800],
      [1_000, 800],
      [1_280, 800],
      [1_440, 900],
      // 1,440 by 900, 1,280 by 800 and 768 by 1,024 at 200 %.
      [720, 450],
      [640, 400],
      [384, 512],
    ] as const) {
      await page.setViewportSize({ width, height })
      const seen = async () => [
        await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
        await page.evaluate(outOfSight),
      ]
      // The page lays itself out anew after the window has changed.
      await expect.poll(seen, { message: `${width} by ${height}` }).toEqual([0, []])
    }
  })

  it('every width has its inspector, whole, and Esc closes it and gives the focus back', {
    timeout: 60_000,
  }, async () => {
    const [{ page }] = await visit('inspector', { viewport: { width: 1_000, height: 700 } })
    const inspector = page.getByRole('complementary', { name: 'Inspector' })
    for (const width of [390, 768, 1_000]) {
      await page.setViewportSize({ width, height: 700 })
      await page.getByRole('button', { name: 'Inspector' }).click()
      await inspector.waitFor()
      const box = await inspector.boundingBox()
      expect(box?.x).toBeGreaterThanOrEqual(0)
      expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(width)
      await inspector.getByRole('button', { name: 'Half-open: Ada' }).focus()
      await page.keyboard.press('Escape')
      await inspector.waitFor({ state: 'hidden' })
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Inspector')
    }
  })
})

it('forced colours leave panels, buttons, bubbles and the state of a connection visible', {
  timeout: 60_000,
}, async () => {
  const [ada, grace] = await visit('forced', { ...DESKTOP, forcedColors: 'active' })
  await converse([ada, grace])
  const invisible = await ada.page.evaluate(() => {
    const boxes = document.querySelectorAll(
      '.client, .inspector, .room, .button, .avatar, .send, .bubble, .composer',
    )
    const unbounded = [...boxes].filter(
      (box) => box.checkVisibility() && getComputedStyle(box).borderTopStyle === 'none',
    )
    const background = getComputedStyle(document.body).backgroundColor
    const dots = [...document.querySelectorAll('.link .dot')].filter(
      (dot) => getComputedStyle(dot).backgroundColor === background,
    )
    return [...unbounded, ...dots].map(({ className }) => className)
  })
  expect(invisible).toEqual([])
})

describe('axe', () => {
  const looks = [
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['forced colours', { forcedColors: 'active' }],
  ] as const
  for (const [look, options] of looks)
    for (const [device, size] of [
      ['desktop', DESKTOP],
      ['phone', PHONE],
    ] as const)
      it(`axe finds nothing on a ${device}, ${look}`, { timeout: 120_000 }, async () => {
        const people = await visit(`axe-${look.replace(' ', '-')}-${device}`, { ...size, ...options })
        const [ada] = people
        await converse(people)
        await ada.composer.fill('x'.repeat(1_001))
        await ada.composer.press('Enter')
        expect(await problems(ada.page)).toEqual([])
        await ada.row('an answer').getByRole('button', { name: 'Message actions' }).click()
        if (device === 'phone') {
          expect(await problems(ada.page)).toEqual([])
          await ada.page.keyboard.press('Escape')
          await ada.page.getByRole('button', { name: 'Inspector' }).click()
        }
        expect(await problems(ada.page)).toEqual([])
      })
})

async function problems(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  return page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run()
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
    )
  })
}
