import { isDeepStrictEqual } from 'node:util'
import { alternativesOf, isNever, type Schema, schemaOf } from './schema.js'

/** Why some value that one schema allows is refused by another. */
export interface Misfit {
  /** From the top of the body, as in `moves.0.from`; empty for the body itself. */
  readonly path: string
  readonly what: What
}

export type What =
  /** The reader wants a field that the writer may leave out, or does not know at all. */
  | { readonly kind: 'absent'; readonly isUnknown: boolean }
  /** The reader refuses a field that it does not know. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'type'; readonly written: string; readonly read: string }
  | { readonly kind: 'values'; readonly values: readonly unknown[] }
  | {
      readonly kind: 'limit'
      readonly name: string
      readonly written: number | undefined
      readonly read: number
    }
  /** Two forms of text that cannot be compared. */
  | { readonly kind: 'form'; readonly written: string | undefined; readonly read: string }

/** A document with what it says of one place. */
interface Place {
  readonly schema: Schema
  readonly root: Schema
}

const MOST = 20

/** What a writer with one schema may send, and a reader with another refuses. Empty if the reader takes everything. */
export function misfits(written: Schema, read: Schema): readonly Misfit[] {
  return new Comparison()
    .compare({ schema: written, root: written }, { schema: read, root: read }, '')
    .slice(0, MOST)
}

class Comparison {
  /** The pairs of named schemas that are being compared: they may contain themselves. */
  readonly #open = new Set<string>()

  compare(written: Place, read: Place, path: string): readonly Misfit[] {
    const pair = `${written.schema.$ref} ${read.schema.$ref}`
    const isNamed = written.schema.$ref !== undefined && read.schema.$ref !== undefined
    if (isNamed && this.#open.has(pair)) return []
    if (isNamed) this.#open.add(pair)
    const options = alternativesOf(read.schema, read.root)
    const found = alternativesOf(written.schema, written.root).flatMap((one) =>
      this.#compareOne({ schema: one, root: written.root }, { root: read.root, options }, path),
    )
    this.#open.delete(pair)
    return found
  }

  /** Fits if one of the reader's alternatives takes it; if none does, the nearest says why. */
  #compareOne(
    written: Place,
    { root, options }: { readonly root: Schema; readonly options: readonly Schema[] },
    path: string,
  ): readonly Misfit[] {
    if (isNever(written.schema)) return []
    let nearest: readonly Misfit[] | undefined
    for (const schema of options) {
      const found = this.#comparePlain(written, { schema, root }, path)
      if (found.length === 0) return []
      if (!nearest || distance(found, path) < distance(nearest, path)) nearest = found
    }
    const values = valuesOf(written.schema)
    const known = options.map(valuesOf)
    // The values of several alternatives together are a list of values, too.
    if (values && known.every((one) => one !== undefined))
      return missing(
        values,
        known.flatMap((one) => one ?? []),
        path,
      )
    return namesOfVariants(nearest ?? [], written.schema, path)
  }

  #comparePlain(written: Place, read: Place, path: string): readonly Misfit[] {
    const [one, other] = [written.schema, read.schema]
    if (isNever(other)) return [{ path, what: { kind: 'unknown' } }]
    const allowed = valuesOf(other)
    const values = valuesOf(one)
    if (values && allowed) return missing(values, allowed, path)
    const wrongType = compareTypes(one, other, path)
    if (wrongType) return [wrongType]
    if (allowed)
      return [{ path, what: { kind: 'type', written: nameOf(one), read: `one of ${shown(allowed)}` } }]
    // Values of their own satisfy every limit that they satisfied before; what they are is in the contract.
    if (values) return []
    return [
      ...compareLimits(one, other, path),
      ...compareForms(one, other, path),
      ...this.#compareFields(written, read, path),
      ...this.#compareItems(written, read, path),
    ]
  }

  #compareFields(written: Place, read: Place, path: string): readonly Misfit[] {
    const [one, other] = [written.schema, read.schema]
    const { properties = {}, required = [] } = one
    const found: Misfit[] = []
    for (const name of other.required ?? []) {
      if (!required.includes(name))
        found.push({
          path: below(path, name),
          what: { kind: 'absent', isUnknown: !Object.hasOwn(properties, name) },
        })
    }
    for (const [name, schema] of Object.entries(properties)) {
      const known = Object.hasOwn(other.properties ?? {}, name) ? other.properties?.[name] : undefined
      const target = known ?? schemaOf(other.additionalProperties)
      found.push(
        ...this.compare(
          { schema, root: written.root },
          { schema: target, root: read.root },
          below(path, name),
        ),
      )
    }
    const { additionalProperties: more } = one
    // Of a record. An object that names its fields is not sent with others.
    if (typeof more === 'object' && other.additionalProperties !== undefined)
      found.push(
        ...this.compare(
          { schema: more, root: written.root },
          { schema: schemaOf(other.additionalProperties), root: read.root },
          below(path, '*'),
        ),
      )
    return found
  }

  #compareItems(written: Place, read: Place, path: string): readonly Misfit[] {
    const [one, other] = [written.schema, read.schema]
    const { prefixItems: first = [] } = one
    const { prefixItems: firstRead = [] } = other
    const found: Misfit[] = []
    for (let index = 0; index < Math.max(first.length, firstRead.length); index++) {
      const item = first[index] ?? schemaOf(one.items)
      const target = firstRead[index] ?? schemaOf(other.items)
      found.push(
        ...this.compare(
          { schema: item, root: written.root },
          { schema: target, root: read.root },
          below(path, `${index}`),
        ),
      )
    }
    if (one.items === undefined || other.items === undefined) return found
    return [
      ...found,
      ...this.compare(
        { schema: schemaOf(one.items), root: written.root },
        { schema: schemaOf(other.items), root: read.root },
        below(path, '*'),
      ),
    ]
  }
}

