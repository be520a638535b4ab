// Measures what one more message costs the demo page that shows 5,000, and what it costs while nothing happens, in
// Chromium: npm run build && npx tsx scripts/demo-cost.ts. Writes docs/results/demo.md.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@roomful/client'
import type { CDPSession, Page } from 'playwright-core'
import { WebSocket } from 'ws'
import { launchChromium } from '../test/support/chromium.js'
import { ROOMFUL } from '../test/support/cli.js'
import { Demo, openDemo, type Person } from '../test/support/demo.js'
import { writeResult } from '../test/support/results.js'

const SHOWN = 5_000
const ROUNDS = 40
const IDLE_MS = 20_000

/** How long the page's main thread has worked so far, in ms. What the machine does besides does not count. */
async function taskMs(devtools: CDPSession): Promise<number> {
  const { metrics } = await devtools.send('Performance.getMetrics')
  return 1_000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0)
}

/** Until the page has drawn and has nothing more to do. */
const settled = (page: Page) =>
  page.evaluate(
    () => new Promise<void>((resolve) => requestIdleCallback(() => requestIdleCallback(() => resolve()))),
  )

async function costs(
  devtools: CDPSession,
  page: Page,
  act: (round: number) => Promise<unknown>,
): Promise<number[]> {
  const all: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    await settled(page)
    const before = await taskMs(devtools)
    await act(round)
    await settled(page)
    all.push((await taskMs(devtools)) - before)
  }
  return all.sort((a, b) => a - b)
}

const quantile = (sorted: readonly number[], share: number) =>
  `${(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(1)} ms`

/** The page draws nothing: filling it is not what is measured. */
const hold = (page: Page) =>
  page.evaluate(() => {
    const { requestAnimationFrame: request } = window
    const held = { draw: undefined as FrameRequestCallback | undefined, request }
    Object.assign(window, { held })
    window.requestAnimationFrame = (draw) => {
      held.draw = draw
      return 0
    }
  })

/** Draws once both clients have everything. */
const release = async (page: Page, offset: number) => {
  await page.waitForFunction(
    (wanted) =>
      [...document.querySelectorAll('.frames .offset')].filter((at) => at.textContent === wanted).length > 1,
    `#${offset}`,
    { timeout: 300_000, polling: 500 },
  )
  await page.evaluate(() => {
    const { held } = window as unknown as {
      held: { draw: FrameRequestCallback | undefined; request: typeof requestAnimationFrame }
    }
    window.requestAnimationFrame = held.request
    if (held.draw) requestAnimationFrame(held.draw)
  })
}

/** Both clients end with this message, which is in the log. Looks at nothing else: looking costs the page time, too. */
const shows = (page: Page, text: string) =>
  page.waitForFunction(
    (wanted) =>
      [...document.querySelectorAll('.log ol')].every(({ lastElementChild: row }) => {
        const isPlaced = row?.querySelector('.meta i') !== null
        return isPlaced && row?.querySelector('.bubble p')?.textContent === wanted
      }),
    text,
    { timeout: 300_000 },
  )

const folder = await mkdtemp(join(tmpdir(), 'roomful-cost-'))
process.env.ROOMFUL_LIMITS = 'off'
const demo = new Demo(ROOMFUL, '--data', folder)
await demo.start()
const browser = await launchChromium()
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  const [ada] = (await openDemo(context, `${demo.url}/#room=cost`)) as [Person]
  const { page } = ada
  const devtools = await context.newCDPSession(page)
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' })

  const client = createClient({ url: `${demo.url}/ws`, WebSocket })
  const room = client.room('cost')
  await room.join()
  await hold(page)
  for (let sent = 0; sent < SHOWN; sent += 500)
    await Promise.all(Array.from({ length: 500 }, (_, index) => room.send(`message ${sent + index}`)))
  await release(page, SHOWN)
  await shows(page, `message ${SHOWN - 1}`)
  if ((await page.locator('.message').count()) !== 2 * SHOWN) throw new Error('The page shows another number')

  const received = await costs(devtools, page, async (round) => {
    await room.send(`one more ${round}`)
    await shows(page, `one more ${round}`)
  })
  await ada.composer.focus()
  const own = await costs(devtools, page, async (round) => {
    await page.keyboard.insertText(`own ${round}`)
    await page.keyboard.press('Enter')
    await shows(page, `own ${round}`)
  })
  await settled(page)
  const before = await taskMs(devtools)
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
  const idle = (await taskMs(devtools)) - before
  writeResult(
    'demo',
    `The demo page with ${SHOWN.toLocaleString('en')} messages in each of its two clients`,
    'npx tsx scripts/demo-cost.ts',
    [
      ['Main thread for one more message of somebody else, p50', quantile(received, 0.5)],
      ['… p95', quantile(received, 0.95)],
      ['Main thread for an own message, from typing to its acknowledgement, p50', quantile(own, 0.5)],
      ['… p95', quantile(own, 0.95)],
      [`Main thread while nothing is said, of ${IDLE_MS / 1_000} s`, `${idle.toFixed(0)} ms`],
    ],
  )
  client.close()
} finally {
  await browser.close()
  await demo.kill()
  await rm(folder, { recursive: true, force: true })
}
