import * as z from 'zod/mini'
import { count, durationMs, jsonObject, offset, token } from './fields.js'
import { entry, issue, limits, member, ServerMessage } from './server-messages.js'

const NAMED = new Map<unknown, string>([
  [token, 'token'],
  [offset, 'natural'],
  [count, 'natural'],
  [durationMs, 'duration'],
  [jsonObject, 'object'],
  [entry, 'entry'],
  [member, 'member'],
  [limits, 'limits'],
  [issue, 'issue'],
])

/** The shapes of the objects inside of messages, derived from their zod schemas. */
export function derivePartShapes(): Record<string, string> {
  const parts = Object.entries({ entry, member, limits, issue })
  return Object.fromEntries(parts.map(([name, schema]) => [name, shapeOf(schema)]))
}

/** The shapes of all server messages by type, which they do not repeat. */
export function deriveServerShapes(): Record<string, string> {
  return Object.fromEntries(
    ServerMessage.def.options.flatMap((option) =>
      option.def.shape.type.def.values.map((type) => [type, shapeOf(z.omit(option, { type: true }))]),
    ),
  )
}

function shapeOf(schema: z.core.$ZodObject): string {
  return Object.entries(schema._zod.def.shape).map(fieldOf).join(' ')
}

function fieldOf([name, schema]: [string, z.core.$ZodType]): string {
  const def = (schema as z.core.$ZodTypes)._zod.def
  const [key, kind] = def.type === 'optional' ? [`${name}?`, kindOf(def.innerType)] : [name, kindOf(schema)]
  return kind === 'string' ? key : `${key}:${kind}`
}

/** @throws TypeError for a kind of schema that a shape cannot say: the derived check would be weaker. */
function kindOf(schema: z.core.$ZodType): string {
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
    case 'enum':
      return Object.values(def.entries).join('|')
    case 'array':
      return `${kindOf(def.element)}[]`
    case 'nullable':
      return `${kindOf(def.innerType)}|null`
    case 'union':
      return def.options.map(kindOf).join('|')
    default:
      throw new TypeError(`No shape for a zod schema of type '${def.type}'`)
  }
}

function assertUnchecked(def: {
  readonly type: string
  readonly checks?: readonly unknown[] | undefined
}): string {
  if (def.checks?.length) throw new TypeError(`A '${def.type}' with checks needs a name of its own in NAMED`)
  return def.type
}
