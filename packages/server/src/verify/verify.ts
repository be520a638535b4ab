import { diagnose } from './diagnosis/diagnose.js'
import { type Hold, holdIdle, idleWords } from './diagnosis/idle.js'
import type { Finding } from './finding.js'
import type { Report } from './report.js'
import type { Target } from './target.js'
import { Tally } from './trial/tally.js'
import { runTrial } from './trial/trial.js'
import { trialWords } from './trial/words.js'

export interface VerifyOptions {
  readonly target: Target
  readonly clients: number
  /** How long the clients talk, in ms. */
  readonly trialMs: number
  /** How long a connection is held that says nothing, in ms. */
  readonly idleMs: number
  /** Ends the trial; what was seen so far is judged. */
  readonly signal: AbortSignal
  /** Called twice a second in the course of the trial. */
  readonly progress?: (progress: Progress) => void
}

export interface Progress {
  readonly elapsedMs: number
  readonly totalMs: number
  readonly tally: Tally
}

const PROGRESS_MS = 500

/** Finds out whether users can rely on a server through everything that is between it and them. */
export async function verify(options: VerifyOptions): Promise<Report> {
  const { target, clients, trialMs, idleMs, signal } = options
  const { findings, reached } = await diagnose(target)
  if (!reached || signal.aborted) return { target, findings, reached }
  const tally = new Tally()
  const stopShowing = show(options, tally)
  const { limits, pingIntervalMs } = reached.greeted
  const rates = { messagesPerSecond: limits.messages_per_second, messagesBurst: limits.messages_burst }
  const trial = { target, clients, ms: trialMs, ...rates, signal, tally }
  try {
    const [verdict, holds]: readonly [Awaited<ReturnType<typeof runTrial>>, readonly Hold[]] =
      await Promise.all([
        runTrial(trial),
        holdIdle({ target, ms: idleMs, signal, lostAt: () => tally.lostAt }),
      ])
    const all: Finding[] = [...findings, ...idleWords(holds, pingIntervalMs), ...trialWords(verdict, tally)]
    return {
      target,
      findings: once(all),
      reached,
      trial: { clients, tally, verdict, holds, wasStopped: signal.aborted },
    }
  } finally {
    stopShowing()
  }
}

function show({ trialMs, idleMs, progress }: VerifyOptions, tally: Tally): () => void {
  const startedAt = performance.now()
  const totalMs = Math.max(trialMs, idleMs)
  const timer = setInterval(
    () => progress?.({ elapsedMs: performance.now() - startedAt, totalMs, tally }),
    PROGRESS_MS,
  )
  return () => clearInterval(timer)
}

/** Two parts may find the same. */
function once(findings: readonly Finding[]): readonly Finding[] {
  return [...new Map(findings.map((finding) => [finding.code, finding])).values()]
}
