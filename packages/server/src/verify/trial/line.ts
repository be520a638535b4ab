import type { WebSocket } from 'ws'
import { openSocket } from '../diagnosis/peer.js'
import type { Target } from '../target.js'
import type { Tally } from './tally.js'

const FIRST_MS = 50
const LONGEST_MS = 2_000
/** After a close code by which the server asks for fewer connections or messages. */
const MODEST_MS = 5_000
const MODEST_CODES = new Set([4005, 4006, 4009])

/** The connections of one recorded client, one after the other. */
export class Line {
  #socket: WebSocket | undefined
  #dialedAt = 0
  #lostAt: number | undefined
  #failures = 0
  #pauseMs = FIRST_MS
  /** Whether the trial itself ends the connection. */
  #isCut = false

  constructor(
    private readonly target: Target,
    private readonly tally: Tally,
  ) {}

  readonly dial = (): WebSocket => {
    const socket = openSocket(this.target)
    this.#socket = socket
    this.#dialedAt = performance.now()
    let wasOpen = false
    socket.once('open', () => {
      wasOpen = true
    })
    socket.on('error', ({ message }) => {
      if (!wasOpen) this.tally.failed(message)
    })
    // Before the client hears of it, which then asks how long to wait.
    socket.once('close', (code) => {
      if (socket === this.#socket) this.#closed(code, wasOpen)
    })
    return socket
  }

  readonly pauseMs = (): number => this.#pauseMs * (0.5 + Math.random())

  /** What the trial does to the connection now is no loss. */
  willCut(): void {
    this.#isCut = true
    this.#lost()
  }

  /** The old connection is another one's now. */
  left(): void {
    this.#socket = undefined
    this.#isCut = false
    this.#pauseMs = FIRST_MS
  }

  live(): void {
    const now = performance.now()
    this.#failures = 0
    if (this.#lostAt === undefined) return
    this.tally.resumeMs.add(now - this.#dialedAt)
    this.tally.longestOutageMs = Math.max(this.tally.longestOutageMs, now - this.#lostAt)
    this.#lostAt = undefined
  }

  #closed(code: number, wasOpen: boolean): void {
    if (wasOpen && !this.#isCut) this.tally.lost(code)
    if (MODEST_CODES.has(code)) this.tally.limited(String(code))
    this.#isCut = false
    this.#lost()
    this.#pauseMs = MODEST_CODES.has(code)
      ? MODEST_MS
      : Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures++)
  }

  #lost(): void {
    this.#lostAt ??= performance.now()
  }
}
