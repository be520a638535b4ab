import type { Reached } from './diagnosis/diagnose.js'
import type { Hold } from './diagnosis/idle.js'
import { type Finding, seconds } from './finding.js'
import type { Quantiles } from './quantiles.js'
import { addressOf, type Target } from './target.js'
import type { Verdict } from './trial/judge.js'
import type { Tally } from './trial/tally.js'

export interface Report {
  readonly target: Target
  readonly findings: readonly Finding[]
  readonly reached: Reached | undefined
  /** Absent if there was none. */
  readonly trial?: {
    readonly clients: number
    readonly tally: Tally
    readonly verdict: Verdict
    readonly holds: readonly Hold[]
    readonly wasStopped: boolean
  }
}

/** Whether nothing has to be changed, and everything was tried. */
export function isFine({ findings, trial }: Report): boolean {
  return (
    trial !== undefined &&
    trial.verdict.unfinished.size === 0 &&
    findings.every(({ weight }) => weight !== 'wrong')
  )
}

const MARKS = { wrong: 'WRONG', limit: 'limit', note: 'note' } as const

/** For people: short, and the bad news last, where one looks first. */
export function toText(report: Report): string {
  const { target, findings, reached } = report
  const lines = [`${addressOf(target.url)} as a page of ${target.origin}`, '']
  if (reached) lines.push(...reachedLines(reached), ...trialLines(report), '')
  for (const { weight, says, mend } of [...findings].sort(byWeight)) {
    lines.push(`${MARKS[weight]}  ${says}`)
    if (mend !== undefined) lines.push(...mend.split('  ').map((line) => `       ${line}`))
    lines.push('')
  }
  lines.push(resultOf(report))
  return lines.map(printable).join('\n')
}

/** What a server says may hold what a terminal obeys. */
function printable(line: string): string {
  return line.replaceAll(/[\p{Cc}\p{Cf}]/gu, '\u{FFFD}')
}

const ORDER = { note: 0, limit: 1, wrong: 2 } as const
const byWeight = (a: Finding, b: Finding) => ORDER[a.weight] - ORDER[b.weight]

function resultOf(report: Report): string {
  const { findings, trial } = report
  const wrong = findings.filter(({ weight }) => weight === 'wrong').length
  if (wrong > 0) return `${wrong} ${wrong === 1 ? 'thing is' : 'things are'} wrong.`
  if (!trial) return 'Nothing could be tried.'
  if (trial.verdict.unfinished.size > 0) return 'Nothing is wrong, but not everything could be tried.'
  return `Nothing is wrong${trial.wasStopped ? ', as far as it was tried' : ''}.`
}

function reachedLines({ handshake, roundTrips, greeted, clockOffsetMs }: Reached): readonly string[] {
  const { certificate, connectMs, answerMs } = handshake
  const until = certificate
    ? `, certificate until ${new Date(certificate.to).toISOString().slice(0, 10)}`
    : ''
  const clock = clockOffsetMs === undefined ? '' : `, clocks ${Math.round(Math.abs(clockOffsetMs))} ms apart`
  return [
    `connection  opened in ${ms(connectMs + answerMs)}${until}`,
    `round trip  p50 ${ms(quantile(roundTrips, 0.5))}, p99 ${ms(quantile(roundTrips, 0.99))}${clock}`,
    `messages    are kept ${greeted.durability === 'memory' ? 'in memory: a restart forgets them' : `(durability ${greeted.durability})`}`,
  ]
}

function trialLines({ trial }: Report): readonly string[] {
  if (!trial) return []
  const { tally, verdict, holds, clients } = trial
  const others = [...tally.endings].map(([code, times]) => `${code} ${times}×`).join(', ')
  const failures = [...tally.failures].map(([why, times]) => `${why} ${times}×`).join(', ')
  const held = Math.max(0, ...holds.map(({ heldMs }) => heldMs))
  const until = holds.some(({ heldMs, isShared }) => isShared && heldMs === held)
    ? ', until others were lost too'
    : ''
  return [
    ...(holds.length > 0
      ? [
          `idle        one connection held for ${seconds(held)}${until}, with ${holds.reduce((sum, { pings }) => sum + pings, 0)} of the server's pings`,
        ]
      : []),
    `trial       ${clients} clients in ${tally.rooms} rooms; ${tally.cuts} connections cut, ${tally.halfOpen} left half-open`,
    ...(others ? [`            others ended with close code ${others}`] : []),
    ...(failures ? [`            attempts to connect that failed: ${failures}`] : []),
    `            ${tally.acked} messages acknowledged (${tally.repeats} of them repeats), ${tally.shown} shown`,
    `            ${verdict.lost} lost, ${verdict.duplicated} duplicated, ${verdict.reordered} reordered, ${verdict.holes} holes; ${verdict.breaks} breaks, ${verdict.forgotten} forgotten`,
    `ack         ${shown(tally.ackMs)}`,
    `resume      ${shown(tally.resumeMs)}; longest outage ${seconds(tally.longestOutageMs)}`,
  ]
}

/** One document, for programs. Durations are in ms. */
export function toJson(report: Report): object {
  const { target, findings, reached, trial } = report
  return {
    url: addressOf(target.url),
    origin: target.origin,
    fine: isFine(report),
    findings,
    ...(reached && { connection: connectionOf(reached) }),
    ...(trial && { trial: trialOf(trial) }),
  }
}

function connectionOf({ handshake, roundTrips, greeted, clockOffsetMs }: Reached): object {
  const { connectMs, answerMs, certificate, extensions } = handshake
  return {
    ...{ connect_ms: connectMs, answer_ms: answerMs, extensions },
    ...(certificate && { certificate_ends_at: new Date(certificate.to).toISOString() }),
    round_trip_ms: { p50: quantile(roundTrips, 0.5), p99: quantile(roundTrips, 0.99) },
    ...(clockOffsetMs !== undefined && { clock_offset_ms: clockOffsetMs }),
    ...{ ping_interval_ms: greeted.pingIntervalMs, durability: greeted.durability, limits: greeted.limits },
  }
}

function trialOf({ clients, tally, verdict, holds, wasStopped }: NonNullable<Report['trial']>): object {
  const { lost, forgotten, duplicated, reordered, holes, altered, breaks, causes, examples } = verdict
  return {
    ...{ clients, rooms: tally.rooms, stopped: wasStopped, cuts: tally.cuts, half_open: tally.halfOpen },
    ...{ sent: tally.sent, acknowledged: tally.acked, repeats: tally.repeats, shown: tally.shown },
    ...{ lost, forgotten, duplicated, reordered, holes, altered, breaks, causes: [...causes], examples },
    ack_ms: quantilesOf(tally.ackMs),
    resume_ms: quantilesOf(tally.resumeMs),
    longest_outage_ms: tally.longestOutageMs,
    endings: Object.fromEntries(tally.endings),
    failures: Object.fromEntries(tally.failures),
    limits: Object.fromEntries(tally.limits),
    idle: holds.map(({ heldMs, pings, ending }) => ({
      ...{ held_ms: heldMs, pings },
      ...(ending && { code: ending.code, reason: ending.reason }),
    })),
  }
}

function quantilesOf(durations: Quantiles): object {
  return { count: durations.count, p50: durations.at(0.5), p99: durations.at(0.99), max: durations.max }
}

function shown(durations: Quantiles): string {
  if (durations.count === 0) return 'none'
  return `p50 ${ms(durations.at(0.5))}, p99 ${ms(durations.at(0.99))}`
}

const quantile = (ascending: readonly number[], share: number) =>
  ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)]

function ms(value: number | undefined): string {
  return value === undefined ? 'unknown' : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
}
