import * as z from 'zod/mini'
import { isUserId } from '../api/options/check-ids.js'
import type { ApiServer } from './api-server.js'
import { type Fields, parse, queryOf } from './parse.js'
import { requestError } from './problem.js'

type Schema = z.ZodMiniType

/** How a body is checked, and the schema that describes it. */
export interface Body<T> {
  readonly schema: Schema
  readonly isOptional: boolean
  parse(value: unknown): T
}

/** A request that has been authenticated and read. */
export interface RouteRequest {
  /** The parameters in the path, decoded. */
  readonly params: ReadonlyMap<string, string>
  readonly query: URLSearchParams
  /** Parsed JSON; `undefined` without a body. */
  readonly body: unknown
  /** From `Idempotency-Key`. */
  readonly key: string | undefined
  /** From `Last-Event-ID`. */
  readonly lastEventId: string | undefined
}

export interface Route {
  /** Its operationId in the OpenAPI document, from which code generators name their functions. */
  readonly name: string
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Below the base path, such as `/rooms/{room}`. */
  readonly path: string
  /** Begins with a verb. */
  readonly summary: string
  readonly query: Fields
  /** `undefined` for a call without one. */
  readonly body: Body<unknown> | undefined
  /** Whether an `Idempotency-Key` makes a repeat safe. */
  readonly isRepeatable: boolean
  /** `undefined` if the answer is 204, {@link eventStream} if it is a stream. */
  readonly answer: Schema | undefined
  /** @throws RoomfulError */
  handle(server: ApiServer, request: RouteRequest): Promise<unknown>
}

interface Definition<Q extends Fields, B, A extends Schema> {
  readonly name: string
  readonly method: Route['method']
  readonly path: string
  readonly summary: string
  readonly query: Q
  readonly body: Body<B>
  readonly isRepeatable?: boolean
  readonly answer: A
  run(server: ApiServer, input: Input<z.output<Q>, B>): z.output<A> | Promise<z.output<A>>
}

interface Input<Q, B> {
  /** A parameter in the path. @throws RoomfulError `invalid_request` for a user that is none */
  param(name: 'room' | 'user' | 'message'): string
  readonly query: Q
  readonly body: B
  /** For `publish` and the calls of `chat`. */
  readonly options: { readonly key?: string }
  readonly lastEventId: string | undefined
}

export const noQuery = z.strictObject({})
export const nothing = z.undefined()
export const eventStream = z.custom<Response>()
export const noBody: Body<undefined> = { schema: nothing, isOptional: true, parse: () => undefined }

/** A body with these fields. */
export function json<T extends Fields>(schema: T): Body<z.output<T>> {
  return { schema, isOptional: false, parse: (value) => parse(schema, value, 'body') }
}

/** A body with these fields, which may be left out. */
export function optionalJson<T extends Fields>(schema: T): Body<z.output<T>> {
  return { schema, isOptional: true, parse: (value) => parse(schema, value ?? {}, 'body') }
}

/** Defines a call. `run` receives the query and the body after their schemas have checked them. */
export function route<Q extends Fields, B, A extends Schema>(definition: Definition<Q, B, A>): Route {
  const { name, method, path, summary, query, body, isRepeatable = false, answer } = definition
  return {
    name,
    method,
    path,
    summary,
    query,
    body: body.schema === nothing ? undefined : body,
    isRepeatable,
    answer: answer === (nothing as Schema) ? undefined : answer,
    handle: async (server, request) =>
      definition.run(server, {
        param: (name) => paramOf(request, name),
        query: parse(query, queryOf(request.query, query), 'query'),
        body: body.parse(request.body),
        options: request.key === undefined ? {} : { key: request.key },
        lastEventId: request.lastEventId,
      }),
  }
}

function paramOf({ params }: RouteRequest, name: string): string {
  const value = params.get(name)
  if (value === undefined) throw new Error(`This path has no '${name}'`)
  if (name === 'user' && !isUserId(value))
    throw requestError('invalid_request', 'A user id is not empty and does not begin with @')
  return value
}
