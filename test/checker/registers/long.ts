import { type Figure, writeResult } from '../../support/results.js'
import type { SubjectName } from '../subjects.js'
import { runRegisters } from './run.js'

/** Messages as registers on real servers, at length; run by `npm run test:checker`. */
const OPERATIONS = Number(process.env.REGISTER_OPERATIONS ?? 100_000)
const LOAD = { operations: OPERATIONS, clients: 24, rooms: 4, cutEvery: 100, killEveryMs: 5_000 }
const TITLES: Partial<Record<SubjectName, string>> = {
  memory: 'one server in memory',
  sqlite: 'one server on SQLite, killed by kill -9 every 5 s',
  redis: 'two servers on Redis (appendfsync always), one of them killed by kill -9 every 5 s',
}

const figures: Figure[] = []
const wrong: string[] = []
for (const [index, [name, title]] of Object.entries(TITLES).entries()) {
  const run = await runRegisters(name as SubjectName, { ...LOAD, seed: index + 1 })
  const { operations, reads, messages, repeats, cuts, kills, violations, complaints } = run
  figures.push(
    [`${title}: what ${LOAD.clients} clients wrote, edited, deleted and read`, operations],
    ['– of these reads, and messages', `${reads}, ${messages}`],
    ['– sent again on another connection', repeats],
    ['– connections cut, and servers killed', `${cuts}, ${kills}`],
    ['– operations that no order of them explains', violations.length + complaints.length],
  )
  wrong.push(...violations, ...complaints)
}
writeResult('registers', 'Messages as linearizable registers', 'npm run test:checker', figures)
if (wrong.length > 0) console.error(wrong.slice(0, 50).join('\n'))
process.exitCode = wrong.length > 0 ? 1 : 0
