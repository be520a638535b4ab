import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { EventParser, type ReceivedEvent } from './event-parser.js'

export interface FollowingOptions {
  /** Where it is opened next: each time it may be another server. */
  url(): string
  readonly headers: Readonly<Record<string, string>>
  /** How long it waits before it comes back, in ms. */
  pauseMs(): number
  received(event: ReceivedEvent): void
  /** Its headers have come: of one that goes on after an event, or begins now. */
  opened(isResumed: boolean): void
  /** It was refused for good. */
  refused(status: number): void
}

/** A stream that comes back whenever it ends, and goes on after its last event, as that of a browser does. */
export class FollowingStream {
  /** How often it was opened. */
  connections = 0
  #lastEventId = ''
  #isClosed = false
  #request: ClientRequest | undefined
  #pause: NodeJS.Timeout | undefined

  constructor(private readonly options: FollowingOptions) {
    this.#open()
  }

  /** Its connection breaks. */
  cut(): void {
    this.#request?.destroy()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#pause)
    this.cut()
  }

  #open(): void {
    const { url, headers } = this.options
    const resume = this.#lastEventId === '' ? {} : { 'last-event-id': this.#lastEventId }
    const asked = request(url(), { headers: { ...headers, ...resume }, agent: false })
    this.#request = asked
    asked.once('response', (response) => this.#read(response))
    // A server that is not there; the close event that follows brings it back.
    asked.on('error', () => {})
    asked.once('close', () => {
      if (!this.#isClosed) this.#pause = setTimeout(() => this.#open(), this.options.pauseMs())
    })
    asked.end()
  }

  #read(response: IncomingMessage): void {
    const { statusCode = 0 } = response
    if (statusCode !== 200 && statusCode !== 503) this.options.refused(statusCode)
    response.on('error', () => {})
    if (statusCode !== 200) return void response.destroy()
    this.connections++
    this.options.opened(this.#lastEventId !== '')
    const parser = new EventParser(this.options.received)
    response.setEncoding('utf8')
    response.on('data', (text: string) => {
      parser.push(text)
      if (parser.lastEventId !== '') this.#lastEventId = parser.lastEventId
    })
  }
}
