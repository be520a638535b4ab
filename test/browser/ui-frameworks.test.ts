import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Client, createClient, type Observable } from '@roomful/client'
import type { Browser, Page } from 'playwright-core'
import { createComponent, renderToString as renderSolid } from 'solid-js/web'
import { createServer as createViteServer } from 'vite'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { createSSRApp } from 'vue'
import { renderToString as renderVue } from 'vue/server-renderer'
import { WebSocket } from 'ws'
import { fromObservable } from '../../examples/solid/src/from-observable.js'
import { reactive } from '../../examples/svelte/src/reactive.js'
import { useObservable } from '../../examples/vue/src/use-observable.js'
import { launchChromium } from '../support/chromium.js'
import { Demo, faultsOf } from '../support/demo.js'
import { buildPages } from '../support/vite-build.js'

let browser: Browser
beforeAll(async () => {
  browser = await launchChromium()
})
afterAll(() => browser?.close())

describe.each(['vue', 'svelte', 'solid'])('in %s', (name) => {
  const folder = fileURLToPath(new URL(`../../examples/${name}`, import.meta.url))
  const server = new Demo('--import', 'tsx', join(folder, 'server.ts'))
  beforeAll(() => buildPages(folder))
  // Each test gets an empty room: somebody whose page was closed counts for a while.
  beforeEach(() => server.start())
  afterEach(() => server.kill())

  it('two pages see what the other one writes, who types, and how many are here', async () => {
    const [ana, bob] = [await visit(server.url), await visit(server.url)]
    await ana.page.getByRole('status').getByText('2 here').waitFor()
    const typing = bob.page.getByText(/^\S+ is typing$/).waitFor()
    await ana.page.getByLabel('Message', { exact: true }).pressSequentially('hel')
    await typing
    await say(ana.page, 'hello')
    await bob.page.getByText('is typing').waitFor({ state: 'hidden' })
    await say(bob.page, 'hello yourself')
    for (const { page } of [ana, bob]) {
      await page.locator('li.sent').filter({ hasText: 'hello yourself' }).waitFor()
      expect(await texts(page)).toEqual(['hello', 'hello yourself'])
    }
    await bob.page.reload()
    await expect.poll(() => texts(bob.page)).toEqual(['hello', 'hello yourself'])
    expect([...ana.faults, ...bob.faults]).toEqual([])
  })

  it('a component that is unmounted leaves its room and no subscription, and joins again without a gap', async () => {
    const room = await observe(server.url)
    // From its sources, of which a test can ask for the same client as the page.
    const { page } = await visit(await develop(folder, server.url))
    await expect.poll(() => room.occupancy.get()).toBe(2)
    const toggle = page.getByRole('button', { name: /Leave|Join/ })
    await toggle.click()
    await expect.poll(() => room.occupancy.get()).toBe(1)
    const module = await page.evaluateHandle<{ client: Client }>(`import('/src/client.ts')`)
    await page.evaluate(countSubscriptions, module)
    await toggle.click()
    await expect.poll(() => room.occupancy.get()).toBe(2)
    // Svelte subscribes to what a template reads, and this one reads the user only beside a message that is being sent.
    const shown = { status: 1, timeline: 1, members: 1, typing: 1 }
    expect(await page.evaluate(() => window.subscriptions)).toMatchObject(shown)
    await say(page, 'here again')
    await page.locator('li.sent').filter({ hasText: 'here again' }).waitFor()
    await toggle.click()
    await expect.poll(() => room.occupancy.get()).toBe(1)
    await expect
      .poll(() => page.evaluate(() => window.subscriptions))
      .toEqual({ status: 0, user: 0, timeline: 0, members: 0, typing: 0 })
    await room.send('while it was away')
    await toggle.click()
    await page.locator('li.sent').filter({ hasText: 'while it was away' }).waitFor()
    expect((await texts(page)).slice(-2)).toEqual(['here again', 'while it was away'])
  })
})

it('a server that renders reads an observable, and leaves no subscription', async () => {
  let subscriptions = 0
  const counted: Observable<string> = {
    get: () => 'as it is',
    subscribe() {
      subscriptions++
      return () => void subscriptions--
    },
  }
  const inVue = createSSRApp({
    setup: () => {
      const value = useObservable(counted)
      return () => value.value
    },
  })
  expect(await renderVue(inVue)).toBe('as it is')
  expect(renderSolid(() => createComponent(() => fromObservable(counted)(), {}))).toBe('as it is')
  expect(reactive(counted).current).toBe('as it is')
  expect(subscriptions).toBe(0)
})

declare global {
  interface Window {
    /** How many listeners each observable has had since they are counted. */
    subscriptions: Record<string, number>
  }
}

/** Runs in a page: counts who subscribes to the client of the page from now on. */
function countSubscriptions({ client }: { client: Client }): void {
  const room = client.room('general')
  const { timeline, members, typing } = room
  const counts: Record<string, number> = {}
  const observables = { status: client.status, user: client.user, timeline, members, typing }
  for (const [name, observable] of Object.entries(observables) as [string, Observable<unknown>][]) {
    const { subscribe } = observable
    counts[name] = 0
    observable.subscribe = (listener) => {
      counts[name] = (counts[name] ?? 0) + 1
      const unsubscribe = subscribe(listener)
      return () => {
        counts[name] = (counts[name] ?? 0) - 1
        unsubscribe()
      }
    }
  }
  window.subscriptions = counts
}

async function visit(url: string): Promise<{ page: Page; faults: string[] }> {
  const context = await browser.newContext()
  onTestFinished(() => context.close())
  const page = await context.newPage()
  const faults = faultsOf(page)
  await page.goto(url)
  await page
    .getByRole('status')
    .getByText(/^Connected, [1-9]/)
    .waitFor()
  return { page, faults }
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text)
  await page.keyboard.press('Enter')
}

/** What was written, without who wrote it. */
async function texts(page: Page): Promise<string[]> {
  const lines = await page.locator('li.sent').allInnerTexts()
  return lines.map((line) => line.replace(/^\S+ /, '').trim())
}

/** Somebody else in the room, who hears from the server how many are in it. */
async function observe(url: string) {
  const client = createClient({ url: `${url}/ws`, WebSocket })
  onTestFinished(() => client.close())
  const room = client.room('general')
  await room.join()
  return room
}

/** Serves an example as its `npm run dev` does. */
async function develop(root: string, rooms: string): Promise<string> {
  const proxy = { '/ws': { target: rooms, ws: true } }
  const vite = await createViteServer({
    root,
    logLevel: 'error',
    server: { host: '127.0.0.1', port: 0, proxy },
  })
  onTestFinished(() => vite.close())
  await vite.listen()
  return vite.resolvedUrls?.local[0] ?? ''
}
