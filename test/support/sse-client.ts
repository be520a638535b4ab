import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { request as requestTls } from 'node:https'
import { onTestFinished } from 'vitest'
import { EventParser, type ReceivedEvent } from './event-parser.js'
import { KEY } from './http-api.js'

export interface SseOptions {
  readonly lastEventId?: string
  readonly key?: string
  /** The authority that is trusted, for https. */
  readonly ca?: string
}

/** A client of a stream, which reads it once and does not come back. */
export class SseClient {
  readonly events: ReceivedEvent[] = []
  /** Resolves when the stream is over, however it ended: with whether it was complete. */
  readonly closed: Promise<boolean>
  readonly #parser = new EventParser((event) => this.events.push(event))
  #taken = 0

  /** Resolves when the headers are there. @throws Error for another answer than a stream */
  static async open(base: string, room: string, options: SseOptions = {}): Promise<SseClient> {
    const response = await ask(`${base}/rooms/${encodeURIComponent(room)}/stream`, options)
    const client = new SseClient(response)
    onTestFinished(() => client.cut())
    return client
  }

  private constructor(readonly response: IncomingMessage) {
    response.setEncoding('utf8')
    response.on('data', (text: string) => this.#parser.push(text))
    // An abrupt end is also an error, and the close event says as much.
    response.on('error', () => {})
    this.closed = new Promise((resolve) => response.once('close', () => resolve(response.complete)))
  }

  get lastEventId(): string {
    return this.#parser.lastEventId
  }

  get comments(): number {
    return this.#parser.comments
  }

  get retryMs(): number | undefined {
    return this.#parser.retryMs
  }

  /** The data of the next event. */
  async next(): Promise<Record<string, unknown>> {
    while (this.events.length <= this.#taken) await this.#moved()
    return JSON.parse(this.events[this.#taken++]?.data ?? '')
  }

  /** Resolves when the stream has moved on to where something is true. @throws Error if it ends before */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await this.#moved()
  }

  /** Its connection breaks. */
  cut(): void {
    this.response.destroy()
  }

  async #moved(): Promise<void> {
    const over = this.closed.then(() => {
      throw new Error(`The stream is over, after ${this.events.length} events`)
    })
    await Promise.race([once(this.response, 'data'), over])
  }
}

async function ask(url: string, { lastEventId, key = KEY, ca }: SseOptions): Promise<IncomingMessage> {
  const headers = {
    authorization: `Bearer ${key}`,
    ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
  }
  const asked = ca ? requestTls(url, { headers, ca, agent: false }) : request(url, { headers, agent: false })
  asked.end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  if (response.statusCode === 200) return response
  response.destroy()
  throw new Error(`There is no stream: ${response.statusCode}`)
}
