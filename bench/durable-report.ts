import type { Memory } from '../test/support/store-server.js'
import {
  DURABLE_LOAD_NAMES,
  DURABLE_LOADS,
  type DurableLoad,
  type DurableSample,
  STORE_NAMES,
  STORES,
  type Store,
} from './durable.js'
import type { HistorySample } from './history.js'
import { spreadOf } from './statistics.js'
import { figure, spread, table } from './table.js'

export interface DurableResults {
  readonly loads: Partial<Record<DurableLoad, Partial<Record<Store, DurableSample[]>>>>
  readonly history?: HistorySample
}

/** What the acknowledgements of SQLite may take beside a bare sync, and what it is to carry. */
const P50_ABOVE_PROBE_MS = 1.5
const P99_TIMES_PROBE = 3
const P99_ABOVE_PROBE_MS = 5
const LOOP_DELAY_MS = 5
const MESSAGES = 12_000

export function reportDurable(results: DurableResults, machine: readonly string[]): string {
  const parts = [
    '# Durable messages',
    'Written by `npm run bench -- --only durable`; [the README](README.md#durable-messages) says how to read it. Medians; in brackets the least and the most.',
    machine.join('\n'),
    ...DURABLE_LOAD_NAMES.flatMap((name) => loadTable(results, name)),
    ...goals(results),
    ...history(results),
  ]
  return `${parts.join('\n\n')}\n`
}

function loadTable({ loads }: DurableResults, name: DurableLoad): string[] {
  const runs = loads[name]
  if (!runs) return []
  const row = (label: string, of: (sample: DurableSample) => number) => [
    label,
    ...STORE_NAMES.map((store) => spread(spreadOf((runs[store] ?? []).map(of)))),
  ]
  return [
    `## ${DURABLE_LOADS[name].title}`,
    table(
      ['', ...STORE_NAMES.map((store) => STORES[store].title)],
      [
        row('messages acknowledged/s', ({ sent, seconds }) => sent / seconds),
        row('ack p50, ms', ({ ackP50 }) => ackP50),
        row('ack p99, ms', ({ ackP99 }) => ackP99),
        row('p99 of the event loop’s delay, ms', ({ loopDelay }) => loopDelay),
        row('CPU of the server, %', ({ serverCpu, seconds }) => (serverCpu / seconds) * 100),
        row('a bare write and fdatasync just before: p50, ms', ({ probe }) => probe.p50),
        row('– p99, ms', ({ probe }) => probe.p99),
        row('deliveries lost', ({ lost }) => lost),
        row('messages unacknowledged', ({ unacked }) => unacked),
      ],
    ),
  ]
}

/** Round by round, so that what slowed the disk down slows both sides. */
function goals({ loads }: DurableResults): string[] {
  const paced = loads.paced?.sqlite ?? []
  const full = loads.full?.sqlite ?? []
  if (paced.length === 0 || full.length === 0) return []
  const row = (label: string, goal: number, values: readonly number[], isMost: boolean) => {
    const { median } = spreadOf(values)
    const isMet = isMost ? median <= goal : median >= goal
    return [label, spread(spreadOf(values)), `${isMost ? '≤' : '≥'} ${figure(goal)} ${isMet ? '✓' : '✗'}`]
  }
  const beyond = ({ ackP99, probe }: DurableSample) => ackP99 - P99_TIMES_PROBE * probe.p99
  return [
    '## What SQLite is meant to reach',
    table(
      ['', 'reached', 'meant'],
      [
        row(
          'at 2,000 msg/s: ack p50 above that of the bare sync, ms',
          P50_ABOVE_PROBE_MS,
          paced.map(({ ackP50, probe }) => ackP50 - probe.p50),
          true,
        ),
        row(
          'ack p99 above three times that of the bare sync, ms',
          P99_ABOVE_PROBE_MS,
          paced.map(beyond),
          true,
        ),
        row(
          'p99 of the event loop’s delay, ms',
          LOOP_DELAY_MS,
          paced.map(({ loopDelay }) => loopDelay),
          true,
        ),
        row(
          'in the closed loop: durable messages/s',
          MESSAGES,
          full.map(({ sent, seconds }) => sent / seconds),
          false,
        ),
      ],
    ),
  ]
}

function history({ history: sample }: DurableResults): string[] {
  if (!sample) return []
  const { rooms, entries, memory } = sample
  const { emptyFile, thisFile, visited, visitedAgain } = memory
  const mib = (of: keyof Memory) =>
    [emptyFile, thisFile, visited, visitedAgain].map((at) => figure(at[of] / 2 ** 20)).join(', ')
  return [
    `## ${entries.toLocaleString('en')} entries in ${rooms.toLocaleString('en')} rooms`,
    table(
      ['', ''],
      [
        ['published by the server itself, messages/s', figure(sample.filled)],
        ['bytes a message in the file (64 of text)', figure(sample.bytesAMessage)],
        [
          'start until it listens, ms: empty file, this file',
          `${figure(sample.startEmpty)}, ${figure(sample.startFull)}`,
        ],
        [
          'a page of 25 from the middle of a room nobody was in, ms: p50, p99',
          `${figure(sample.pageP50)}, ${figure(sample.pageP99)}`,
        ],
        ['memory of the server: empty file, this file, after a visit to every room, after another', ''],
        ['– heap in use after a full collection, MiB', mib('heap')],
        ['– resident set, MiB', mib('resident')],
      ],
    ),
  ]
}
