import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const [bench, redis, page] = ['bench/results.md', 'docs/results/redis-costs.md', 'docs/scaling.md'].map(
  read,
) as [string, string, string]

/** Roomful's median in a row of the benchmarks, the n-th of that name. */
function benchmark(row: string, nth = 0): number {
  const line = bench.split('\n').filter((each) => each.startsWith(`| ${row}`))[nth]
  return numberIn(line?.split('|')[2], row)
}

const paid = (what: string, unit: string) =>
  numberIn(
    redis
      .split('\n')
      .find((line) => line.startsWith(`| ${what}`) && line.includes(unit))
      ?.split('|')[2],
    what,
  )

function numberIn(cell: string | undefined, what: string): number {
  const value = Number(/[\d,]+(\.\d+)?/.exec(cell ?? '')?.[0].replaceAll(',', ''))
  if (Number.isFinite(value)) return value
  throw new Error(`The results have no figure for ${what}`)
}

/** With two significant digits. */
const about = (value: number) => Number(value.toPrecision(2)).toLocaleString('en')
const between = (...values: readonly number[]) =>
  [Math.min(...values), Math.max(...values)].map(about).join('–')
const us = 'Redis CPU µs'
const kb = (bytes: number) => about(bytes / 1_000)

/** In µs of CPU, from thousands of deliveries a CPU second. */
const delivery = (load: string) => 1_000 / benchmark(`${load}:`)
const entered = ['enter, rooms of 10', 'enter, one room']
const [one, two, hot] = ['publish, one node', 'publish, two nodes', 'publish into one full log'] as const

const rows = [
  '| each … costs | node | Redis |',
  '|---|---|---|',
  `| idle connection, in one room | ${between(benchmark('KiB a connection'), benchmark('the same, 30 s after'))} KiB, and a ping each way every 25 s | ${between(...entered.map((what) => paid(what, 'memory bytes') / 1_000))} KB per member |`,
  `| connect, and join a room | ${about(benchmark('CPU µs a connect'))} µs of CPU, in memory | ${between(...entered.map((what) => paid(what, us)))} µs |`,
  `| first member of a room on a node | – | ${about(paid('subscribe to a room', us))} µs and ${kb(paid('subscribe to a room', 'memory bytes'))} KB (a subscription) |`,
  `| delivery to a member, one message per write (loads D, F) | ${between(delivery('D'), delivery('F'))} µs, nearly all of it the system call | – |`,
  `| delivery in a busy room, many messages per write (loads B, C) | ${between(delivery('B'), delivery('C'))} µs | – |`,
  `| message to a room of five, with its deliveries (load E) | ${about(5 * delivery('E'))} µs, in memory | – |`,
  `| accepted message | – | ${between(...[one, two, hot].map((what) => paid(what, us)))} µs (one script), ${kb(paid(two, 'bytes out') - paid(one, 'bytes out'))} KB out to each node with members |`,
  `| – while its log keeps it | – | ${kb(paid(one, 'memory bytes') - paid(hot, 'memory bytes'))} KB, at most 1,000 entries per room |`,
  `| – while a repeat of it is recognised, 10 min | – | ${kb(paid(hot, 'memory bytes'))} KB |`,
  `| page of 50 | – | ${about(paid('read a page of 50', us))} µs, ${kb(paid('read a page of 50', 'bytes out'))} KB out |`,
  `| head check of a room, by each node, every 10 s | – | ${about(paid('a head check', ''))} µs |`,
  '| node | – | 2 connections, 3 with `replicated` |',
]

it('docs/scaling.md shows what the benchmarks and the measurement of Redis say', () => {
  expect(page).toContain(rows.join('\n'))
})

it('README.md says how much more than Socket.IO a core delivers', () => {
  const [, ratios = ''] = bench.split('Roomful as a multiple of its peers')
  const ratio = (load: string) =>
    numberIn(
      ratios
        .split('\n')
        .find((line) => line.startsWith(`| ${load}:`))
        ?.split('|')[2],
      load,
    )
  const [least, most] = [Math.min, Math.max].map((of) => Math.round(of(...['A', 'B', 'C'].map(ratio))))
  expect(read('README.md')).toContain(`makes ${least} to ${most} times the deliveries`)
  for (const load of ['D', 'E', 'F']) expect(Math.abs(ratio(load) - 1)).toBeLessThan(0.25)
})

it('docs/redis.md says what the measurement says', () => {
  const hundreds = (bytes: number) => `${Math.round(bytes / 100) * 100} bytes`
  expect(read('docs/redis.md')).toContain(`about ${hundreds(paid(hot, 'memory bytes'))} for each message`)
  for (const what of entered)
    expect(read('docs/redis.md')).toContain(`A member takes about ${hundreds(paid(what, 'memory bytes'))}.`)
})
