import { describe, it } from 'vitest'
import { sqlite } from '../../../src/sqlite.js'
import { backplaneSuite, VirtualClock } from '../../../src/testing.js'
import { DRIVERS, newFile } from './files.js'

describe.each(DRIVERS)('a backplane on a file, by %s,', (driver) => {
  const make = () => {
    const clock = new VirtualClock()
    const backplane = sqlite({ file: newFile(), driver })
    return { backplane, clock, advance: (ms: number) => clock.advance(ms) }
  }
  for (const { name, run } of backplaneSuite(make)) it(name, run)
})
