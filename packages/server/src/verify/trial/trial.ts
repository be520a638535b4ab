import type { Target } from '../target.js'
import { together, type Verdict } from './judge.js'
import { Round } from './round.js'
import type { Tally } from './tally.js'

/** A round is judged as a whole, so its length bounds the memory that it takes. */
const ROUND_MS = 60_000
/** After this, a round is too short to be worth its rooms. */
const SHORT_MS = 5_000
const MOST_PER_SECOND = 8
/** What all clients together send at once after an outage, if the server has no limit. */
const MOST_WAITING = 200
/** What the messages of a user may take of the server's limit, repeats included. */
const SHARE = 0.4
const PATIENCE_MS = 20_000
const STOPPED_MS = 5_000

export interface TrialOptions {
  readonly target: Target
  readonly clients: number
  readonly ms: number
  /** Of the server, for one user; `null` is none. */
  readonly messagesPerSecond: number | null | undefined
  /** Likewise, at once after a quiet time. */
  readonly messagesBurst: number | null | undefined
  readonly signal: AbortSignal
  readonly tally: Tally
}

/** Lets real clients talk while their connections break, in rounds, and tells what became of what they said. */
export async function runTrial(trial: TrialOptions): Promise<Verdict> {
  const { ms, messagesPerSecond, messagesBurst, ...options } = trial
  const { signal, clients } = options
  const perSecond = Math.max(0.5, Math.min(MOST_PER_SECOND, (messagesPerSecond ?? MOST_PER_SECOND) * SHARE))
  // They may be one user. All are back at the same moment, and send again what the server then refuses.
  const waiting = Math.min(MOST_WAITING, (messagesBurst ?? MOST_WAITING) * SHARE)
  const mostWaiting = Math.max(1, Math.floor(waiting / clients))
  const end = performance.now() + ms
  let verdict: Verdict | undefined
  do {
    const left = Math.max(0, end - performance.now())
    const roundMs = left < ROUND_MS + SHORT_MS ? left : ROUND_MS
    const round = new Round({
      ...options,
      ...{ perSecond, mostWaiting, ms: roundMs },
      get patienceMs() {
        return signal.aborted ? STOPPED_MS : PATIENCE_MS
      },
    })
    const played = await round.play()
    verdict = verdict ? together(verdict, played) : played
  } while (end - performance.now() > SHORT_MS && !signal.aborted)
  return verdict
}
