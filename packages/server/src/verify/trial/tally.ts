import { Quantiles } from '../quantiles.js'

const EXAMPLES = 20

/** What a trial counts, in memory that does not grow with its length. */
export class Tally {
  readonly ackMs = new Quantiles()
  /** From the opening of a connection until the room is live again. */
  readonly resumeMs = new Quantiles()
  /** The longest time that a client was without its room, in ms. */
  longestOutageMs = 0
  cuts = 0
  halfOpen = 0
  sent = 0
  acked = 0
  repeats = 0
  shown = 0
  rooms = 0
  /** When a connection was last lost that the trial had not cut itself, by `performance.now()`. */
  lostAt = Number.NEGATIVE_INFINITY
  /** How such connections ended, by close code. */
  readonly endings = new Map<number, number>()
  /** Attempts to connect that failed, by what was said. */
  readonly failures = new Map<string, number>()
  /** Refusals of limits, by code. */
  readonly limits = new Map<string, number>()

  lost(code: number): void {
    this.lostAt = performance.now()
    count(this.endings, code)
  }

  failed(why: string): void {
    count(this.failures, /response: (\d+)/.exec(why)?.[1] ?? /E[A-Z]{3,}|timed out/.exec(why)?.[0] ?? 'other')
  }

  /** A server that refuses in a thousand ways is not remembered in all of them. */
  limited(code: string): void {
    count(this.limits, code)
  }
}

function count<K>(counts: Map<K, number>, key: K): void {
  if (counts.has(key) || counts.size < EXAMPLES) counts.set(key, (counts.get(key) ?? 0) + 1)
}
