import type { Page, WebSocketRoute } from 'playwright-core'

/** Where something waits until the test lets it through. */
export class Gate {
  readonly reached: Promise<void>
  #open: () => void = () => {}
  #reach: () => void = () => {}
  readonly #opened: Promise<void>

  constructor(readonly name: string) {
    this.reached = new Promise((resolve) => {
      this.#reach = resolve
    })
    this.#opened = new Promise((resolve) => {
      this.#open = resolve
    })
  }

  async pass(): Promise<void> {
    this.#reach()
    await this.#opened
  }

  open(): void {
    this.#open()
  }
}

/** Stops a page of the chat at each step from its HTML to its first live message. Returns the gates, in that order. */
export async function holdPage(page: Page): Promise<readonly Gate[]> {
  const [scripts, token, dial, join, joined] = [
    new Gate('its scripts load'),
    new Gate('it fetches a token'),
    new Gate('it connects'),
    new Gate('it asks to join'),
    new Gate('the server has let it in'),
  ] as const
  await holdRequests(page, /\/_next\/static\/.*\.js/, scripts)
  await holdRequests(page, '**/api/token', token)
  await page.routeWebSocket(/\/ws$/, async (socket) => {
    await dial.pass()
    relay(socket, join, joined)
  })
  return [scripts, token, dial, join, joined]
}

export async function holdRequests(page: Page, url: string | RegExp, gate: Gate): Promise<void> {
  await page.route(url, async (route) => {
    await gate.pass()
    await route.continue()
  })
}

function relay(socket: WebSocketRoute, join: Gate, joined: Gate): void {
  const server = socket.connectToServer()
  const inOrder = (type: string, gate: Gate, send: (frame: string) => void) => {
    let last = Promise.resolve()
    return (frame: string | Buffer) => {
      const text = String(frame)
      const pass = () => (JSON.parse(text).type === type ? gate.pass() : undefined)
      last = last.then(pass).then(() => send(text))
    }
  }
  socket.onMessage(inOrder('join', join, (frame) => server.send(frame)))
  server.onMessage(inOrder('joined', joined, (frame) => socket.send(frame)))
}
