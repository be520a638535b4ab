import { parseArgs } from 'node:util'
import { LOAD_NAMES, PEER_NAMES, type Peer } from './loads.js'
import type { Timing } from './measure.js'

const SECTIONS = [...LOAD_NAMES, 'equal', 'idle', 'cluster', 'client', 'browser', 'durable'] as const
export type Section = (typeof SECTIONS)[number]

export interface Options {
  readonly sections: readonly Section[]
  readonly peers: readonly Peer[]
  /** Of the six loads, those at equal rates, and idle connections. */
  readonly rounds: number
  /** Of all else. */
  readonly otherRounds: number
  /** With load C, the heaviest, before a server is measured: code runs fast only when it has run for a while. */
  readonly warming: Timing
  readonly timing: Timing
  readonly chromiumTiming: Timing
  readonly idleClients: number
  readonly durableTiming: Timing
  /** Entries of the file with a long history, and rooms. */
  readonly history: { readonly entries: number; readonly rooms: number }
  readonly isQuick: boolean
  /** Whether everything is measured in full, so that the results may be written down. */
  readonly isComplete: boolean
}

export const HELP = `npm run bench -- [options]

  --quick           one short round of everything, in about a minute
  --only A,B,equal  some of: ${SECTIONS.join(', ')}
  --peers roomful,ws  some of: ${PEER_NAMES.join(', ')}
  --help

Only a complete run writes results.md and the plots; durable.md is written whenever 'durable' is measured in full.`

/** @throws TypeError for an unknown option or name */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      peers: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  const { quick } = values
  return {
    sections: chosen('--only', values.only, SECTIONS),
    peers: chosen('--peers', values.peers, PEER_NAMES),
    rounds: quick ? 1 : 5,
    otherRounds: quick ? 1 : 3,
    warming: { warmupMs: quick ? 500 : 2_500, measureMs: 1 },
    timing: quick ? { warmupMs: 400, measureMs: 700 } : { warmupMs: 400, measureMs: 1_000 },
    chromiumTiming: { warmupMs: 1_000, measureMs: quick ? 2_000 : 4_000 },
    idleClients: quick ? 1_000 : 10_000,
    durableTiming: quick ? { warmupMs: 500, measureMs: 1_000 } : { warmupMs: 4_000, measureMs: 8_000 },
    history: quick ? { entries: 10_000, rooms: 100 } : { entries: 1_000_000, rooms: 10_000 },
    isQuick: quick,
    isComplete: !quick && values.only === undefined && values.peers === undefined,
  }
}

function chosen<T extends string>(option: string, list: string | undefined, all: readonly T[]): readonly T[] {
  if (list === undefined) return all
  const names = list.split(',')
  const unknown = names.find((name) => !all.some((known) => known === name))
  if (unknown !== undefined) throw new TypeError(`${option}: '${unknown}' is none of ${all.join(', ')}`)
  return all.filter((name) => names.includes(name))
}
