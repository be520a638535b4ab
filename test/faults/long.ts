import { writeResult } from '../support/results.js'
import { fuzz } from './fuzz.js'
import { readSlowly } from './slow-readers.js'
import { storm } from './storm.js'

/** The figures of a long run over real sockets; run by `npm run test:long`. */
const STORM_MS = Number(process.env.LONG_STORM_MS ?? 300_000)
const FRAMES = Number(process.env.LONG_FRAMES ?? 1_000_000)

const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(2)} MiB`
const ms = (time: number) => `${time.toFixed(1)} ms`

const torn = await storm({
  clients: 40,
  rooms: 4,
  durationMs: STORM_MS,
  faultEveryMs: 50,
  messagesPerSecond: 150,
  seed: 2,
})
const fuzzed = await fuzz(FRAMES, 2)
const slow = await readSlowly({ healthy: 20, slow: 10, messages: 4_000 })
writeResult('faults', 'Faults over real sockets', 'npm run test:long', [
  ['40 clients, faults of their connections (cut, half-open, stalled, late)', torn.faults],
  ['connections dialed', torn.dials],
  ['messages acknowledged', torn.acked],
  ['entries that applications saw', torn.seen],
  ['violations, and breaks that applications were told of', torn.violations.length + torn.breaks],
  ['broken frames, and raw bytes in their place, in batches of 200', fuzzed.frames],
  ['errors that nothing caught', fuzzed.faults],
  [
    'heap of the server after a quarter of them, and at the end',
    `${mib(fuzzed.heapBefore)}, ${mib(fuzzed.heapAfter)}`,
  ],
  ['a bystander was served to the end', fuzzed.bystanderServed ? 'yes' : 'no'],
  [
    'p99 of an ack to 20 healthy readers alone, and beside 10 that stopped reading',
    `${ms(slow.baseP99)}, ${ms(slow.besideP99)}`,
  ],
  ['most that waited for slow readers (their limit is 256 KiB each, and one write more)', mib(slow.backlog)],
  ['violations among slow and healthy readers', slow.violations.length],
])
const violations = [...torn.violations, ...slow.violations]
if (violations.length > 0) console.error(violations.join('\n'))
if (violations.length > 0 || torn.breaks > 0 || fuzzed.faults > 0 || !fuzzed.bystanderServed)
  process.exitCode = 1
