import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import {
  BUILT_IN_CLIENT_TYPES,
  BUILT_IN_SERVER_TYPES,
  defineProtocol,
  isRequest,
  isVolatile,
  request,
  volatile,
} from '../src/define-protocol.js'
import { ClientMessage } from '../src/messages/client-messages.js'
import { ServerMessage } from '../src/messages/server-messages.js'

const point = z.object({ x: z.number(), y: z.number() })
const record = z.record(z.string(), z.number())

/** As a caller without a compiler. */
const define = defineProtocol as (definition: object) => unknown

it('defineProtocol returns a frozen protocol that keeps the schemas as they were given', () => {
  const move = request(point, point)
  const cursor = volatile(point)
  const protocol = defineProtocol({ client: { move }, server: { cursor }, chat: point })
  expect(protocol.client.move).toBe(move)
  expect(protocol.server.cursor).toBe(cursor)
  expect(protocol.chat).toBe(point)
  expect(Object.isFrozen(protocol)).toBe(true)
  expect(defineProtocol({})).toEqual({ client: {}, server: {}, chat: undefined })
})

it('defineProtocol tells requests and volatile messages from bare schemas of any library', () => {
  expect(isRequest(request(point, point))).toBe(true)
  expect(isVolatile(volatile(point))).toBe(true)
  for (const schema of [point, v.object({ kind: v.string() }), undefined]) {
    expect(isRequest(schema)).toBe(false)
    expect(isVolatile(schema)).toBe(false)
  }
})

it('[A1] defineProtocol reserves every type of the two unions, and no other name', () => {
  const typesOf = (union: { def: { options: readonly { def: { shape: { type: z.ZodMiniLiteral } } }[] } }) =>
    new Set(union.def.options.flatMap((option) => option.def.shape.type.def.values))
  expect(BUILT_IN_CLIENT_TYPES).toEqual(typesOf(ClientMessage))
  expect(BUILT_IN_SERVER_TYPES).toEqual(typesOf(ServerMessage))
})

describe('[A1] at start-up', () => {
  it.each([...BUILT_IN_CLIENT_TYPES, ...BUILT_IN_SERVER_TYPES])(
    'defineProtocol refuses the name %s on both sides',
    (name) => {
      expect(() => define({ client: { [name]: point } })).toThrow(`'${name}' is a built-in message name`)
      expect(() => define({ server: { [name]: volatile(point) } })).toThrow(
        `'${name}' is a built-in message name`,
      )
    },
  )

  it.each(['', '1st', 'with space', 'häuser', '__proto__', 'a'.repeat(65)])(
    'defineProtocol refuses the name "%s"',
    (name) => {
      expect(() => define({ client: Object.fromEntries([[name, point]]) })).toThrow('is not a message name')
    },
  )

  it('defineProtocol keeps names that begin with $ for later', () => {
    for (const side of ['client', 'server'])
      expect(() => define({ [side]: { $later: point } })).toThrow(
        "'$later' begins with '$', which is reserved",
      )
  })

  it('defineProtocol takes names with digits and _ . : -, up to 64 characters', () => {
    for (const name of ['a', 'game.move-made:v2_x', 'constructor', 'a'.repeat(64)]) {
      expect(() => define({ client: { [name]: point } })).not.toThrow()
    }
  })
})

