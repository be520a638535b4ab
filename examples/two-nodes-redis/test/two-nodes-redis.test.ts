import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { launchChromium } from '../../../test/support/chromium.js'
import { faultsOf, openDemo, type Person, verdict } from '../../../test/support/demo.js'
import { RedisServer } from '../../../test/support/redis.js'

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))

let redis: RedisServer
let example: ChildProcess
let url: string
let said = ''
let browser: Browser

beforeAll(async () => {
  // As the example would start it, but sure to be installed.
  redis = await RedisServer.start()
  const env = { ...process.env, PORT: '0', REDIS_URL: redis.url }
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  const started = spawn(process.execPath, ['--import', 'tsx', MAIN], { env, stdio: [...stdio] })
  example = started
  started.stdout?.on('data', (text: Buffer) => {
    said += text
  })
  await vi.waitFor(() => expect(said).toContain('Roomful is at'), { timeout: 30_000 })
  url = /http:\S+:\d+/.exec(said)?.[0] ?? ''
  browser = await launchChromium()
})

afterAll(async () => {
  await browser?.close()
  const ended = once(example, 'exit')
  example.kill()
  await ended
  await redis.remove()
})

const badgeOf = ({ panel }: Person) => panel.locator('.served')
const nodeOf = (person: Person) => badgeOf(person).locator('b').innerText()

it('[H6] [M7] the page turns its badge when its node is killed, says how long that took, and loses and doubles nothing', {
  timeout: 60_000,
}, async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  const [ada, grace] = await openDemo(context, `${url}/#room=kill`)
  if (!ada || !grace) throw new Error('The page shows nobody')
  const faults = faultsOf(ada.page)
  await badgeOf(ada).waitFor()
  const before = await nodeOf(ada)
  await ada.say('before')
  await grace.sees('before')

  await badgeOf(ada).getByRole('button', { name: 'Kill it' }).click()
  for (const text of ['one', 'two', 'three']) await ada.say(text)
  await badgeOf(ada)
    .getByText(/resumed in \d+\.\d\d s/)
    .waitFor()
  await expect.poll(() => nodeOf(ada)).not.toBe(before)
  await ada.status.getByText('Connected, nothing missed').waitFor()
  expect(said).toContain(`Node ${before} ended by SIGKILL`)

  await grace.say('after')
  for (const person of [ada, grace]) {
    await person.log.getByText('#5', { exact: true }).waitFor()
    const texts = await person.texts()
    expect([...texts].sort()).toEqual(['after', 'before', 'one', 'three', 'two'])
    expect(texts.filter((text) => text !== 'after')).toEqual(['before', 'one', 'two', 'three'])
  }
  await expect.poll(() => verdict(ada.page)).toBe('lost 0 · doubled 0 · reordered 0 of 5 messages')
  expect(faults).toEqual([])
  await expect.poll(() => said.split(`Node ${before} is up`).length, { timeout: 20_000 }).toBe(3)
  await context.close()
})
