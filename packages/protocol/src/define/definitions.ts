import type { StandardSchemaV1 } from '@standard-schema/spec'

/** A schema for an object, of any library that follows Standard Schema (zod, valibot, arktype, …). */
export type ObjectSchema = StandardSchemaV1<unknown, object>

/**
 * The constraint of type parameters. It is wider than {@link ObjectSchema}, so that a check can explain what is
 * wrong.
 */
export type Schema = StandardSchemaV1<unknown, unknown>

/** The input type of a schema. */
export type InputOf<S> = S extends StandardSchemaV1<infer I, unknown> ? I : never
/** The output type of a schema. */
export type OutputOf<S> = S extends StandardSchemaV1<infer _, infer O> ? O : never

/** A client message that the server answers with a typed reply. Created by `request`. */
export interface Request<I extends Schema = ObjectSchema, R extends Schema = ObjectSchema> {
  readonly kind: 'request'
  readonly input: I
  readonly reply: R
}

/** A server message that is broadcast and never logged. Created by `volatile`. */
export interface Volatile<S extends Schema = ObjectSchema> {
  readonly kind: 'volatile'
  readonly body: S
}

export type ClientDefinition = ObjectSchema | Request
export type ServerDefinition = ObjectSchema | Volatile
export type ClientDefinitions = Record<string, ClientDefinition>
export type ServerDefinitions = Record<string, ServerDefinition>

/** The result of `defineProtocol`: an application's own messages, by side and by name. */
export interface Protocol<
  C extends object = ClientDefinitions,
  S extends object = ServerDefinitions,
  D extends Schema | undefined = ObjectSchema | undefined,
> {
  readonly client: C
  readonly server: S
  /** Schema of `data` in chat messages, if they carry any. */
  readonly chat: D
  /** Published messages that count as unread, as chat messages do. */
  readonly counts?: readonly string[] | undefined
}

/** The protocol of an application without messages of its own. */
export type BuiltIn = Protocol<Record<never, never>, Record<never, never>, undefined>

export function isRequest(definition: Schema | Request<Schema, Schema> | undefined): definition is Request {
  return isKind(definition, 'request')
}

export function isVolatile(definition: Schema | Volatile<Schema> | undefined): definition is Volatile {
  return isKind(definition, 'volatile')
}

function isKind(definition: unknown, kind: string): boolean {
  return (
    typeof definition === 'object' && definition !== null && 'kind' in definition && definition.kind === kind
  )
}
