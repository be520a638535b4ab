// Takes the pictures of the demo in docs/images from the running demo: npm run build && npx tsx scripts/screenshots.ts [folder]
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core'
import { launchChromium } from '../test/support/chromium.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = process.argv[2] ?? join(root, 'docs/images')

const DESKTOP = { viewport: { width: 1440, height: 900 } }
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }

const CONVERSATION = [
  ['Ada', 'Morning! Did the tunnel swallow your train again?'],
  ['Grace', 'It did. Eleven minutes of darkness.'],
  ['Grace', 'I wrote the whole release note in there, though. It all landed when we came out, in one piece.'],
  ['Ada', 'In order?'],
  ['Grace', 'In order. Look at the numbers.'],
  ['Barbara', 'Reading along from my phone. Ship it.'],
  ['Ada', 'One last check before we do. I am pulling my plug now.'],
] as const
const OFFLINE = [
  'No network here at all.',
  'Still writing, and nothing complains.',
  'These three will be 8, 9 and 10.',
]

async function start(): Promise<{ url: string; server: ChildProcess }> {
  const command = join(root, 'packages/server/dist/cli.js')
  const server = spawn(process.execPath, [command, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [said] = await once(server.stdout, 'data')
  const url = /http:\S+/.exec(String(said))?.[0]
  if (!url) throw new Error(`The server did not say where it is: ${said}`)
  return { url, server }
}

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
  await page.addStyleTag({ content: ':root { font-family: "Open Sans", system-ui }' })
  return page
}

function clientOf(page: Page, name: string): Locator {
  return page.getByRole('region', { name: `${name}’s chat` })
}

async function say(client: Locator, text: string): Promise<void> {
  const composer = client.getByRole('textbox', { name: 'Message ' })
  await composer.fill(text)
  await composer.press('Enter')
  await client.getByRole('log').getByText(text).waitFor()
}

async function take(browser: Browser, url: string, colorScheme: 'light' | 'dark'): Promise<void> {
  const suffix = colorScheme === 'dark' ? '-dark' : ''
  const address = `${url}/#room=release`
  const desktop = await openPage(browser, address, { ...DESKTOP, colorScheme })
  const [ada, grace] = [clientOf(desktop, 'Ada'), clientOf(desktop, 'Grace')]
  for (const client of [ada, grace]) await client.getByText(/^Connected/).waitFor()
  const phone = await openPage(browser, address, { ...PHONE, colorScheme })
  const barbara = clientOf(phone, 'Barbara')
  await barbara.getByText(/^Connected/).waitFor()
  for (const [name, text] of CONVERSATION) {
    await say({ Ada: ada, Grace: grace, Barbara: barbara }[name], text)
    for (const client of [ada, grace, barbara]) await client.getByRole('log').getByText(text).waitFor()
  }
  await ada.getByRole('button', { name: 'Pull the plug' }).click()
  for (const text of OFFLINE) await say(ada, text)
  await grace.getByRole('textbox', { name: 'Message ' }).pressSequentially('Watching the')
  await barbara.getByText('is typing').waitFor()
  await desktop.screenshot({ path: join(folder, `demo-desktop${suffix}.png`) })
  await phone.screenshot({ path: join(folder, `demo-phone${suffix}.png`) })
}

const browser = await launchChromium()
for (const colorScheme of ['light', 'dark'] as const) {
  const { url, server } = await start()
  try {
    await take(browser, url, colorScheme)
  } finally {
    server.kill('SIGKILL')
  }
}
await browser.close()
