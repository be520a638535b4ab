import * as z from 'zod/mini'
import { eventStream, noBody, noQuery, type Route, route } from './route.js'
import { Problem } from './schemas.js'
import { EVENT_STREAM } from './sse.js'

const descriptions: ReadonlyMap<string, string> = new Map([
  ['room', 'The id of a room'],
  ['user', 'The id of a user'],
  ['message', 'The id of a chat message'],
])

/** Serves the description of the other calls. */
export function documentRoute(described: readonly Route[], basePath: string): Route {
  const document = openApi(described, basePath)
  return route({
    name: 'describe',
    method: 'GET',
    path: '/openapi.json',
    summary: 'Describes the API',
    query: noQuery,
    body: noBody,
    answer: z.looseObject({}),
    run: () => document,
  })
}

/** An OpenAPI 3.1 document, from the schemas that check the calls. */
function openApi(described: readonly Route[], basePath: string) {
  const paths: Record<string, Record<string, object>> = {}
  for (const one of described) {
    paths[one.path] = { ...paths[one.path], [one.method.toLowerCase()]: operationOf(one) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Roomful', version: '1', summary: 'Rooms, for programs that are not WebSocket clients' },
    servers: [{ url: basePath || '/' }],
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: schemaOf(Problem) },
    },
  }
}

function operationOf({ name, path, summary, query, body, isRepeatable, answer }: Route): object {
  return {
    operationId: name,
    summary,
    parameters: [
      ...parametersOf(path),
      ...queryParameters(query),
      ...(isRepeatable ? [IDEMPOTENCY_KEY] : []),
      ...(answer === eventStream ? [LAST_EVENT_ID] : []),
    ],
    ...(body && { requestBody: { required: !body.isOptional, content: jsonOf(schemaOf(body.schema)) } }),
    responses: {
      ...(answer
        ? { 200: { description: 'Done', content: contentOf(answer) } }
        : { 204: { description: 'Done' } }),
      default: {
        description: 'An error; its code says which',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  }
}

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  description: 'The same message with the same key is logged once',
  schema: { type: 'string', minLength: 1, maxLength: 256 },
}

const LAST_EVENT_ID = {
  name: 'Last-Event-ID',
  in: 'header',
  description: 'The id of an event, after which the stream begins; without it, it begins now',
  schema: { type: 'string' },
}

function parametersOf(path: string): object[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    description: descriptions.get(name),
    schema: { type: 'string' },
  }))
}

function queryParameters(query: Route['query']): object[] {
  const { properties = {} } = z.toJSONSchema(query, { io: 'input' })
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', schema }))
}

function contentOf(answer: z.ZodMiniType): object {
  return answer === eventStream
    ? { [EVENT_STREAM]: { schema: { type: 'string' } } }
    : jsonOf(schemaOf(answer))
}

function jsonOf(schema: object): object {
  return { 'application/json': { schema } }
}

function schemaOf(schema: z.ZodMiniType): object {
  const { $schema, ...described } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'throw' })
  return described
}
