import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { launchChromium } from '../support/chromium.js'
import { Cli } from '../support/cli.js'
import { openDemo, type Person, verdict } from '../support/demo.js'

const WAIT = { timeout: 30_000 }

let browser: Browser

beforeAll(async () => {
  browser = await launchChromium()
})
afterAll(() => browser?.close())

/** The page of a command with these arguments. */
async function open(...args: readonly string[]) {
  const cli = new Cli(['--port', '0', ...args])
  onTestFinished(async () => {
    cli.kill()
    await cli.exit()
  })
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  onTestFinished(() => context.close())
  const [ada, grace] = (await openDemo(context, `${await cli.url()}/#room=crash`)) as [Person, Person]
  return {
    cli,
    ada,
    grace,
    page: ada.page,
    button: ada.page.getByRole('button', { name: 'Kill the server' }),
  }
}

const colourOf = (page: Person['page'], name: string) =>
  page.locator('.verdict').evaluate((element, name) => {
    const probe = document.createElement('b')
    probe.style.color = `var(--${name})`
    document.body.append(probe)
    const wanted = getComputedStyle(probe).color
    probe.remove()
    return getComputedStyle(element.querySelector('b') as Element).color === wanted
  }, name)

it('[H8] the button of a supervised command kills its server, which comes back with everything, and the page stays green', {
  timeout: 120_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'roomful-button-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const { cli, ada, grace, page, button } = await open('--supervise', '--data', folder)
  await ada.say('before')
  await grace.sees('before')
  await button.click()
  await ada.status.getByText('Connection lost').waitFor(WAIT)
  for (const text of ['one', 'two']) await ada.say(text)
  await grace.say('three')
  await cli.printed(/was killed \(SIGKILL\)/)
  for (const person of [ada, grace]) {
    await person.status.getByText('Connected, nothing missed').waitFor(WAIT)
    await person.log.getByText('#4', { exact: true }).waitFor(WAIT)
  }
  expect(await ada.texts()).toEqual(await grace.texts())
  await expect.poll(() => verdict(page)).toBe('lost 0 · doubled 0 · reordered 0 of 4 messages')
  expect(await colourOf(page, 'ok')).toBe(true)
})

it('the button counts, in amber, what a server without a store forgot when it was killed', {
  timeout: 120_000,
}, async () => {
  const { ada, page, button } = await open('--supervise', '--memory')
  await ada.say('one')
  await ada.log.getByText('#1', { exact: true }).waitFor()
  await button.click()
  await ada.log.getByText('The server started anew').waitFor(WAIT)
  await expect.poll(() => verdict(page)).toContain('forgotten 1')
  expect(await colourOf(page, 'warn')).toBe(true)
})

it('there is no such button where nobody would start the server again, or where others could press it', {
  timeout: 120_000,
}, async () => {
  for (const args of [['--memory'], ['--memory', '--supervise', '--host', '0.0.0.0']]) {
    const { ada, button } = await open(...args)
    await ada.say('hello')
    await ada.log.getByText('#1', { exact: true }).waitFor()
    expect(await button.count(), args.join(' ')).toBe(0)
    // Nor does the server listen to whoever makes the button's message up.
    await ada.page.getByRole('button', { name: 'Wrong message: Ada' }).waitFor()
    await ada.page.evaluate(async () => {
      const socket = new WebSocket(new URL('ws', location.href))
      await new Promise((opened) => socket.addEventListener('open', opened))
      socket.send(JSON.stringify({ type: 'auth' }))
      socket.send(JSON.stringify({ type: 'join', room_id: 'crash' }))
      socket.send(JSON.stringify({ type: 'kill_node', room_id: 'crash' }))
      await new Promise<void>((refused) =>
        socket.addEventListener('message', ({ data }) => data.includes('not_killable') && refused()),
      )
    })
    await ada.say('still here')
    await ada.log.getByText('#2', { exact: true }).waitFor()
  }
})
