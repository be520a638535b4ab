import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { launchChromium } from '../support/chromium.js'
import { ROOMFUL } from '../support/cli.js'
import { Demo, openDemo, type Person, verdict } from '../support/demo.js'

const ROUNDS = 3
const UNDER_WAY = 8
const IN_THE_DARK = 3
const WAIT = { timeout: 30_000 }

let folder: string
let demo: Demo
let browser: Browser

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roomful-kill-'))
  demo = new Demo(ROOMFUL, '--data', folder)
  await demo.start()
  browser = await launchChromium()
})
afterAll(async () => {
  await browser?.close()
  await demo.kill()
  await rm(folder, { recursive: true, force: true })
})

interface Told {
  readonly user: string
  readonly recovered: boolean | undefined
}

/** What the server told a client at its latest join, by the address of its WebSocket. */
class Joins {
  readonly #users = new Map<string, string>()
  readonly #told = new Map<string, Told>()

  constructor(context: BrowserContext) {
    context.on('page', (page: Page) =>
      page.on('websocket', (socket) =>
        socket.on('framereceived', ({ payload }) => this.#receive(socket.url(), JSON.parse(String(payload)))),
      ),
    )
  }

  all(): Told[] {
    return [...this.#told].sort(([a], [b]) => a.localeCompare(b)).map(([, told]) => told)
  }

  #receive(url: string, frame: { type?: string; user_id?: string; recovered?: boolean }): void {
    if (frame.type === 'authenticated') this.#users.set(url, frame.user_id ?? '')
    if (frame.type !== 'joined') return
    this.#told.set(url, { user: this.#users.get(url) ?? '', recovered: frame.recovered })
  }
}

/** A page with its two clients, in a browser of its own. */
async function open(room: string) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  onTestFinished(() => context.close())
  const joins = new Joins(context)
  const people = await openDemo(context, `${demo.url}/#room=${room}`)
  const [{ page }] = people as [Person]
  return { joins, people, page }
}

it('[H8] [M7] four clients on two pages that send while the server is killed, again and again: each message lands once, in order, and everyone goes on as the same person with nothing missed', {
  timeout: 180_000,
}, async () => {
  const pages = [await open('killed'), await open('killed')]
  const people = pages.flatMap((page) => page.people)
  const users = pages.map(({ joins }) => joins.all().map(({ user }) => user))
  expect(new Set(users.flat()).size).toBe(4)

  let total = 0
  const said = people.map(() => [] as string[])
  const say = async (who: number, text: string) => {
    total++
    said[who]?.push(`${who}: ${text}`)
    await people[who]?.say(`${who}: ${text}`)
  }
  for (let round = 1; round <= ROUNDS; round++) {
    const before = total
    // A page has one keyboard: its two clients take turns.
    const storm = pages.map(async (_, page) => {
      for (let index = 1; index <= UNDER_WAY; index++)
        for (const who of [2 * page, 2 * page + 1]) await say(who, `${round}.${index}`)
    })
    await people[round % 4]?.log.getByText(`#${before + UNDER_WAY}`, { exact: true }).waitFor()
    await demo.kill()
    await Promise.all(storm)
    for (const [who] of people.entries())
      for (let index = 1; index <= IN_THE_DARK; index++) await say(who, `${round}, dark ${index}`)
    for (const person of people)
      await person.log.getByText(`waiting ${IN_THE_DARK}`, { exact: true }).waitFor()
    await demo.start()

    for (const person of people) {
      await person.status.getByText('Connected, nothing missed').waitFor(WAIT)
      await person.log.getByText(`#${total}`, { exact: true }).waitFor(WAIT)
      await expect.poll(() => person.messages.count(), WAIT).toBe(total)
      expect(await person.log.locator('.break').count()).toBe(0)
    }
    for (const [index, { joins }] of pages.entries())
      expect(joins.all()).toEqual(users[index]?.map((user) => ({ user, recovered: true })))
  }

  const texts = await people[0]?.texts()
  for (const person of people) expect(await person.texts()).toEqual(texts)
  for (const [who, own] of said.entries())
    expect(texts?.filter((text) => text.startsWith(`${who}: `))).toEqual(own)
  for (const { page } of pages)
    await expect.poll(() => verdict(page)).toBe(`lost 0 · doubled 0 · reordered 0 of ${total} messages`)
})
