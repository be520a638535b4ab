import { CHROMIUM_RATE } from './client/in-chromium.js'
import { NODE_RATE } from './client/in-node.js'
import {
  CLIENT_PEERS,
  CLUSTER_LOAD_NAMES,
  CLUSTER_LOADS,
  CLUSTER_NAMES,
  CLUSTERS,
  type Contest,
  EQUAL_LOADS,
  isRival,
  LATENCY_GOALS,
  LOAD_NAMES,
  LOADS,
  OURS,
  PEER_NAMES,
  PEERS,
  type Peer,
} from './loads.js'
import type { Sample } from './measure.js'
import type { Options } from './options.js'
import {
  connectCost,
  connects,
  deliveries,
  memory,
  p50,
  p99,
  type Results,
  type Runs,
  rate,
  settledMemory,
} from './results.js'
import { ratioOf, spreadOf } from './statistics.js'
import { figure, spread, table } from './table.js'

/** What Roomful is to reach beside each peer. */
type Goals = Partial<Record<Peer, { readonly least: number } | { readonly most: number }>>

interface Row {
  readonly label: string
  readonly runs: Runs<Peer, Sample>
  readonly of: (sample: Sample) => number
  readonly goals?: Goals
  readonly baseGoals?: Goals
}

/** The results as Markdown. */
export function report(results: Results, options: Options, machine: readonly string[]): string {
  const { peers } = options
  const parts = [
    '# Results',
    'Written by `npm run bench`; [the README](README.md) says how to read it. Medians; in brackets the least and the most.',
    machine.join('\n'),
    ...fanOut(results, peers),
    ...latency(results, peers),
    ...atEqualRates(results),
    ...idle(results, options),
    ...twoNodes(results),
    ...clientsInNode(results),
    ...clientsInChromium(results),
    ...checks(results),
  ]
  return `${parts.join('\n\n')}\n`
}

function fanOut({ loads }: Results, peers: readonly Peer[]): string[] {
  const rows = LOAD_NAMES.flatMap((name): Row[] => {
    const { title, goals, baseGoals }: Contest = LOADS[name]
    const runs = loads[name]
    if (!runs) return []
    const row = { label: `${name}: ${title}`, runs, of: deliveries }
    return [{ ...row, goals: atLeast(goals), baseGoals: atLeast({ ...goals, ...baseGoals }) }]
  })
  if (rows.length === 0) return []
  return [
    '## Fan-out',
    '![Deliveries a CPU second](plots/fan-out.svg)',
    'Thousands of deliveries a CPU second of the server:',
    values(rows, peers),
    ...ratios(rows, peers),
  ]
}

function atLeast(goals: Contest['goals']): Goals {
  return Object.fromEntries(Object.entries(goals).map(([peer, least]) => [peer, { least }]))
}

function latency({ loads }: Results, peers: readonly Peer[]): string[] {
  const rows = LOAD_NAMES.flatMap((name): Row[] => {
    const runs = loads[name]
    return runs
      ? [
          { label: `${name}, p50`, runs, of: p50 },
          { label: `${name}, p99`, runs, of: p99 },
        ]
      : []
  })
  if (rows.length === 0) return []
  return [
    '## Latency of a delivery',
    '![99th percentile of latency](plots/latency.svg)',
    'In ms. In the closed loops (A, B, C) whoever carries more is asked for more; D, E and F have a fixed rate:',
    values(rows, peers),
    ...latencyGoals(loads, peers),
  ]
}

function latencyGoals(loads: Results['loads'], peers: readonly Peer[]): string[] {
  const { fixed } = LATENCY_GOALS
  const rows = fixed.loads.flatMap((name) => {
    const runs = loads[name]
    return runs ? [[name, aboveNaive(runs, p50, fixed.p50), aboveNaive(runs, p99, fixed.p99)]] : []
  })
  if (rows.length === 0 || !peers.includes('roomful') || !peers.includes('ws')) return []
  return [
    'Roomful’s latency above the naive loop’s at these rates, in ms, and the most that it may be:',
    table(['', 'p50', 'p99'], rows),
  ]
}

