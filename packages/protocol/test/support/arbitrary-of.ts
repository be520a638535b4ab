import * as fc from 'fast-check'
import type * as z from 'zod/mini'
import { knownValuesOf } from '../../src/messages/fields.js'
import { TOKEN } from '../../src/messages/text.js'

/** Well-formed text of all planes, as JSON may carry it. */
export const text = fc.string({ unit: 'binary', maxLength: 40 })
export const token = fc.stringMatching(TOKEN)
export const roomId = fc.constantFrom('general', 'a', 'café', '部屋:1', 'x'.repeat(128), '@me')

const key = fc.string({ unit: 'grapheme', maxLength: 8 }).filter((name) => name !== '__proto__')
/** Any JSON that nests at most four deep, with nothing in it that a frame may not hold. */
export const json = fc.letrec<{ value: unknown; object: Record<string, unknown> }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'json' },
    fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      text,
    ),
    fc.array(tie('value'), { maxLength: 3, depthIdentifier: 'json' }),
    tie('object'),
  ),
  object: fc.dictionary(key, tie('value'), { maxKeys: 3, depthIdentifier: 'json', noNullPrototype: true }),
}))

/** Fields whose values are names of rooms. */
const named = new Map<string, fc.Arbitrary<unknown>>([
  ['room_id', roomId],
  ['room_ids', fc.array(roomId, { maxLength: 4 })],
])

/** Values that a zod schema of this package accepts; rooms always have a room's name. */
export function arbitraryOf(schema: z.core.$ZodType): fc.Arbitrary<unknown> {
  const known = knownValuesOf(schema)
  if (known) return fc.constantFrom(...known)
  const def = (schema as z.core.$ZodTypes)._zod.def
  switch (def.type) {
    case 'string':
      return def.checks?.length ? token : text
    case 'number':
      return numberOf(def)
    case 'boolean':
      return fc.boolean()
    case 'unknown':
      return json.value
    case 'record':
      return json.object
    case 'literal':
      return fc.constantFrom(...def.values)
    case 'enum':
      return fc.constantFrom(...Object.values(def.entries))
    case 'array':
      return fc.array(arbitraryOf(def.element), { maxLength: 4 })
    case 'nullable':
      return fc.option(arbitraryOf(def.innerType))
    case 'union':
      return fc.oneof(...def.options.map(arbitraryOf))
    case 'object':
      return recordOf(def)
    default:
      throw new TypeError(`No arbitrary for a zod schema of type '${def.type}'`)
  }
}

function numberOf(def: z.core.$ZodNumberDef): fc.Arbitrary<number> {
  let [min, max] = [-1e9, 1e9]
  for (const check of def.checks ?? []) {
    const { check: kind, value } = check._zod.def as { check: string; value?: number }
    if (kind === 'greater_than' && value !== undefined) min = value
    else if (kind === 'less_than' && value !== undefined) max = value
    else throw new TypeError(`No arbitrary for the check '${kind}'`)
  }
  return 'format' in def ? fc.integer({ min, max }) : fc.double({ min, max, noNaN: true })
}

function recordOf(def: z.core.$ZodObjectDef): fc.Arbitrary<unknown> {
  const fields = Object.entries(def.shape).map(([name, schema]) => {
    const { type, innerType } = schema._zod.def as { type: string; innerType?: z.core.$ZodType }
    const optional = type === 'optional' && innerType !== undefined
    const value = named.get(name) ?? arbitraryOf(optional ? innerType : schema)
    return { name, value, optional }
  })
  const known = fc.record(Object.fromEntries(fields.map(({ name, value }) => [name, value])), {
    requiredKeys: fields.filter(({ optional }) => !optional).map(({ name }) => name),
    noNullPrototype: true,
  })
  return def.catchall ? fc.tuple(json.object, known).map(([more, own]) => ({ ...more, ...own })) : known
}
