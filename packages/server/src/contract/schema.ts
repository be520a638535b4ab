/** JSON Schema, as far as it is compared. Other keywords describe, and decide nothing. */
export interface Schema {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema | boolean
  readonly propertyNames?: Schema
  readonly items?: Schema | boolean
  readonly prefixItems?: readonly Schema[]
  readonly minItems?: number
  readonly maxItems?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  readonly multipleOf?: number
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly not?: Schema
}

const NEVER: Schema = { not: {} }

export function schemaOf(schema: Schema | boolean | undefined): Schema {
  return schema === undefined || schema === true ? {} : schema === false ? NEVER : schema
}

export function isNever({ not }: Schema): boolean {
  return not !== undefined && Object.keys(not).length === 0
}

/** The schema that a `$ref` names, in the document that it stands in; what else stands beside it is kept. */
export function resolved(schema: Schema, root: Schema): Schema {
  const { $ref, ...rest } = schema
  if ($ref === undefined) return schema
  const name = /^#\/\$defs\/(.+)$/.exec($ref)?.[1]
  const target = $ref === '#' ? root : name === undefined ? undefined : root.$defs?.[name]
  return target ? { ...target, ...rest } : rest
}

/** What a schema allows, as its alternatives: a list of one if there is no choice. */
export function alternativesOf(schema: Schema, root: Schema): readonly Schema[] {
  const { anyOf, oneOf, allOf, ...rest } = resolved(schema, root)
  const options = anyOf ?? oneOf
  if (options) return options.flatMap((option) => alternativesOf(joined([rest, option], root), root))
  if (allOf) return alternativesOf(joined([rest, ...allOf], root), root)
  if (Array.isArray(rest.type)) return rest.type.map((type: string) => ({ ...rest, type }))
  return [rest]
}

/** One schema that asks for what all of these ask for. Of two limits of one kind, the later is taken. */
function joined(parts: readonly Schema[], root: Schema): Schema {
  const all = parts.map((part) => resolved(part, root))
  const properties = Object.assign({}, ...all.map((part) => part.properties))
  const required = [...new Set(all.flatMap((part) => part.required ?? []))]
  return {
    ...Object.assign({}, ...all),
    ...(Object.keys(properties).length > 0 && { properties }),
    ...(required.length > 0 && { required }),
  }
}
