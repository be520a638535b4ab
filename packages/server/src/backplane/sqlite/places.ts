/**
 * Modules from which better-sqlite3 may be found, the nearest first: this one, the program, the folder in which it was started.
 * A bundler that writes CommonJS leaves nothing of `import.meta`, one that writes ESM no `__filename`.
 */
export function places(): string[] {
  const here = typeof __filename === 'string' ? __filename : import.meta.url
  return [here, process.argv[1], `${process.cwd()}/`].filter((place) => place !== undefined)
}
