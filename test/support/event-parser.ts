export interface ReceivedEvent {
  readonly type: string
  readonly data: string
  /** The last event id, once this event had come. */
  readonly id: string
}

/** Reads Server-Sent Events as the HTML standard has a browser do it. */
export class EventParser {
  lastEventId = ''
  retryMs: number | undefined
  comments = 0
  #rest = ''
  #id = ''
  #type = ''
  #data: string[] = []

  constructor(private readonly dispatch: (event: ReceivedEvent) => void) {}

  push(text: string): void {
    const lines = `${this.#rest}${text}`.split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#line(line)
  }

  #line(line: string): void {
    if (line === '') this.#end()
    else this.#field(line)
  }

  #field(line: string): void {
    const colon = line.indexOf(':')
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === '') this.comments++
    else if (name === 'id') this.#id = value
    else if (name === 'event') this.#type = value
    else if (name === 'data') this.#data.push(value)
    else if (name === 'retry') this.retryMs = Number(value)
    else throw new Error(`A stream has no field '${name}'`)
  }

  #end(): void {
    this.lastEventId = this.#id
    const [type, data] = [this.#type, this.#data]
    this.#type = ''
    this.#data = []
    if (data.length > 0)
      this.dispatch({ type: type || 'message', data: data.join('\n'), id: this.lastEventId })
  }
}
