import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { BrowserContext, Locator, Page } from 'playwright-core'
import { ROOMFUL } from './cli.js'

/** A server in a process of its own, which can be killed and started again on its port. */
export class Demo {
  #process: ChildProcess | undefined
  #url = ''
  readonly #command: readonly string[]

  /**
   * @param command a program that takes PORT from its environment and says where it is, with its arguments. @default the
   * `roomful` command, which keeps nothing
   */
  constructor(...command: readonly string[]) {
    this.#command = command.length > 0 ? command : [ROOMFUL, '--memory']
  }

  get url(): string {
    return this.#url
  }

  async start(): Promise<void> {
    const port = this.#url ? new URL(this.#url).port : '0'
    const server = spawn(process.execPath, this.#command, {
      env: { ...process.env, PORT: port },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#process = server
    const ended = once(server, 'exit').then(([code]) => {
      throw new Error(
        `${this.#command.join(' ')} ended with ${code} before it listened; is it built? npm run build`,
      )
    })
    let said = ''
    let url: RegExpExecArray | null = null
    while (!url) {
      const [chunk] = await Promise.race([once(server.stdout, 'data'), ended])
      said += chunk
      url = /http:\S+(?=\s)/.exec(said)
    }
    this.#url = url[0]
  }

  /** As a crash does it: without a farewell. */
  async kill(): Promise<void> {
    const server = this.#process
    this.#process = undefined
    if (!server || server.exitCode !== null) return
    const ended = once(server, 'exit')
    server.kill('SIGKILL')
    await ended
  }
}

/** One client of the demo page, as the person in front of it uses it. */
export class Person {
  readonly composer: Locator
  readonly log: Locator
  readonly messages: Locator
  readonly status: Locator

  constructor(
    readonly page: Page,
    readonly panel: Locator,
  ) {
    this.composer = panel.getByRole('textbox', { name: 'Message ' })
    this.log = panel.getByRole('log')
    this.messages = this.log.locator('.message')
    this.status = panel.locator('[role=status]')
  }

  async isConnected(): Promise<void> {
    await this.status.getByText(/^Connected/).waitFor()
  }

  async say(text: string): Promise<void> {
    await this.composer.fill(text)
    await this.composer.press('Enter')
  }

  async sees(...texts: readonly string[]): Promise<void> {
    for (const text of texts) await this.log.getByText(text, { exact: true }).waitFor()
  }

  /** Texts in the order of the screen. */
  texts(): Promise<string[]> {
    return this.messages.locator('.bubble p').allTextContents()
  }

  /** Time, place or state beside each message. */
  marks(): Promise<string[]> {
    return this.messages.locator('.meta').allTextContents()
  }

  /** The row of a message, by a part of its own text. */
  row(text: string): Locator {
    return this.messages.filter({ has: this.page.locator('.bubble > p', { hasText: text }) })
  }

  /** Chooses from the menu of a message. */
  async act(text: string, item: string): Promise<void> {
    await this.row(text).getByRole('button', { name: 'Message actions' }).click()
    await this.panel.getByRole('menu').getByText(item).click()
  }

  /** Each reaction to a message with its count, the own ones in brackets. */
  async reactions(text: string): Promise<string[]> {
    const chips = await this.row(text).locator('.chips button').all()
    return Promise.all(
      chips.map(async (chip) => {
        const words = await chip.innerText()
        const isOwn = (await chip.getAttribute('aria-pressed')) === 'true'
        return isOwn ? `[${words.replace(/\s+/g, ' ')}]` : words.replace(/\s+/g, ' ')
      }),
    )
  }

  async pullPlug(): Promise<void> {
    await this.panel.getByRole('button', { name: 'Pull the plug' }).click()
  }

  async plugIn(): Promise<void> {
    await this.panel.getByRole('button', { name: 'Plug it in' }).click()
  }
}

/** Opens the page in a tab of its own and waits until its clients have joined. Faults of the page fail the test. */
export async function openDemo(context: BrowserContext, url: string): Promise<Person[]> {
  const page = await context.newPage()
  const faults = faultsOf(page)
  await page.goto(url)
  const people = peopleOn(page)
  for (const person of people) {
    if (await person.panel.isVisible()) await person.isConnected()
  }
  if (faults.length > 0) throw new Error(`The page has faults: ${faults.join('\n')}`)
  return people
}

export function peopleOn(page: Page): [Person, Person] {
  return [new Person(page, page.locator('.client').nth(0)), new Person(page, page.locator('.client').nth(1))]
}

/** Errors and refused resources of a page, as they come. */
export function faultsOf(page: Page): string[] {
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(String(error.stack)))
  page.on('console', (message) => {
    if (/Content Security Policy|Uncaught/.test(message.text())) faults.push(message.text())
  })
  return faults
}

/** The page's own account of what it sent and shows. */
export async function verdict(page: Page): Promise<string> {
  return (await page.locator('.verdict').innerText()).replace(/\s+/g, ' ').trim()
}
