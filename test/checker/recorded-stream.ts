import { entryOf, type Frame, placeOf } from '../../packages/server/src/verify/checker/frames.js'
import type { Place } from '../../packages/server/src/verify/checker/history.js'
import type { Recording } from '../../packages/server/src/verify/checker/recording.js'
import type { Random } from '../sim/random.js'
import { FollowingStream } from '../support/following-stream.js'
import type { HttpAccess } from './subjects.js'

/**
 * Reads a room by Server-Sent Events, from now on: written from docs/http.md alone. It comes back when its stream ends, goes on
 * after its last event, and records every event.
 */
export class RecordedStream {
  /** Of the last entry. */
  cursor: Place | undefined
  /** Whether the stream has begun. */
  isLive = false
  readonly #stream: FollowingStream
  #askedAt = 0

  constructor(
    readonly name: string,
    readonly room: string,
    access: HttpAccess,
    private readonly recording: Recording,
    random: Random,
  ) {
    this.#stream = new FollowingStream({
      url: () => {
        this.#askedAt = recording.events.length
        return `${random.pick(access.bases)}/rooms/${room}/stream`
      },
      headers: access.headers,
      pauseMs: () => random.between(20, 200),
      opened: (isResumed) => this.#opened(isResumed),
      received: ({ data }) => this.#received(JSON.parse(data)),
      refused: (status) => recording.complain(`${name} was refused its stream with ${status}`),
    })
  }

  /** How often it was opened. */
  get connections(): number {
    return this.#stream.connections
  }

  cut(): void {
    this.#stream.cut()
  }

  close(): void {
    this.#stream.close()
  }

  #opened(isResumed: boolean): void {
    this.isLive = true
    if (isResumed) return
    this.recording.add({ kind: 'opened', ...this.#seen(), askedAt: this.#askedAt })
  }

  #received(frame: Frame): void {
    if (frame.type === 'resync') {
      this.cursor = placeOf(frame)
      this.recording.add({
        kind: 'resync',
        ...this.#seen(),
        reason: frame.reason ?? '',
        cursor: this.cursor,
      })
      return
    }
    const entry = entryOf(frame)
    this.cursor = placeOf(frame)
    this.recording.add({ kind: 'delivered', ...this.#seen(), entry })
  }

  #seen() {
    const { name: client, room } = this
    return { client, connection: `${client}/${this.#stream.connections}`, room }
  }
}
