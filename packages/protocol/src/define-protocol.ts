import type { StandardSchemaV1 } from '@standard-schema/spec'

/** A schema of any library that follows Standard Schema (zod, valibot, arktype, …) for an object. */
export type ObjectSchema = StandardSchemaV1<unknown, object> | StandardSchemaV1<never, object>

/** A client message that the server answers with a typed reply. Made by {@link request}. */
export interface Request<I extends ObjectSchema = ObjectSchema, R extends ObjectSchema = ObjectSchema> {
  readonly kind: 'request'
  readonly input: I
  readonly reply: R
}

/** A server message that is broadcast and never logged. Made by {@link volatile}. */
export interface Volatile<S extends ObjectSchema = ObjectSchema> {
  readonly kind: 'volatile'
  readonly body: S
}

export type ClientDefinition = ObjectSchema | Request
export type ServerDefinition = ObjectSchema | Volatile
export type ClientDefinitions = Record<string, ClientDefinition>
export type ServerDefinitions = Record<string, ServerDefinition>

/** What {@link defineProtocol} returns: an application's own messages, by side and by name. */
export interface Protocol<
  C extends object = ClientDefinitions,
  S extends object = ServerDefinitions,
  D extends ObjectSchema | undefined = ObjectSchema | undefined,
> {
  readonly client: C
  readonly server: S
  /** Schema of `data` in chat messages, if they carry any. */
  readonly chat: D
}

/** The protocol of an application that has no messages of its own. */
export type BuiltIn = Protocol<Record<never, never>, Record<never, never>, undefined>

const CLIENT_TYPES = [
  'join',
  'leave',
  'chat_message',
  'typing_start',
  'typing_stop',
  'ping',
  'auth',
  'history',
  'presence',
] as const
const SERVER_TYPES = [
  'system',
  'authenticated',
  'joined',
  'left',
  'user_joined',
  'user_left',
  'chat_message',
  'user_typing',
  'user_stopped_typing',
  'pong',
  'ack',
  'history',
  'presence',
  'resync',
  'draining',
  'reply',
  'error',
] as const
const ENVELOPE = ['type', 'room_id', 'ref', 'client_id', 'after'] as const
const PUBLISHED_ENVELOPE = [...ENVELOPE, 'id', 'epoch', 'offset'] as const

export const BUILT_IN_CLIENT_TYPES: ReadonlySet<string> = new Set(CLIENT_TYPES)
export const BUILT_IN_SERVER_TYPES: ReadonlySet<string> = new Set(SERVER_TYPES)
/** Fields that the wire keeps for itself in every message, out of an application's bodies. */
export const ENVELOPE_FIELDS: ReadonlySet<string> = new Set(ENVELOPE)
/** The envelope of a message that stands in a room's log. */
export const PUBLISHED_ENVELOPE_FIELDS: ReadonlySet<string> = new Set(PUBLISHED_ENVELOPE)

type ReservedName = (typeof CLIENT_TYPES)[number] | (typeof SERVER_TYPES)[number]
type InputOf<S> = S extends StandardSchemaV1<infer I, unknown> ? I : never
type OutputOf<S> = S extends StandardSchemaV1<infer _, infer O> ? O : never

type KeysOf<T> = T extends unknown ? keyof T : never

/** `true`, or the sentence that the compiler shows when a body cannot cross the wire. */
type BodyCheck<B, Reserved extends string> = [B] extends [object]
  ? B extends readonly unknown[]
    ? 'a message body must be an object'
    : string extends KeysOf<B>
      ? 'a message body must name its fields'
      : Extract<KeysOf<B>, Reserved> extends never
        ? true
        : `'${Extract<KeysOf<B>, Reserved>}' is a field of the envelope`
  : 'a message body must be an object'

type CheckBody<S, Reserved extends string, Whole> =
  BodyCheck<InputOf<S>, Reserved> extends true
    ? BodyCheck<OutputOf<S>, Reserved> extends true
      ? Whole
      : BodyCheck<OutputOf<S>, Reserved>
    : BodyCheck<InputOf<S>, Reserved>

