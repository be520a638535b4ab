import type { Run } from './world.js'

export interface Totals {
  seeds: number
  faults: number
  acked: number
  /** Of these, edits, deletions and reactions. */
  amended: number
  seen: number
  breaks: number
  violations: number
}

export function newTotals(): Totals {
  return { seeds: 0, faults: 0, acked: 0, amended: 0, seen: 0, breaks: 0, violations: 0 }
}

export function addTo(totals: Totals, run: Run): void {
  totals.seeds++
  totals.violations += run.violations.length
  for (const figure of ['faults', 'acked', 'amended', 'seen', 'breaks'] as const)
    totals[figure] += run[figure]
}

/** By test, what says how many seeds. */
const SEEDS = { simulation: 'SIM_SEEDS', cluster: 'SIM_CLUSTER_SEEDS', disk: 'SIM_DISK_SEEDS' } as const

/** What was violated, what happened until then, and how to see it again. */
export function describeRun(
  { seed, violations, schedule, digest }: Run,
  test: keyof typeof SEEDS = 'simulation',
): string {
  return [
    `seed ${seed} (${digest.slice(0, 12)}); replay it: SIM_FIRST=${seed} ${SEEDS[test]}=1 npx vitest run test/sim/${test}`,
    ...violations.slice(0, 8),
    'schedule:',
    ...schedule,
  ].join('\n  ')
}
