import { TOKEN } from '../messages/text.js'
import { isObject } from './frame.js'

/**
 * Returns the path of the first field that does not fit (empty for the value itself), or `undefined` if everything
 * fits.
 */
export type Check = (value: unknown) => string | undefined

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

const PRIMITIVES: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  token: (value) => typeof value === 'string' && TOKEN.test(value),
  boolean: (value) => typeof value === 'boolean',
  null: (value) => value === null,
  number: isNumber,
  duration: (value) => isNumber(value) && value >= 0,
  integer: (value) => Number.isSafeInteger(value),
  natural: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  object: isObject,
  unknown: (value) => value !== undefined,
}

/**
 * Compiles the check of an object from a schema that is a text: small enough for a browser bundle, and without code
 * generation.
 * `name:kind` is a required field, `name?:kind` an optional one; without a kind it is a string. A kind is one of
 * these: the name of a primitive; `a|b`, one of several kinds; the name of one of the `parts`, which are objects; an
 * array of any kind, `kind[]`; or `~a|b`, a string to which a newer server may add values. An unknown value of the
 * last kind is replaced in the object itself by the first listed one. Any other text is a literal, which the value
 * must equal.
 */
export function compileShape(shape: string, parts: Readonly<Record<string, string>> = {}): Check {
  const fields = shape.split(' ').map((field) => {
    const [name = '', kind = 'string'] = field.split(':')
    const known = kind.startsWith('~') ? kind.slice(1).split('|') : undefined
    const check = checkOf(known ? 'string' : kind, parts)
    return { name: name.replace('?', ''), isOptional: name.endsWith('?'), check, known }
  })
  return (value) => {
    if (!isObject(value)) return ''
    for (const { name, isOptional, check, known } of fields) {
      const field = value[name]
      if (isOptional && field === undefined) continue
      const misfit = check(field)
      if (misfit !== undefined) return join(name, misfit)
      if (known && !known.includes(field as string)) value[name] = known[0]
    }
    return undefined
  }
}

function checkOf(kind: string, parts: Readonly<Record<string, string>>): Check {
  if (kind.endsWith('[]')) return arrayOf(checkOf(kind.slice(0, -2), parts))
  const part = parts[kind]
  if (part !== undefined) return compileShape(part, parts)
  const options = kind.split('|').map((name) => PRIMITIVES[name] ?? ((value: unknown) => value === name))
  return (value) => {
    for (const fits of options) if (fits(value)) return undefined
    return ''
  }
}

function arrayOf(check: Check): Check {
  return (value) => {
    if (!Array.isArray(value)) return ''
    for (const [index, item] of value.entries()) {
      const misfit = check(item)
      if (misfit !== undefined) return join(String(index), misfit)
    }
    return undefined
  }
}

function join(name: string, path: string): string {
  return path ? `${name}.${path}` : name
}
