import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'vitest'

const BUGS = 'test/sim/bugs'

// What it takes to catch them is long: `npm run test:sim:bites`.
describe('the bugs that the simulation must catch', () => {
  it.each(readdirSync(BUGS))(
    'the bugs that the simulation must catch: %s can still be put into the sources',
    (file) => {
      execFileSync('git', ['apply', '--check', join(BUGS, file)], { stdio: 'pipe' })
    },
  )
})
