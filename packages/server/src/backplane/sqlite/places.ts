/**
 * Where better-sqlite3 is looked up: from the program, then from the folder in which it was started. Not from this
 * module: a bundler may have moved it anywhere, and a CommonJS file has no `import.meta`.
 */
export function places(): string[] {
  return [process.argv[1], `${process.cwd()}/`].filter((place) => place !== undefined)
}
