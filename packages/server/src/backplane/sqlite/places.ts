import { realpathSync } from 'node:fs'

/**
 * Where better-sqlite3 is searched: from the program, then from the folder in which it was started. Not from this
 * module: a bundler may have moved it anywhere, and a CommonJS file has no `import.meta`.
 */
export function places(): string[] {
  const [, program] = process.argv
  return [program, program && realPath(program), `${process.cwd()}/`].filter((place) => place !== undefined)
}

/** A command that is installed globally is started by a link: the packages beside it are found from where that leads. */
function realPath(file: string): string | undefined {
  try {
    return realpathSync(file)
  } catch {
    // Some launchers name a program that is no file.
    return undefined
  }
}