function atEqualRates({ equal }: Results): string[] {
  const names = EQUAL_LOADS.filter((name) => equal[name])
  if (names.length === 0) return []
  const peers: Peer[] = ['roomful', 'ws']
  const rows = names.flatMap((name): Row[] => {
    const runs = equal[name] ?? {}
    return [
      { label: `${name}: messages/s`, runs, of: rate },
      { label: `${name}: server CPU, %`, runs, of: ({ serverCpu, seconds }) => (serverCpu / seconds) * 100 },
      { label: `${name}: p50, ms`, runs, of: p50 },
      { label: `${name}: p99, ms`, runs, of: p99 },
    ]
  })
  const { p99: most } = LATENCY_GOALS.equal
  const above = names.map((name) => [`${name}: p99`, aboveNaive(equal[name] ?? {}, p99, most)])
  return [
    '## At equal rates',
    'The loads of the closed loops as open loops, at half of what one core of the naive loop carried:',
    values(rows, peers),
    'Roomful’s latency above the naive loop’s, in ms, and the most that it may be:',
    table(['', 'above'], above),
  ]
}

/** Round by round, as a ratio is. */
function aboveNaive(runs: Runs<Peer, Sample>, of: (sample: Sample) => number, most: number): string {
  const difference = spreadOf(
    (runs.roomful ?? []).map((sample, round) => of(sample) - naive(runs, of, round)),
  )
  return `${spread(difference)}${verdict(difference.median, { most })}`
}

function naive(runs: Runs<Peer, Sample>, of: (sample: Sample) => number, round: number): number {
  const sample = runs.ws?.[round]
  return sample ? of(sample) : Number.NaN
}

function idle({ idle: runs }: Results, { peers: chosen, idleClients }: Options): string[] {
  const peers = chosen.filter((peer) => runs[peer])
  if (Object.keys(runs).length === 0) return []
  const rows: Row[] = [
    { label: 'connects/s', runs, of: connects },
    { label: 'CPU µs a connect', runs, of: connectCost, goals: { 'socket.io': { most: 2 } } },
    { label: 'KiB a connection, 2 s after the last', runs, of: memory },
    { label: 'the same, 30 s after (one round)', runs: settledOnly(runs), of: settledMemory },
  ]
  return [
    '## Connecting, and idle connections',
    '![Memory and CPU time of a connection](plots/connections.svg)',
    `${figure(idleClients)} connections, each joined to one of 100 rooms; memory is what the server’s resident set grew by, and is meant to be at most 11 KiB:`,
    values(rows, peers),
    ...ratios(rows.slice(1), peers),
  ]
}

function settledOnly(runs: Runs<Peer, Sample>): Runs<Peer, Sample> {
  const entries = Object.entries(runs) as [Peer, Sample[]][]
  return Object.fromEntries(
    entries.map(([peer, samples]) => [peer, samples.filter(({ rssSettled }) => rssSettled !== undefined)]),
  )
}

function twoNodes({ clusters }: Results): string[] {
  const rows = CLUSTER_LOAD_NAMES.flatMap((name) => {
    const runs = clusters[name]
    if (!runs) return []
    const row = (label: string, of: (sample: Sample) => number) => {
      const [own, rival] = CLUSTER_NAMES.map((peer) => (runs[peer] ?? []).map(of)) as [number[], number[]]
      return [
        `${CLUSTER_LOADS[name].title}: ${label}`,
        ...[own, rival].map((one) => spread(spreadOf(one))),
        spread(ratioOf(own, rival)),
      ]
    }
    return [
      row('messages/s', rate),
      row('thousand deliveries a CPU second of both nodes', deliveries),
      row('p50, ms', p50),
      row('p99, ms', p99),
      row('lost', ({ lost }) => lost),
    ]
  })
  if (rows.length === 0) return []
  return [
    '## Two nodes on one Redis',
    'Half of the clients are on each node, so that most deliveries cross. The nodes share one core, Redis shares the other with the load:',
    table(['', ...CLUSTER_NAMES.map((peer) => CLUSTERS[peer].title), 'ratio'], rows),
  ]
}

function clientsInNode({ node }: Results): string[] {
  if (Object.keys(node).length === 0) return []
  const row = (label: string, of: (sample: { messages: number; cpu: number }) => number) => [
    label,
    ...CLIENT_PEERS.map((peer) => spread(spreadOf((node[peer] ?? []).map(of)))),
  ]
  return [
    '## A client in Node',
    `One client that gets ${figure(NODE_RATE)} messages/s:`,
    table(
      ['', ...CLIENT_PEERS.map(nameOf)],
      [
        row('messages a CPU second', ({ messages, cpu }) => messages / cpu),
        row('CPU µs a message', ({ messages, cpu }) => (cpu / messages) * 1e6),
      ],
    ),
  ]
}