describe('[A2] at start-up', () => {
  const noObjects = {
    string: z.string(),
    array: z.array(point),
    'nullable object': z.nullable(point),
    'optional object': z.optional(point),
    'union with null': z.union([point, z.null()]),
    'union with an array': z.union([point, z.array(point)]),
    any: z.any(),
    unknown: z.unknown(),
    date: z.date(),
    'pipe into a number': z.pipe(
      z.string(),
      z.transform((text) => ({ text })),
    ),
  }
  it.each(Object.entries(noObjects))('defineProtocol refuses a body that is a %s', (_, schema) => {
    const sentence = 'must be an object schema with named fields'
    expect(() => define({ client: { a: schema } })).toThrow(`client.a ${sentence}`)
    expect(() => define({ client: { a: { kind: 'request', input: schema, reply: point } } })).toThrow(
      sentence,
    )
    expect(() => define({ client: { a: { kind: 'request', input: point, reply: schema } } })).toThrow(
      `the reply of client.a ${sentence}`,
    )
    expect(() => define({ server: { a: schema } })).toThrow(`server.a ${sentence}`)
    expect(() => define({ server: { a: { kind: 'volatile', body: schema } } })).toThrow(sentence)
    expect(() => define({ chat: schema })).toThrow(`chat ${sentence}`)
  })

  it.each(
    Object.entries({
      record,
      'loose object': z.looseObject({ x: z.number() }),
      'object with a catch-all': z.catchall(point, z.number()),
      'union with a record': z.union([point, record]),
      'intersection with a record': z.intersection(point, record),
    }),
  )('defineProtocol refuses a body that is a %s', (_, schema) => {
    expect(() => define({ client: { a: schema } })).toThrow('client.a must name its fields')
    expect(() => define({ server: { a: { kind: 'volatile', body: schema } } })).toThrow(
      'must name its fields',
    )
    expect(() => define({ client: { a: request(point, schema) }, chat: schema })).not.toThrow()
  })

  it.each(['type', 'room_id', 'ref', 'client_id', 'after', 'meta'])(
    'defineProtocol refuses the field %s everywhere',
    (field) => {
      const body = z.object({ [field]: z.string() })
      const sentence = `has the field '${field}', which the envelope uses`
      expect(() => define({ client: { a: body } })).toThrow(sentence)
      expect(() => define({ client: { a: request(body, point) } })).toThrow(sentence)
      expect(() => define({ server: { a: body } })).toThrow(sentence)
      expect(() => define({ server: { a: volatile(body) } })).toThrow(sentence)
      expect(() =>
        define({ server: { a: z.union([point, z.strictObject({ [field]: z.string() })]) } }),
      ).toThrow(sentence)
      expect(() => define({ server: { a: z.readonly(z.intersection(point, body)) } })).toThrow(sentence)
      expect(() => define({ client: { a: request(point, body) }, chat: body })).not.toThrow()
    },
  )

  it.each(['id', 'epoch', 'offset'])(
    'defineProtocol refuses the field %s in published messages alone',
    (field) => {
      const body = z.object({ [field]: z.string() })
      expect(() => define({ server: { a: body } })).toThrow(`has the field '${field}'`)
      expect(() =>
        define({ client: { a: body, b: request(body, body) }, server: { c: volatile(body) } }),
      ).not.toThrow()
    },
  )

  it.each([null, undefined, 'text', 3, {}, { x: 'number' }, { '~standard': {} }, () => point])(
    'defineProtocol refuses %j, which is no schema',
    (value) => {
      expect(() => define({ client: { a: value } })).toThrow('is not a schema')
    },
  )

  it('defineProtocol takes schemas that do not show their fields: of other libraries, lazy ones and transforms', () => {
    const lazy = z.lazy(() => point)
    const moved = z.pipe(
      point,
      z.transform(({ x, y }) => ({ at: [x, y] })),
    )
    expect(() => define({ client: { a: v.object({ x: v.number() }), b: lazy, c: moved } })).not.toThrow()
  })
})

it('[A2] the compiler says in a sentence why a definition is refused', { timeout: 60_000 }, () => {
  const definitions: [definition: string, sentence: string][] = [
    ['{ client: { join: point } }', `'join' is a built-in message name`],
    ['{ client: { $later: point } }', `names that begin with '$' are reserved`],
    ['{ server: { a: volatile(z.object({ meta: point })) } }', `'meta' is a field of the envelope`],
    ['{ client: many }', 'message names must be literal'],
    ['{ client: { a: z.string() } }', 'a message body must be an object'],
    ['{ client: { a: z.union([point, z.null()]) } }', 'a message body must be an object'],
    ['{ client: { a: request(point, z.string()) } }', 'a message body must be an object'],
    ['{ server: { a: volatile(z.array(point)) } }', 'a message body must be an object'],
    ['{ chat: z.string() }', 'a message body must be an object'],
    ['{ client: { a: z.any() } }', 'a message body must not be any'],
    ['{ client: { a: z.record(z.string(), point) } }', 'a message body must name its fields'],
    ['{ client: { a: request(z.object({ ref: z.string() }), point) } }', `'ref' is a field of the envelope`],
    ['{ server: { a: z.object({ offset: z.number() }) } }', `'offset' is a field of the envelope`],
    [
      '{ server: { a: volatile(z.object({ room_id: z.string() })) } }',
      `'room_id' is a field of the envelope`,
    ],
  ]
  const complaints = diagnose(definitions.map(([definition]) => definition))
  for (const [index, [, sentence]] of definitions.entries()) {
    expect(complaints[index]).toContain(`is not assignable to type '"${sentence}"'`)
  }
})

/** What the compiler has to say of each definition. */
function diagnose(definitions: string[]): string[] {
  const preamble = [
    `import * as z from 'zod/mini'`,
    `import { defineProtocol, request, volatile } from '../src/define-protocol.js'`,
    'const point = z.object({ x: z.number() })',
    'const many: Record<string, typeof point> = { point }',
  ]
  const path = fileURLToPath(new URL('virtual.ts', import.meta.url))
  const source = [...preamble, ...definitions.map((definition) => `defineProtocol(${definition})`)].join('\n')
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  }
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists } = host
  host.fileExists = (name) => name === path || fileExists(name)
  host.getSourceFile = (name, ...rest) =>
    name === path ? ts.createSourceFile(name, source, ts.ScriptTarget.ES2022) : getSourceFile(name, ...rest)
  const complaints: string[] = definitions.map(() => '')
  const program = ts.createProgram([path], options, host)
  for (const { file, start, messageText } of ts.getPreEmitDiagnostics(program)) {
    if (!file || start === undefined) throw new Error(ts.flattenDiagnosticMessageText(messageText, '\n'))
    const line = file.getLineAndCharacterOfPosition(start).line - preamble.length
    complaints[line] += ts.flattenDiagnosticMessageText(messageText, '\n')
  }
  return complaints
}
