import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { launchChromium } from '../../../test/support/chromium.js'
import { Demo, faultsOf } from '../../../test/support/demo.js'

const server = new Demo(fileURLToPath(new URL('../server.mjs', import.meta.url)))
let browser: Browser

beforeAll(async () => {
  await server.start()
  browser = await launchChromium()
})
afterAll(async () => {
  await browser?.close()
  await server.kill()
})

/** A person with a browser of its own, who has joined. */
async function visit(): Promise<{ page: Page; faults: string[]; say(text: string): Promise<void> }> {
  const context = await browser.newContext()
  onTestFinished(() => context.close())
  const page = await context.newPage()
  const faults = faultsOf(page)
  await page.goto(server.url)
  await page
    .getByRole('status')
    .filter({ hasText: /^Joined/ })
    .waitFor()
  const say = async (text: string) => {
    await page.getByLabel('Message', { exact: true }).fill(text)
    await page.getByRole('button', { name: 'Send' }).click()
  }
  return { page, faults, say }
}

it('the example fits on a screen: the page to copy has 45 lines at the most', async () => {
  const html = await readFile(new URL('../index.html', import.meta.url), 'utf8')
  expect(html.trimEnd().split('\n').length).toBeLessThanOrEqual(45)
})

it('two people chat on the page, see each other type, and find the history after a reload', async () => {
  const [ana, bob] = [await visit(), await visit()]
  const typing = bob.page.getByText(/^\S+ is typing$/).waitFor()
  await ana.page.getByLabel('Message', { exact: true }).pressSequentially('hel')
  await typing
  await ana.say('hello')
  await bob.page
    .getByRole('listitem')
    .filter({ hasText: /: hello$/ })
    .waitFor()
  await bob.page.reload()
  await bob.page
    .getByRole('listitem')
    .filter({ hasText: /: hello$/ })
    .waitFor()
  expect([...ana.faults, ...bob.faults]).toEqual([])
})

it('the page to copy shows markup that a stranger writes as text, and says when the server is away', async () => {
  const [ana, bob] = [await visit(), await visit()]
  await ana.say('<img src=x onerror="document.title = 1">')
  const line = bob.page.getByRole('listitem').filter({ hasText: '<img src=x' })
  await line.waitFor()
  expect(await bob.page.locator('li img').count()).toBe(0)
  const online = await ana.page.getByRole('status').innerText()
  await server.kill()
  await expect.poll(() => ana.page.getByRole('status').innerText()).not.toBe(online)
  await ana.say('waits for the server')
  await server.start()
  await bob.page.getByRole('listitem').filter({ hasText: 'waits for the server' }).waitFor()
})

it('the server of the page to copy answers unknown paths, also malformed ones, and goes on', async () => {
  for (const path of ['/nothing', '//', '/%', '/../package.json']) {
    expect((await fetch(`${server.url}${path}`)).status, path).toBe(404)
  }
  const page = await fetch(`${server.url}/?from=somewhere`)
  expect(page.status).toBe(200)
  const policy = page.headers.get('content-security-policy')
  expect(policy).toMatch(/script-src 'self' 'sha256-[\w+/=]+'; style-src 'sha256-/)
  expect(policy).not.toContain('unsafe')
})