/** Of a variant that the reader does not have at all, only that: how it differs from others says nothing. */
function namesOfVariants(
  found: readonly Misfit[],
  { properties = {} }: Schema,
  path: string,
): readonly Misfit[] {
  const names = Object.keys(properties).filter((name) => properties[name]?.const !== undefined)
  const paths = names.map((name) => below(path, name))
  const unknown = found.filter((one) => one.what.kind === 'values' && paths.includes(one.path))
  return unknown.length > 0 ? unknown : found
}

/** Whichever alternative has the type, and then fewer faults, is the one that was meant. */
function distance(found: readonly Misfit[], path: string): number {
  const isOther = found.some(
    (one) => one.path === path && (one.what.kind === 'type' || one.what.kind === 'values'),
  )
  const isOtherVariant = found.some(({ what }) => what.kind === 'values')
  return found.length + (isOther ? 2_000 : 0) + (isOtherVariant ? 1_000 : 0)
}

function compareTypes(one: Schema, other: Schema, path: string): Misfit | undefined {
  const [written, read] = [typeOf(one), typeOf(other)]
  if (read === undefined || written === read || (written === 'integer' && read === 'number')) return undefined
  return { path, what: { kind: 'type', written: nameOf(one), read } }
}

const LOWEST = ['minLength', 'minItems', 'minimum', 'exclusiveMinimum'] as const
const HIGHEST = ['maxLength', 'maxItems', 'maximum', 'exclusiveMaximum'] as const

function compareLimits(one: Schema, other: Schema, path: string): readonly Misfit[] {
  const found: Misfit[] = []
  const check = (
    name: (typeof LOWEST)[number] | (typeof HIGHEST)[number],
    fits: (written: number, read: number) => boolean,
  ) => {
    const [written, read] = [one[name], other[name]]
    // What zod says of every integer is no limit of the application.
    if (read === undefined || Math.abs(read) === Number.MAX_SAFE_INTEGER) return
    if (written === undefined || !fits(written, read))
      found.push({ path, what: { kind: 'limit', name, written, read } })
  }
  for (const name of LOWEST) check(name, (written, read) => written >= read)
  for (const name of HIGHEST) check(name, (written, read) => written <= read)
  const { multipleOf } = other
  if (multipleOf !== undefined && (one.multipleOf === undefined || one.multipleOf % multipleOf !== 0))
    found.push({
      path,
      what: { kind: 'limit', name: 'multipleOf', written: one.multipleOf, read: multipleOf },
    })
  return found
}

/** Of a format that has a name, the pattern is a matter of the library. */
function compareForms(one: Schema, other: Schema, path: string): readonly Misfit[] {
  const read = other.format ?? other.pattern
  const written = one.format ?? one.pattern
  if (read === undefined || read === written) return []
  return [{ path, what: { kind: 'form', written, read } }]
}

function valuesOf({ const: only, enum: several }: Schema): readonly unknown[] | undefined {
  return several ?? (only === undefined ? undefined : [only])
}

function missing(written: readonly unknown[], read: readonly unknown[], path: string): readonly Misfit[] {
  const values = written.filter((value) => !read.some((other) => isDeepStrictEqual(value, other)))
  return values.length > 0 ? [{ path, what: { kind: 'values', values } }] : []
}

function typeOf(schema: Schema): string | undefined {
  const { type } = schema
  if (typeof type === 'string') return type
  const [value] = valuesOf(schema) ?? []
  if (value !== undefined) return value === null ? 'null' : typeof value
  return schema.properties ? 'object' : undefined
}

function nameOf(schema: Schema): string {
  const values = valuesOf(schema)
  return values ? shown(values) : (typeOf(schema) ?? 'anything')
}

export function shown(values: readonly unknown[]): string {
  const texts = values.slice(0, 5).map((value) => JSON.stringify(value))
  return `${texts.join(', ')}${values.length > texts.length ? ', …' : ''}`
}

const below = (path: string, name: string) => (path === '' ? name : `${path}.${name}`)