type CheckName<K, Whole> = string extends K
  ? 'message names must be literal'
  : K extends ReservedName
    ? `'${K}' is a built-in message name`
    : Whole

type CheckClient<C> = {
  [K in keyof C]: CheckName<
    K,
    C[K] extends Request<infer I, infer _>
      ? CheckBody<I, (typeof ENVELOPE)[number], C[K]>
      : CheckBody<C[K], (typeof ENVELOPE)[number], C[K]>
  >
}

type CheckServer<S> = {
  [K in keyof S]: CheckName<
    K,
    S[K] extends Volatile<infer B>
      ? CheckBody<B, (typeof ENVELOPE)[number], S[K]>
      : CheckBody<S[K], (typeof PUBLISHED_ENVELOPE)[number], S[K]>
  >
}

/** Declares a client message that the server answers: the schema of its body, and that of the reply. */
export function request<I extends ObjectSchema, R extends ObjectSchema>(input: I, reply: R): Request<I, R> {
  return { kind: 'request', input, reply }
}

/** Declares a server message that is broadcast: no offset, not resumed, dropped first under back-pressure. */
export function volatile<S extends ObjectSchema>(body: S): Volatile<S> {
  return { kind: 'volatile', body }
}

/**
 * Declares an application's messages once, for both sides. Names and fields that the wire keeps for itself
 * are refused by the compiler and, for callers without one, by a `TypeError` here.
 */
export function defineProtocol<
  const C extends ClientDefinitions = Record<never, never>,
  const S extends ServerDefinitions = Record<never, never>,
  const D extends ObjectSchema | undefined = undefined,
>(definition: {
  /** What clients send: a schema, or `request(input, reply)`. */
  client?: C & CheckClient<C>
  /** What servers send: a schema (published: logged, with an offset), or `volatile(schema)`. */
  server?: S & CheckServer<S>
  /** Schema of `data` in chat messages. @default none: chat messages carry no data */
  chat?: D
}): Protocol<C, S, D> {
  const client = (definition.client ?? {}) as C
  const server = (definition.server ?? {}) as S
  for (const [name, entry] of Object.entries(client)) {
    assertName(name)
    if (isRequest(entry)) {
      assertBody(`client.${name}`, entry.input, ENVELOPE_FIELDS)
      assertBody(`the reply of client.${name}`, entry.reply, new Set())
    } else assertBody(`client.${name}`, entry, ENVELOPE_FIELDS)
  }
  for (const [name, entry] of Object.entries(server)) {
    assertName(name)
    if (isVolatile(entry)) assertBody(`server.${name}`, entry.body, ENVELOPE_FIELDS)
    else assertBody(`server.${name}`, entry, PUBLISHED_ENVELOPE_FIELDS)
  }
  if (definition.chat) assertBody('chat', definition.chat, new Set())
  return Object.freeze({ client, server, chat: definition.chat as D })
}

export function isRequest(definition: ClientDefinition | undefined): definition is Request {
  return definition !== undefined && 'kind' in definition && definition.kind === 'request'
}

export function isVolatile(definition: ServerDefinition | undefined): definition is Volatile {
  return definition !== undefined && 'kind' in definition && definition.kind === 'volatile'
}

function assertName(name: string): void {
  if (BUILT_IN_CLIENT_TYPES.has(name) || BUILT_IN_SERVER_TYPES.has(name)) {
    throw new TypeError(`defineProtocol: '${name}' is a built-in message name; choose another one`)
  }
  if (!/^[A-Za-z][\w.:-]{0,63}$/.test(name)) {
    throw new TypeError(
      `defineProtocol: '${name}' is no message name; use up to 64 letters, digits and _ . : -`,
    )
  }
}

function assertBody(where: string, schema: unknown, reserved: ReadonlySet<string>): void {
  if (!isStandardSchema(schema)) {
    throw new TypeError(
      `defineProtocol: ${where} is no schema; pass one that follows Standard Schema, such as z.object({ … })`,
    )
  }
  const shape = zodObjectShape(schema)
  if (shape === 'not an object') {
    throw new TypeError(
      `defineProtocol: ${where} must be an object schema with named fields, such as z.object({ … })`,
    )
  }
  const clash = shape?.find((field) => reserved.has(field))
  if (clash)
    throw new TypeError(
      `defineProtocol: ${where} has the field '${clash}', which the envelope uses; rename it`,
    )
}

