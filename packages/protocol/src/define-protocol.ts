import { assertBody, assertName, assertParts } from './define/assert-definition.js'
import type { CheckClient, CheckSchema, CheckServer } from './define/check-definition.js'
import {
  isRequest,
  isVolatile,
  type Protocol,
  type Request,
  type Schema,
  type Volatile,
} from './define/definitions.js'
import { ENVELOPE_FIELDS, PUBLISHED_ENVELOPE_FIELDS } from './messages/reserved.js'

export * from './define/application-messages.js'
export {
  type BuiltIn,
  type ClientDefinition,
  type ClientDefinitions,
  isRequest,
  isVolatile,
  type ObjectSchema,
  type Protocol,
  type Request,
  type ServerDefinition,
  type ServerDefinitions,
  type Volatile,
} from './define/definitions.js'
export {
  BUILT_IN_CLIENT_TYPES,
  BUILT_IN_SERVER_TYPES,
  ENVELOPE_FIELDS,
  PUBLISHED_ENVELOPE_FIELDS,
} from './messages/reserved.js'

/** Declares a client message that the server answers: the schemas of its body and of its reply. */
export function request<I extends Schema, R extends Schema>(
  input: I & CheckSchema<I>,
  reply: R & CheckSchema<R>,
): Request<I, R> {
  return { kind: 'request', input, reply }
}

/**
 * Declares a server message that is broadcast: it has no offset, is not resumed, and is dropped first under
 * back-pressure.
 */
export function volatile<S extends Schema>(body: S & CheckSchema<S>): Volatile<S> {
  return { kind: 'volatile', body }
}

/**
 * Declares an application's messages once, for both sides. Names and fields that the wire reserves are rejected by
 * the compiler and, for callers without one, by a `TypeError` here.
 */
export function defineProtocol<
  const C extends Record<string, Schema | Request<Schema, Schema>> = Record<never, never>,
  const S extends Record<string, Schema | Volatile<Schema>> = Record<never, never>,
  const D extends Schema | undefined = undefined,
>(definition: {
  /** Messages from clients: a schema, or `request(input, reply)`. */
  client?: C & CheckClient<C>
  /** Messages from the server: a schema (published: logged, with an offset), or `volatile(schema)`. */
  server?: S & CheckServer<S>
  /** Schema of `data` in chat messages. @default none: chat messages carry no data */
  chat?: D & (D extends Schema ? CheckSchema<D> : unknown)
  /**
   * Names of published server messages that count as unread until a user has read past them, as chat messages do.
   * @default none: only chat messages count
   */
  counts?: readonly CountableName<S>[]
}): Protocol<C, S, D> {
  assertParts(definition)
  const client = (definition.client ?? {}) as C
  const server = (definition.server ?? {}) as S
  for (const [name, entry] of Object.entries(client)) {
    assertName(name)
    if (isRequest(entry)) {
      assertBody(`client.${name}`, entry.input, ENVELOPE_FIELDS)
      assertBody(`the reply of client.${name}`, entry.reply)
    } else assertBody(`client.${name}`, entry, ENVELOPE_FIELDS)
  }
  for (const [name, entry] of Object.entries(server)) {
    assertName(name)
    if (isVolatile(entry)) assertBody(`server.${name}`, entry.body, ENVELOPE_FIELDS)
    else assertBody(`server.${name}`, entry, PUBLISHED_ENVELOPE_FIELDS)
  }
  if (definition.chat) assertBody('chat', definition.chat)
  const { counts } = definition
  for (const name of counts ?? []) assertCountable(name, server[name])
  return Object.freeze({ client, server, chat: definition.chat as D, ...(counts && { counts: [...counts] }) })
}

type CountableName<S> = { [K in keyof S & string]: S[K] extends Volatile<Schema> ? never : K }[keyof S &
  string]

function assertCountable(name: string, definition: Schema | Volatile<Schema> | undefined): void {
  if (definition && !isVolatile(definition)) return
  const fault = definition ? 'is volatile, so nobody can have missed it' : 'is not a server message'
  throw new TypeError(
    `defineProtocol: counts names '${name}', which ${fault}; name a published server message`,
  )
}
