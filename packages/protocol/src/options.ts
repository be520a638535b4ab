/** The rule of one option; `expected` ends the sentence "option must be …". */
export interface OptionRule {
  readonly expected: string
  accepts(value: unknown): boolean
}

export type OptionRules<T extends object> = { readonly [K in keyof T]-?: OptionRule }

const rule = (expected: string, accepts: (value: unknown) => boolean): OptionRule => ({ expected, accepts })

/** Rules for common kinds of values, as in `{ authenticate: is.function }`. */
export const is = {
  function: rule('a function', (value) => typeof value === 'function'),
  object: rule('an object', isObject),
  boolean: rule('true or false', (value) => typeof value === 'boolean'),
  /** An empty text usually comes from an empty environment variable. */
  text: rule('a non-empty string', (value) => typeof value === 'string' && value !== ''),
  positive: rule('a number above 0', (value) => typeof value === 'number' && value > 0),
  duration: rule('a number of ms, 0 or more', (value) => Number.isFinite(value) && Number(value) >= 0),
  port: rule(
    'a whole number from 0 to 65535',
    (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 65_535,
  ),
  oneOf: (...values: readonly string[]): OptionRule =>
    rule(values.map((value) => `'${value}'`).join(' or '), (value) => values.includes(value as string)),
  /** An object that has these methods. */
  with: (what: string, ...methods: readonly string[]): OptionRule =>
    rule(what, (value) => methods.every((name) => typeof Object(value)[name] === 'function')),
  rule,
} as const

/**
 * Finds mistakes that a compiler would, for callers without one. A misspelt or undefined option would otherwise count
 * as left out, and without `authenticate` everybody may enter. The error does not repeat values, since they may be
 * secrets.
 * @throws TypeError that names the option and says how to fix it
 */
export function assertOptions(
  caller: string,
  given: object,
  rules: Readonly<Record<string, OptionRule>>,
  path = '',
): void {
  if (!isObject(given))
    throw new TypeError(`${caller}: ${path ? `${path} must be` : 'pass'} an object of options`)
  const prefix = path && `${path}.`
  for (const [name, value] of Object.entries(given)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
    const { expected, accepts } = rule ?? unknownOption(caller, prefix, name, Object.keys(rules))
    if (value === undefined)
      throw new TypeError(`${caller}: ${prefix}${name} is undefined; leave it out, or make it ${expected}`)
    if (!accepts(value)) throw new TypeError(`${caller}: ${prefix}${name} must be ${expected}`)
  }
}

/** Ends the sentence "there is no x" with the nearest known name, or with all of them. */
export function suggestion(name: string, names: readonly string[]): string {
  const [nearest] = names
    .map((known) => ({ known, distance: distance(name.toLowerCase(), known.toLowerCase()) }))
    .filter(({ known, distance }) => distance <= Math.max(name.length, known.length) / 2)
    .sort((a, b) => a.distance - b.distance)
  return nearest ? `did you mean '${nearest.known}'?` : `there are ${names.join(', ')}`
}

function unknownOption(caller: string, prefix: string, name: string, names: readonly string[]): never {
  throw new TypeError(`${caller}: there is no option '${prefix}${name}'; ${suggestion(name, names)}`)
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The Levenshtein distance: the number of letters to insert, remove or replace. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
