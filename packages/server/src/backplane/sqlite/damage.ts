import type { Driver, Open } from './driver.js'
import { explained } from './faults.js'
import { textIn } from './rows.js'
import { assertOurs } from './schema.js'

/** How many problems a check looks for. */
const PROBLEMS = 10

/**
 * What SQLite finds wrong in a file that no server has open; empty if nothing is.
 * @throws Error that says in one sentence why it cannot be read
 */
export function checkFile(file: string, open: Open): readonly string[] {
  try {
    const driver = open(file)
    try {
      driver.exec('PRAGMA locking_mode = EXCLUSIVE')
      assertOurs(driver, file)
      return problemsIn(driver)
    } finally {
      driver.close()
    }
  } catch (error) {
    throw explained(file, error)
  }
}

/** Reads the whole file: seconds for each GiB. */
function problemsIn(driver: Driver): readonly string[] {
  const problems: string[] = []
  try {
    for (const row of driver.prepare(`PRAGMA quick_check(${PROBLEMS})`).iterate())
      problems.push(textIn(row, 'quick_check'))
  } catch (error) {
    // It may fail at what it has just reported.
    if (problems.length === 0) throw error
  }
  return problems.filter((problem) => problem !== 'ok')
}

/** What is damaged in a file, which is read through when SQLite first meets damage. */
export class Damage {
  #sentence: string | undefined

  constructor(
    private readonly driver: Driver,
    private readonly file: string,
  ) {}

  /** Whether it was met before: whoever asks for what is damaged meets it again and again. */
  get isKnown(): boolean {
    return this.#sentence !== undefined
  }

  /** What is wrong, and what to do. */
  describe(error: unknown): string {
    this.#sentence ??= `${explained(this.file, error).message}; ${this.#found()}`
    return this.#sentence
  }

  #found(): string {
    try {
      const [first, ...others] = problemsIn(this.driver)
      if (first === undefined) return 'quick_check finds nothing wrong, so check the memory and the disk too'
      const more = others.length > 0 ? `, and ${others.length} more` : ''
      return `quick_check: ${first.replaceAll(/\s+/g, ' ')}${more}`
    } catch (error) {
      return `quick_check fails: ${error instanceof Error ? error.message : String(error)}`
    }
  }
}