function clientsInChromium({ chromium }: Results): string[] {
  const measured = CLIENT_PEERS.flatMap((peer) =>
    (chromium[peer] ?? []).map((sample) => ({ peer, ...sample })),
  )
  if (measured.length === 0) return []
  const rows = measured.map(({ peer, messages, seconds, busy, longTasks }) => [
    nameOf(peer),
    figure(messages / seconds),
    figure((busy / seconds) * 100),
    figure((busy / messages) * 1e6),
    String(longTasks.length),
    longTasks.length > 0 ? figure(Math.max(...longTasks)) : '–',
  ])
  return [
    '## A client in Chromium',
    `A page that gets ${figure(CHROMIUM_RATE)} messages/s and draws the newest 50 once a frame:`,
    table(
      [
        '',
        'messages/s',
        'main thread, %',
        'µs a message, drawing included',
        'tasks over 50 ms',
        'longest, ms',
      ],
      rows,
    ),
  ]
}

/** Whether the figures may be trusted. */
function checks({ loads, equal }: Results): string[] {
  const groups = [
    ...LOAD_NAMES.map((name) => [name, loads[name] ?? {}] as const),
    ...EQUAL_LOADS.map((name) => [`${name}, equal rate`, equal[name] ?? {}] as const),
  ]
  const rows = groups.flatMap(([name, runs]) => {
    const samples = Object.values(runs).flat()
    if (samples.length === 0) return []
    return [
      [
        name,
        spread(spreadOf(samples.map(({ loadShare }) => loadShare * 100))),
        spread(spreadOf(samples.map(({ waitShare }) => waitShare * 100))),
        culprits(runs, ({ lost }) => lost),
        culprits(runs, ({ unacked }) => unacked),
        culprits(runs, ({ unsent }) => unsent),
      ],
    ]
  })
  if (rows.length === 0) return []
  return [
    '## The measurement itself',
    'The load generator’s share of its core should stay well below 100 %, or it is what limits. The time in which the server waited for its core should be near 0, or something else ran there. No delivery may be lost (10 s are given), no acknowledgement be missing, and no message be held back because a server did not read:',
    table(['load', 'load generator, %', 'server waited, %', 'lost', 'unacknowledged', 'held back'], rows),
  ]
}

function culprits(runs: Runs<Peer, Sample>, of: (sample: Sample) => number): string {
  const counts = PEER_NAMES.flatMap((peer) => {
    const count = (runs[peer] ?? []).reduce((sum, sample) => sum + of(sample), 0)
    return count > 0 ? [`${nameOf(peer)} ${figure(count)}`] : []
  })
  return counts.join(', ') || '0'
}

function values(rows: readonly Row[], peers: readonly Peer[]): string {
  const body = rows.map(({ label, runs, of }) => [
    label,
    ...peers.map((peer) => spread(spreadOf((runs[peer] ?? []).map(of)))),
  ])
  return table(['', ...peers.map(nameOf)], body)
}

/** Round by round, so that what slowed a round down slows both sides of a ratio. */
function ratios(rows: readonly Row[], peers: readonly Peer[]): string[] {
  const rivals = peers.filter(isRival)
  return OURS.filter((ours) => peers.includes(ours)).flatMap((ours) => {
    const measured = rows.filter(({ runs }) => runs[ours])
    if (rivals.length === 0 || measured.length === 0) return []
    const body = measured.map(({ label, runs, of, goals, baseGoals }) => [
      label,
      ...rivals.map((rival) => {
        const ratio = ratioOf((runs[ours] ?? []).map(of), (runs[rival] ?? []).map(of))
        return `${spread(ratio)}${verdict(ratio.median, (ours === 'base' ? baseGoals : goals)?.[rival])}`
      }),
    ])
    return [
      `${nameOf(ours)} as a multiple of its peers, and what it is meant to reach:`,
      table(['', ...rivals.map((rival) => `÷ ${nameOf(rival)}`)], body),
    ]
  })
}

function verdict(median: number, goal: Goals[Peer]): string {
  if (!goal) return ''
  if ('least' in goal) return `, ≥ ${goal.least} ${median >= goal.least ? '✓' : '✗'}`
  return `, ≤ ${goal.most} ${median <= goal.most ? '✓' : '✗'}`
}

const nameOf = (peer: Peer) => PEERS[peer].title
