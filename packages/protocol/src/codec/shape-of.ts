import type * as z from 'zod/mini'
import { count, durationMs, jsonObject, knownValuesOf, offset, token } from '../messages/fields.js'

/** The names that shapes use for schemas whose kind alone does not identify them. */
export type Names = ReadonlyMap<unknown, string>

export const FIELD_NAMES: Names = new Map<unknown, string>([
  [token, 'token'],
  [offset, 'natural'],
  [count, 'natural'],
  [durationMs, 'duration'],
  [jsonObject, 'object'],
])

/** The kinds of schema that a shape can express. */
type Definition =
  | z.core.$ZodOptionalDef
  | z.core.$ZodStringDef
  | z.core.$ZodBooleanDef
  | z.core.$ZodUnknownDef
  | z.core.$ZodNumberDef
  | z.core.$ZodEnumDef
  | z.core.$ZodArrayDef
  | z.core.$ZodNullableDef
  | z.core.$ZodUnionDef

/** The shape of a message, derived from its zod schema. It leaves out `type`, by which it is looked up. */
export function messageShapeOf(schema: z.ZodMiniObject, names: Names = FIELD_NAMES): string {
  const { type: _, ...fields } = schema.def.shape
  return fieldsOf(fields, names)
}

/** @throws TypeError for a kind of schema that a shape cannot express: the derived check would be weaker */
export function shapeOf(schema: z.ZodMiniObject, names: Names): string {
  return fieldsOf(schema.def.shape, names)
}

function fieldsOf(fields: Readonly<Record<string, z.core.$ZodType>>, names: Names): string {
  return Object.entries(fields)
    .map(([name, schema]) => fieldOf(name, schema, names))
    .join(' ')
}

function fieldOf(name: string, schema: z.core.$ZodType, names: Names): string {
  const def = definitionOf(schema)
  const [key, kind] =
    def.type === 'optional' ? [`${name}?`, kindOf(def.innerType, names)] : [name, kindOf(schema, names)]
  return kind === 'string' ? key : `${key}:${kind}`
}

function kindOf(schema: z.core.$ZodType, names: Names): string {
  const named = names.get(schema)
  if (named) return named
  const known = knownValuesOf(schema)
  if (known) return `~${known.join('|')}`
  const def = definitionOf(schema)
  switch (def.type) {
    case 'string':
    case 'boolean':
    case 'unknown':
      return assertUnchecked(def)
    case 'number':
      return 'format' in def && def.format === 'safeint' ? 'integer' : assertUnchecked(def)
    case 'enum':
      return Object.values(def.entries).join('|')
    case 'array':
      return `${kindOf(def.element, names)}[]`
    case 'nullable':
      return `${kindOf(def.innerType, names)}|null`
    case 'union':
      return def.options.map((option) => kindOf(option, names)).join('|')
    default:
      throw new TypeError(`No shape for a zod schema of type '${(def as z.core.$ZodTypeDef).type}'`)
  }
}

const definitionOf = (schema: z.core.$ZodType) => (schema as z.ZodMiniType).def as Definition

function assertUnchecked(def: {
  readonly type: string
  readonly checks?: readonly unknown[] | undefined
}): string {
  if (def.checks?.length) throw new TypeError(`A '${def.type}' with checks needs a name of its own`)
  return def.type
}
