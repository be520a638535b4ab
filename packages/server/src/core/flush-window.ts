export interface FlushBounds {
  /** Longest time that a message waits for company, in ms. */
  readonly maxMs: number
  /** Share of the process's time that one room's flushes may take before its messages are made to wait. */
  readonly share: number
}

/** What a wait must multiply the messages of a flush by; with less, it would delay and save no writes. */
const WORTHWHILE = 1.25
/** After so many flushes without a wait, one is tried again. */
const TRIAL_EVERY = 32
const SMOOTHING = 0.2
/** So many times the usual is taken for an interruption. */
const OUTLIER = 1.5

/**
 * How long a room's next flush waits. The cost of a flush is its writes, one a member; so where they would take
 * too much of the time, messages gather, and more of them go out in the same number of writes. An idle room, a
 * small one, and one whose messages are far apart are flushed at once. So is one where waiting turns out to bring
 * nothing: there, everybody waits for the flush before they write again.
 */
export class FlushWindow {
  #lastArrivalAt = Number.NEGATIVE_INFINITY
  /** Usual time between two messages, in ms. */
  #gapMs = Number.POSITIVE_INFINITY
  #flushedAt = Number.NEGATIVE_INFINITY
  /** Messages that a flush had after its wait, for each that it would have had without. */
  #gain = Number.POSITIVE_INFINITY
  #untried = 0
  /** Messages there when the present wait began. */
  #before: number | undefined

  arrived(now: number): void {
    const gap = now - this.#lastArrivalAt
    this.#lastArrivalAt = now
    this.#gapMs = Number.isFinite(this.#gapMs) ? smooth(this.#gapMs, gap) : gap
  }

  /** A wait begins, with so many messages. */
  gathers(messages: number): void {
    this.#before = messages
  }

  flushed(now: number, messages: number): void {
    this.#flushedAt = now
    if (this.#before === undefined) {
      this.#untried++
      return
    }
    const gain = messages / this.#before
    this.#gain = Number.isFinite(this.#gain) ? smooth(this.#gain, gain) : gain
    this.#before = undefined
    this.#untried = 0
  }

  /** Time until the next flush, in ms; 0 for at once. `flushMs` is what it will take. */
  wait(now: number, flushMs: number, { maxMs, share }: FlushBounds): number {
    const spread = Math.min(maxMs, flushMs / share - flushMs)
    const mayGain = spread > 0 && spread >= WORTHWHILE * this.#gapMs
    return mayGain && (this.#gain >= WORTHWHILE || this.#untried >= TRIAL_EVERY)
      ? Math.max(0, this.#flushedAt + spread - now)
      : 0
  }
}

/** A flush that takes less, in ms, is not worth a look at the sockets first. */
const WORTH_A_TURN_MS = 0.2
/** Share of what a flush takes for which others may be waited for. */
const TURNS_SHARE = 0.25

/**
 * Whether a flush lets another turn of the event loop go first. Senders who wait for a flush answer it over several
 * turns, since a turn reads what has arrived by then. As long as each turn brings more, and the turns take little beside
 * the flush, one write carries what would be two.
 */
export class ArrivalTurns {
  #brought = false
  #since: number | undefined

  arrived(): void {
    this.#brought = true
  }

  /** Asked at the end of each turn. `flushMs` is what the flush will take. */
  goOn(now: number, flushMs: number): boolean {
    this.#since ??= now
    const goesOn = this.#brought && flushMs >= WORTH_A_TURN_MS && now - this.#since < TURNS_SHARE * flushMs
    this.#brought = false
    if (!goesOn) this.#since = undefined
    return goesOn
  }
}

/** Of so many flushes, the first few go the other way. */
const ROUND = 64
const TRIALS = 4

interface Tally {
  writes: number
  messages: number
}

/**
 * Whether senders get their answer, and what else a room has for them, ahead of its flush. Where they go on only then,
 * the flush has more to carry; where they go on anyway, each such write is one that the flush would have saved. A room
 * tries both, and keeps to what takes fewer writes for a message.
 */
export class Answering {
  #isUsual = false
  #flushes = 0
  /** The first round has as much of both, so that a room finds out soon. */
  #round = 2 * TRIALS
  #ahead: Tally = { writes: 0, messages: 0 }
  #joined: Tally = { writes: 0, messages: 0 }

  /** For what comes until the next flush. */
  get isAhead(): boolean {
    return this.#flushes < TRIALS ? !this.#isUsual : this.#isUsual
  }

  /** `writes` counts those ahead as well. */
  flushed(writes: number, messages: number): void {
    const tally = this.isAhead ? this.#ahead : this.#joined
    tally.writes += writes
    tally.messages += messages
    this.#flushes++
    if (this.#flushes < this.#round) return
    this.#isUsual = costOf(this.#ahead) * WORTHWHILE <= costOf(this.#joined)
    this.#flushes = 0
    this.#round = ROUND
    this.#ahead = { writes: 0, messages: 0 }
    this.#joined = { writes: 0, messages: 0 }
  }
}

const costOf = ({ writes, messages }: Tally): number => writes / messages

/** What one write costs, learnt from flushes. */
export class WriteCost {
  #ms = 0

  get ms(): number {
    return this.#ms
  }

  /** A flush that something else interrupted (the collector, the system) tells little of writes. */
  learn(tookMs: number, writes: number): void {
    if (writes === 0) return
    const sample = tookMs / writes
    this.#ms = smooth(this.#ms, this.#ms > 0 ? Math.min(sample, OUTLIER * this.#ms) : sample)
  }
}

function smooth(value: number, sample: number): number {
  return value + SMOOTHING * (sample - value)
}
