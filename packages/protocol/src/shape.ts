import { TOKEN } from './text.js'

/**
 * A schema as data, small enough for a browser bundle and checked without code generation:
 * a name of {@link PRIMITIVES}; `=a|b` for the texts a and b; `[item]` for an array; `{ any }` for a union;
 * `{ fields }` for an object, where a name that ends in `?` may be absent.
 */
export type Shape =
  | string
  | readonly [Shape]
  | { readonly any: readonly Shape[] }
  | { readonly fields: { readonly [name: string]: Shape } }

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)

export const PRIMITIVES: Readonly<Record<string, (value: unknown) => boolean>> = {
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

/** The path of the first field that does not fit, or `undefined` if all do. */
export function findMisfit(shape: Shape, value: unknown, path = ''): string | undefined {
  if (typeof shape === 'string') return fits(shape, value) ? undefined : path
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return path
    for (const [index, item] of value.entries()) {
      const misfit = findMisfit(shape[0], item, join(path, String(index)))
      if (misfit !== undefined) return misfit
    }
    return undefined
  }
  if ('any' in shape)
    return shape.any.some((option) => findMisfit(option, value) === undefined) ? undefined : path
  if (!isObject(value)) return path
  return findMisfitInFields(
    (shape as { fields: Record<string, Shape> }).fields,
    value as Record<string, unknown>,
    path,
  )
}

function findMisfitInFields(
  fields: Record<string, Shape>,
  value: Record<string, unknown>,
  path: string,
): string | undefined {
  for (const key in fields) {
    const optional = key.endsWith('?')
    const name = optional ? key.slice(0, -1) : key
    const field = Object.hasOwn(value, name) ? value[name] : undefined
    if (optional && field === undefined) continue
    const misfit = findMisfit(fields[key] as Shape, field, join(path, name))
    if (misfit !== undefined) return misfit
  }
  return undefined
}

function fits(shape: string, value: unknown): boolean {
  if (shape.startsWith('=')) return typeof value === 'string' && shape.slice(1).split('|').includes(value)
  return PRIMITIVES[shape]?.(value) ?? false
}

function join(path: string, name: string): string {
  return path ? `${path}.${name}` : name
}
