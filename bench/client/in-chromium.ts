import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { type ClientPeer, PEERS } from '../loads.js'
import { applyLoad, type Timing } from '../measure.js'
import { SERVER_CORE, startPeer } from '../processes.js'

export const CHROMIUM_RATE = 2_000
/** The talkers must outlast the page, which begins to measure a little later. */
const MARGIN_MS = 1_000

const require = createRequire(import.meta.url)
const SCRIPTS: Readonly<Record<ClientPeer, string>> = {
  roomful: join(dirname(require.resolve('@roomful/client/package.json')), 'dist/roomful.global.js'),
  'socket.io': join(dirname(require.resolve('socket.io-client/package.json')), 'dist/socket.io.min.js'),
}
const program = fileURLToPath(new URL('page.js', import.meta.url))

export interface ChromiumSample {
  readonly messages: number
  readonly seconds: number
  /** Time that the page's main thread was at work, in seconds: script, layout and paint. */
  readonly busy: number
  /** Tasks longer than 50 ms, in ms each. */
  readonly longTasks: readonly number[]
}

declare const connect: (kind: ClientPeer) => Promise<void>
declare const count: (ms: number) => Promise<Omit<ChromiumSample, 'busy'>>

/** A page in a room where others talk. It is served in place of the server's own, since browsers send their origin. */
export async function measureInChromium(
  browser: Browser,
  load: string,
  peer: ClientPeer,
  { warmupMs, measureMs }: Timing,
): Promise<ChromiumSample> {
  const server = await startPeer(peer)
  const page = await browser.newPage()
  try {
    await page.route('**/*', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }))
    await page.goto(`http://127.0.0.1:${server.ports[0]}/`)
    await page.addScriptTag({ path: SCRIPTS[peer] })
    await page.addScriptTag({ path: program })
    await page.evaluate((kind) => connect(kind), peer)
    const busyTime = await meterOf(page)
    const talked = applyLoad(
      load,
      server,
      PEERS[peer].protocol,
      { clients: 10, senders: 10, rate: CHROMIUM_RATE },
      { warmupMs, measureMs: measureMs + MARGIN_MS },
      SERVER_CORE,
    )
    await page.evaluate((ms) => count(ms), warmupMs + MARGIN_MS / 2)
    const busyBefore = await busyTime()
    const counted = await page.evaluate((ms) => count(ms), measureMs)
    const busy = (await busyTime()) - busyBefore
    await talked
    return { ...counted, busy }
  } finally {
    await page.close()
    await server.stop()
  }
}

/** Returns what reads the main thread's working time, in seconds. */
async function meterOf(page: Page): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable')
  return async () => {
    const { metrics } = await session.send('Performance.getMetrics')
    return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN
  }
}
