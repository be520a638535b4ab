import type * as z from 'zod/mini'
import { count, durationMs, jsonObject, offset, token } from './fields.js'
import { ServerMessage } from './server-messages.js'
import type { Shape } from './shape.js'

const NAMED = new Map<unknown, string>([
  [token, 'token'],
  [offset, 'natural'],
  [count, 'natural'],
  [durationMs, 'duration'],
  [jsonObject, 'object'],
])

/** The shapes of all server messages by type, derived from their zod schemas. */
export function deriveServerShapes(): Record<string, Shape> {
  return Object.fromEntries(
    ServerMessage.def.options.flatMap((option) =>
      option.def.shape.type.def.values.map((type) => [type, shapeOf(option)]),
    ),
  )
}

/** @throws TypeError for a kind of schema that {@link Shape} cannot say: the derived check would be weaker. */
function shapeOf(schema: z.core.$ZodType): Shape {
  const named = NAMED.get(schema)
  if (named) return named
  const def = (schema as z.core.$ZodTypes)._zod.def
  switch (def.type) {
    case 'string':
    case 'boolean':
    case 'unknown':
      return assertUnchecked(def)
    case 'number':
      return 'format' in def && def.format === 'safeint' ? 'integer' : assertUnchecked(def)
    case 'literal':
      return `=${def.values.join('|')}`
    case 'enum':
      return `=${Object.values(def.entries).join('|')}`
    case 'array':
      return [shapeOf(def.element)]
    case 'nullable':
      return { any: [shapeOf(def.innerType), 'null'] }
    case 'union':
      return { any: def.options.map(shapeOf) }
    case 'object':
      return { fields: Object.fromEntries(Object.entries(def.shape).map(fieldOf)) }
    default:
      throw new TypeError(`No shape for a zod schema of type '${def.type}'`)
  }
}

function fieldOf([name, schema]: [string, z.core.$ZodType]): [string, Shape] {
  const def = (schema as z.core.$ZodTypes)._zod.def
  if (def.type === 'optional') return [`${name}?`, shapeOf(def.innerType)]
  return [name, shapeOf(schema)]
}

function assertUnchecked(def: {
  readonly type: string
  readonly checks?: readonly unknown[] | undefined
}): string {
  if (def.checks?.length) throw new TypeError(`A '${def.type}' with checks needs a name of its own in NAMED`)
  return def.type
}