function isStandardSchema(value: unknown): value is ObjectSchema {
  return (
    value !== null &&
    (typeof value === 'object' || typeof value === 'function') &&
    '~standard' in value &&
    typeof (value['~standard'] as { validate?: unknown } | undefined)?.validate === 'function'
  )
}

interface ZodDefinition {
  readonly type?: string
  readonly shape?: Record<string, unknown>
  readonly options?: readonly { _zod?: { def?: ZodDefinition } }[]
}

/** Field names of a zod schema. Standard Schema shows no fields, so those of other libraries are known only by type. */
function zodObjectShape(schema: ObjectSchema): string[] | 'not an object' | undefined {
  const definition = (schema as { _zod?: { def?: ZodDefinition } })._zod?.def
  if (!definition) return undefined
  if (definition.type === 'object') return Object.keys(definition.shape ?? {})
  if (definition.type === 'union')
    return definition.options?.flatMap((o) => Object.keys(o._zod?.def?.shape ?? {}))
  const opaque = ['pipe', 'lazy', 'intersection', 'transform', 'custom', 'readonly']
  return definition.type !== undefined && opaque.includes(definition.type) ? undefined : 'not an object'
}

type Message<T extends string, B> = B extends unknown ? { type: T } & B : never

/** Names of the client messages that are requests. */
export type RequestName<P extends Protocol<object, object>> = {
  [K in keyof P['client'] & string]: P['client'][K] extends Request ? K : never
}[keyof P['client'] & string]
/** Names of the client messages that expect no reply. */
export type PlainName<P extends Protocol<object, object>> = Exclude<
  keyof P['client'] & string,
  RequestName<P>
>
/** Names of the server messages that are logged. */
export type PublishedName<P extends Protocol<object, object>> = {
  [K in keyof P['server'] & string]: P['server'][K] extends Volatile ? never : K
}[keyof P['server'] & string]
/** Names of the server messages that are broadcast. */
export type VolatileName<P extends Protocol<object, object>> = Exclude<
  keyof P['server'] & string,
  PublishedName<P>
>

type BodySchema<D> = D extends Request<infer I, infer _> ? I : D extends Volatile<infer B> ? B : D

/** The body of a message as its sender gives it: the schema's input. */
export type BodyInput<D> = InputOf<BodySchema<D>>
/** The body of a message as its receiver gets it: the schema's output. */
export type BodyOutput<D> = OutputOf<BodySchema<D>>
export type ReplyInput<D> = D extends Request<infer _, infer R> ? InputOf<R> : never
export type ReplyOutput<D> = D extends Request<infer _, infer R> ? OutputOf<R> : never

/** A client message of an application as handlers get it. */
export type ClientMessageFor<
  P extends Protocol<object, object>,
  K extends keyof P['client'] & string,
> = Message<K, BodyOutput<P['client'][K]>>
/** A server message of an application as clients get it, without its envelope. */
export type ServerMessageFor<
  P extends Protocol<object, object>,
  K extends keyof P['server'] & string,
> = Message<K, BodyOutput<P['server'][K]>>
/** What `publish` takes. */
export type Publishable<P extends Protocol<object, object>> = {
  [K in PublishedName<P>]: Message<K, BodyInput<P['server'][K]>>
}[PublishedName<P>]
/** What `broadcast` and `send` take. */
export type Broadcastable<P extends Protocol<object, object>> = {
  [K in VolatileName<P>]: Message<K, BodyInput<P['server'][K]>>
}[VolatileName<P>]
/** `data` of a chat message as its sender gives it. */
export type ChatDataInput<P extends Protocol<object, object>> = P['chat'] extends ObjectSchema
  ? InputOf<P['chat']>
  : never
/** `data` of a chat message as its receivers get it. */
export type ChatDataOutput<P extends Protocol<object, object>> = P['chat'] extends ObjectSchema
  ? OutputOf<P['chat']>
  : never
