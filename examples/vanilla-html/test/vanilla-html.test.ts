import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchChromium } from '../../../test/support/chromium.js'
import { Demo, faultsOf, openDemo } from '../../../test/support/demo.js'

const server = new Demo(fileURLToPath(new URL('../server.mjs', import.meta.url)))

beforeAll(() => server.start())
afterAll(() => server.kill())

it('serves a page that chats, under a policy that lets in nothing but its own script', async () => {
  const browser = await launchChromium()
  try {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
    const [ada, grace] = await openDemo(context, server.url)
    if (!ada || !grace) throw new Error('The page shows nobody')
    const faults = faultsOf(ada.page)
    await ada.say('hello')
    await grace.sees('hello')
    expect(faults).toEqual([])
    const smuggled = await ada.page.evaluate(() => {
      const script = document.createElement('script')
      script.textContent = 'window.wasRun = true'
      document.body.append(script)
      return 'wasRun' in window
    })
    expect(smuggled).toBe(false)
  } finally {
    await browser.close()
  }
})

it('answers unknown paths, also malformed ones, and goes on', async () => {
  for (const path of ['/nothing', '//', '/%', '/../package.json']) {
    expect((await fetch(`${server.url}${path}`)).status, path).toBe(404)
  }
  const page = await fetch(`${server.url}/?from=somewhere`)
  expect(page.status).toBe(200)
  const policy = page.headers.get('content-security-policy')
  expect(policy).toMatch(/script-src 'self' 'sha256-[\w+/=]+'; style-src 'sha256-/)
  expect(policy).not.toContain('unsafe')
})
