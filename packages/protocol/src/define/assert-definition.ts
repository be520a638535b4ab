import { BUILT_IN_CLIENT_TYPES, BUILT_IN_SERVER_TYPES, RESERVED_PREFIX } from '../messages/reserved.js'
import type { ObjectSchema } from './definitions.js'

const PARTS = ['client', 'server', 'chat', 'counts']

/** Rejects unknown parts, since a misspelt part would declare nothing. */
export function assertParts(definition: object): void {
  for (const name of Object.keys(definition)) {
    if (!PARTS.includes(name))
      throw new TypeError(`defineProtocol: there is no '${name}'; there are ${PARTS.join(', ')}`)
  }
}

export function assertName(name: string): void {
  if (BUILT_IN_CLIENT_TYPES.has(name) || BUILT_IN_SERVER_TYPES.has(name)) {
    throw new TypeError(`defineProtocol: '${name}' is a built-in message name; choose another one`)
  }
  if (name.startsWith(RESERVED_PREFIX)) {
    throw new TypeError(
      `defineProtocol: '${name}' begins with '${RESERVED_PREFIX}', which is reserved; choose another name`,
    )
  }
  if (!/^[A-Za-z][\w.:-]{0,63}$/.test(name)) {
    throw new TypeError(
      `defineProtocol: '${name}' is not a message name; use up to 64 letters, digits and _ . : -`,
    )
  }
}

/** Without `reserved`, the value has a field of its own on the wire, so its field names are free. */
export function assertBody(where: string, schema: unknown, reserved?: ReadonlySet<string>): void {
  if (!isStandardSchema(schema)) {
    throw new TypeError(
      `defineProtocol: ${where} is not a schema; pass one that follows Standard Schema, such as z.object({ … })`,
    )
  }
  const fault = faultOfZod((schema as MaybeZod).def, reserved)
  if (fault) throw new TypeError(`defineProtocol: ${where} ${fault}`)
}

function isStandardSchema(value: unknown): value is ObjectSchema {
  return (
    value !== null &&
    (typeof value === 'object' || typeof value === 'function') &&
    '~standard' in value &&
    typeof (value['~standard'] as { validate?: unknown } | undefined)?.validate === 'function'
  )
}

interface MaybeZod {
  readonly def?: ZodDefinition
}

interface ZodDefinition {
  readonly type?: string
  readonly shape?: Record<string, unknown>
  readonly catchall?: MaybeZod
  readonly options?: readonly MaybeZod[]
  readonly left?: MaybeZod
  readonly right?: MaybeZod
  readonly in?: MaybeZod
  readonly out?: MaybeZod
  readonly innerType?: MaybeZod
}

const NO_OBJECT = 'must be an object schema with named fields, such as z.object({ … })'
const NO_NAMES = 'must name its fields: a record or loose object could carry fields that the envelope uses'
/** Kinds of zod schemas that do not reveal which fields they accept. */
const OPAQUE: ReadonlySet<string | undefined> = new Set(['lazy', 'transform', 'custom'])

/** Standard Schema does not reveal fields, so only the compiler checks schemas of libraries other than zod. */
function faultOfZod(def: ZodDefinition | undefined, reserved?: ReadonlySet<string>): string | undefined {
  if (!def || OPAQUE.has(def.type)) return undefined
  switch (def.type) {
    case 'object': {
      if (!reserved) return undefined
      if (def.catchall && def.catchall.def?.type !== 'never') return NO_NAMES
      const clash = Object.keys(def.shape ?? {}).find((field) => reserved.has(field))
      return clash && `has the field '${clash}', which the envelope uses; rename it`
    }
    case 'record':
      return reserved && NO_NAMES
    case 'union':
    case 'intersection':
    case 'pipe':
    case 'readonly':
      return [...(def.options ?? []), def.left, def.right, def.in, def.out, def.innerType]
        .map((part) => faultOfZod(part?.def, reserved))
        .find((fault) => fault !== undefined)
    default:
      return NO_OBJECT
  }
}
