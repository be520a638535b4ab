import { type Frame, placeOf } from '../../packages/server/src/verify/checker/frames.js'
import type { Recording } from '../../packages/server/src/verify/checker/recording.js'
import type { Random } from '../sim/random.js'
import type { HttpAccess } from './subjects.js'

const PAUSE_MS = 50

/**
 * Sends messages to a room by HTTP, one after the other, each until it is accepted and under one key: written from docs/http.md
 * alone. A message has no client id, so it goes by its text.
 */
export class RecordedPublisher {
  #waiting: string[] = []
  #isAtWork = false
  #isClosed = false
  #requests = 0
  #request: AbortController | undefined

  constructor(
    readonly name: string,
    readonly room: string,
    private readonly access: HttpAccess,
    private readonly recording: Recording,
    private readonly random: Random,
  ) {}

  get isDone(): boolean {
    return !this.#isAtWork
  }

  write(text: string): void {
    this.#waiting.push(text)
    if (!this.#isAtWork) void this.#work()
  }

  /** The request that is under way breaks off; what becomes of its message is not known. */
  cut(): void {
    this.#request?.abort()
  }

  close(): void {
    this.#isClosed = true
    this.cut()
  }

  async #work(): Promise<void> {
    this.#isAtWork = true
    for (let text = this.#waiting.shift(); text !== undefined; text = this.#waiting.shift()) {
      while (!this.#isClosed && !(await this.#send(text))) await pause(PAUSE_MS)
    }
    this.#isAtWork = false
    this.recording.wake()
  }

  /** Returns whether it is decided. */
  async #send(text: string): Promise<boolean> {
    const seen = { client: this.name, connection: `${this.name}/${++this.#requests}`, room: this.room }
    this.recording.add({ kind: 'sent', ...seen, clientId: text, text, user: this.name })
    const answer = await this.#ask(text)
    if (!answer) return false
    const { status, body } = answer
    if (status === 200) {
      this.recording.add({
        kind: 'acked',
        ...seen,
        clientId: text,
        at: placeOf(body),
        duplicate: body.duplicate === true,
      })
      return true
    }
    this.recording.add({ kind: 'refused', ...seen, clientId: text, code: body.code ?? '' })
    if (status === 503) return false
    this.recording.complain(`${this.name} was refused with ${status} ${body.code}`)
    return true
  }

  /** `undefined` where no answer came. */
  async #ask(text: string): Promise<{ readonly status: number; readonly body: Frame } | undefined> {
    const ending = new AbortController()
    this.#request = ending
    try {
      const response = await fetch(`${this.random.pick(this.access.bases)}/rooms/${this.room}/messages`, {
        method: 'POST',
        headers: { ...this.access.headers, 'idempotency-key': `${this.name}-${keyOf(text)}` },
        body: JSON.stringify({ message: text, as: this.name }),
        signal: ending.signal,
      })
      return { status: response.status, body: (await response.json()) as Frame }
    } catch {
      return undefined
    } finally {
      this.#request = undefined
    }
  }
}

/** The number of a message, which a header can carry. */
const keyOf = (text: string) => text.split(' ')[1] ?? ''
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
