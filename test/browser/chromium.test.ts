import { once } from 'node:events'
import { createServer } from 'node:http'
import { expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.js'

const html = `<button onclick="greeting.textContent = 'Hello'">Greet</button><h1 id="greeting"></h1>`

it('Chromium drives a real page on localhost and draws its text, so that the other browser tests can', async () => {
  const server = createServer((_request, response) =>
    response.setHeader('content-type', 'text/html').end(html),
  )
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const browser = await launchChromium()
  try {
    const page = await browser.newPage()
    const address = server.address()
    await page.goto(`http://127.0.0.1:${typeof address === 'object' && address?.port}/`)
    await page.getByRole('button').click()
    const heading = page.locator('h1')
    expect(await heading.textContent()).toBe('Hello')
    await heading.evaluate((element) => Object.assign(element.style, { display: 'inline' }))
    expect((await heading.boundingBox())?.width, 'a machine without fonts draws nothing').toBeGreaterThan(10)
  } finally {
    await browser.close()
    server.close()
  }
})
