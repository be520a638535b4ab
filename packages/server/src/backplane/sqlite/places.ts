/**
 * Where better-sqlite3 is looked for: from the program, then from the folder in which it was started. Not from this module:
 * a bundler may have put it anywhere, and leaves a CommonJS file no `import.meta`.
 */
export function places(): string[] {
  return [process.argv[1], `${process.cwd()}/`].filter((place) => place !== undefined)
}
