// Takes the pictures in docs/images from the running demo, the moving one included:
// npm run build && npm install --no-save sharp && npx tsx scripts/screenshots.ts [folder]
// sharp, which joins the frames, is not a devDependency: with libvips, it is as large as all others that are run here
// once in a while are together.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { launchChromium } from '../test/support/chromium.js'
import { ROOMFUL } from '../test/support/cli.js'
import { Demo, type Person, peopleOn } from '../test/support/demo.js'

const folder = process.argv[2] ?? fileURLToPath(new URL('../docs/images', import.meta.url))

const DESKTOP = { viewport: { width: 1440, height: 900 } }
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }
const MOVING = { viewport: { width: 960, height: 600 } }

const CONVERSATION = [
  ['Ada', 'Morning! Did the tunnel swallow your train again?'],
  ['Grace', 'It did. Eleven minutes of darkness 🚇'],
  ['Grace', 'I wrote the whole release note in there, though. It all landed when we came out, in one piece.'],
  ['Ada', 'In order?'],
  ['Grace', 'In order. Look at the numbers.'],
  ['Barbara', 'Reading along from my phone. Ship it 🎉'],
  ['Ada', 'One last check before we do. I am pulling my plug now.'],
] as const
const OFFLINE = [
  'No network here at all.',
  'Still writing, and nothing complains.',
  'These three wait their turn.',
]

/** The bundled Chromium has no system font to show; this is the one it brings along. */
async function openPage(browser: Browser, url: string, options: BrowserContextOptions): Promise<Page> {
  const context = await browser.newContext({
    ...options,
    bypassCSP: true,
    reducedMotion: 'reduce',
    locale: 'en-GB',
  })
  const page = await context.newPage()
  await page.goto(url)
  await page.addStyleTag({ content: ':root { font-family: "Open Sans", "Noto Color Emoji", system-ui }' })
  return page
}

async function say(person: Person, text: string, others: readonly Person[] = []): Promise<void> {
  await person.say(text)
  for (const one of [person, ...others]) await one.log.getByText(text).waitFor()
}

async function takeStills(browser: Browser, url: string, colorScheme: 'light' | 'dark'): Promise<void> {
  const suffix = colorScheme === 'dark' ? '-dark' : ''
  const address = `${url}/#room=release-${colorScheme}`
  const desktop = await openPage(browser, address, { ...DESKTOP, colorScheme })
  const [ada, grace] = peopleOn(desktop)
  for (const person of [ada, grace]) await person.isConnected()
  const phone = await openPage(browser, address, { ...PHONE, colorScheme })
  const [barbara] = peopleOn(phone)
  await barbara.isConnected()
  const people = { Ada: ada, Grace: grace, Barbara: barbara }
  for (const [name, text] of CONVERSATION) await say(people[name], text, Object.values(people))
  await barbara.act('In order. Look', '👍')
  await ada.log.getByText('👍').waitFor()
  await ada.pullPlug()
  for (const text of OFFLINE) await say(ada, text)
  await grace.composer.pressSequentially('Watching the')
  await barbara.panel.getByText('is typing').waitFor()
  await desktop.screenshot({ path: join(folder, `demo-desktop${suffix}.png`) })
  await phone.screenshot({ path: join(folder, `demo-phone${suffix}.png`) })
  await Promise.all([desktop.context().close(), phone.context().close()])
}

/** Frames of a page, and for how long each is shown. */
class Film {
  readonly frames: Buffer[] = []
  readonly delays: number[] = []

  constructor(private readonly page: Page) {}

  async take(ms: number): Promise<void> {
    this.frames.push(await this.page.screenshot())
    this.delays.push(ms)
  }

  async save(path: string): Promise<void> {
    const { default: sharp } = await import('sharp' as string)
    await sharp(this.frames, { join: { animated: true } })
      .webp({ delay: this.delays, loop: 0, quality: 82, effort: 6 })
      .toFile(path)
  }
}

/** Pull the plug, write, plug it in: nothing missed. */
async function takeFilm(browser: Browser, url: string): Promise<void> {
  const page = await openPage(browser, `${url}/#room=tunnel`, MOVING)
  const [ada, grace] = peopleOn(page)
  for (const person of [ada, grace]) await person.isConnected()
  const film = new Film(page)
  const write = async (person: Person, text: string) => {
    for (const part of text.match(/.{1,4}/g) ?? []) {
      await person.composer.pressSequentially(part)
      await film.take(90)
    }
    await person.composer.press('Enter')
    await person.log.getByText(text).waitFor()
    await film.take(450)
  }
  await say(ada, 'The train is about to enter the tunnel.', [grace])
  await say(grace, 'Then write to me from inside 🚇', [ada])
  await film.take(1_600)
  await ada.pullPlug()
  await ada.status.getByText('Unplugged').waitFor()
  await film.take(1_200)
  await write(ada, 'No network in here.')
  await write(ada, 'I write all the same.')
  await write(ada, 'Nothing complains.')
  await write(grace, 'Are you still there?')
  await film.take(900)
  await ada.plugIn()
  await ada.status.getByText('3 sent, 1 received meanwhile, order kept').waitFor()
  for (const person of [ada, grace]) await person.log.getByText('#6', { exact: true }).waitFor()
  await page.mouse.move(480, 300)
  await film.take(4_500)
  await film.save(join(folder, 'demo.webp'))
  await page.context().close()
}

const data = await mkdtemp(join(tmpdir(), 'roomful-pictures-'))
const demo = new Demo(ROOMFUL, '--supervise', '--data', data)
await demo.start()
const browser = await launchChromium()
try {
  for (const colorScheme of ['light', 'dark'] as const) await takeStills(browser, demo.url, colorScheme)
  await takeFilm(browser, demo.url)
} finally {
  await browser.close()
  await demo.kill()
  await rm(data, { recursive: true, force: true })
}
