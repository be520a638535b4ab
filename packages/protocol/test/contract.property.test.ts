import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type * as z from 'zod/mini'
import { decodeClientMessage, encode } from '../src/codec/decode-client-message.js'
import { decodeServerMessage } from '../src/codec/decode-server-message.js'
import { toJsonSchema } from '../src/json-schema.js'
import { ClientMessage } from '../src/messages/client-messages.js'
import { ServerMessage } from '../src/messages/server-messages.js'
import { arbitraryOf } from './support/arbitrary-of.js'
import { mutated } from './support/mutate.js'

const RUNS = 1_500

interface Variant {
  type: string
  schema: z.ZodMiniType
  valid: fc.Arbitrary<unknown>
}

function variantsOf(union: typeof ClientMessage | typeof ServerMessage): Variant[] {
  return union.def.options.flatMap((schema) =>
    schema.def.shape.type.def.values.map((type) => ({ type, schema, valid: arbitraryOf(schema) })),
  )
}

/** As it comes out of a frame: undefined fields and negative zeros do not cross the wire. */
function overTheWire(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

const clientVariants = variantsOf(ClientMessage)
const serverVariants = variantsOf(ServerMessage)
const { client, server } = toJsonSchema()
const ajv = new Ajv2020({ strict: true })
const compiled = { client: ajv.compile(client), server: ajv.compile(server) }

describe.each(serverVariants)('the shape of server message $type', ({ type, schema, valid }) => {
  it('the shape of a server message accepts whatever zod accepts', () => {
    fc.assert(
      fc.property(valid, (message) => {
        const received = overTheWire(message)
        expect(schema.safeParse(received).success).toBe(true)
        expect(decodeServerMessage(JSON.stringify(message))).toEqual({
          ok: true,
          kind: 'built_in',
          message: received,
        })
      }),
      { numRuns: RUNS / 3 },
    )
  })

  it('the shape of a server message agrees with zod about mutated messages', () => {
    const verdicts = { accepted: 0, refused: 0 }
    fc.assert(
      fc.property(mutated(valid), (message) => {
        const received = overTheWire(message)
        const { success } = schema.safeParse(received)
        verdicts[success ? 'accepted' : 'refused']++
        const decoded = decodeServerMessage(JSON.stringify(message))
        expect(decoded.ok && decoded.message.type === type).toBe(success)
      }),
      { numRuns: RUNS },
    )
    // Mutations that never, or always, did harm would prove nothing.
    expect(Math.min(verdicts.accepted, verdicts.refused)).toBeGreaterThan(RUNS / 50)
  })
})

describe.each([
  { side: 'client', union: ClientMessage, variants: clientVariants, agrees: compiled.client },
  { side: 'server', union: ServerMessage, variants: serverVariants, agrees: compiled.server },
] satisfies { side: string; union: z.ZodMiniType; variants: Variant[]; agrees: ValidateFunction }[])(
  'the JSON Schema of $side messages',
  ({ union, variants, agrees }) => {
    const valid = fc.oneof(...variants.map((variant) => variant.valid))

    it('the JSON Schema of a message accepts whatever zod accepts', () => {
      fc.assert(
        fc.property(valid, (message) => {
          expect(agrees(overTheWire(message)), JSON.stringify(agrees.errors)).toBe(true)
        }),
        { numRuns: 3 * RUNS },
      )
    })

    it('the JSON Schema of a message agrees with zod about mutated messages', () => {
      fc.assert(
        fc.property(mutated(valid), (message) => {
          const received = overTheWire(message)
          expect(agrees(received)).toBe(union.safeParse(received).success)
        }),
        { numRuns: 6 * RUNS },
      )
    })
  },
)

it('schema.json is the JSON Schema of both unions (update with `npx vitest run -u contract`)', async () => {
  await expect(`${JSON.stringify(toJsonSchema(), null, 2)}\n`).toMatchFileSnapshot('../schema.json')
})

it('a client message comes out of its frame as it went in', () => {
  const anyData = {
    '~standard': {
      version: 1 as const,
      vendor: 'test',
      validate: (value: unknown) => ({ value: value as object }),
    },
  }
  const protocol = { client: {}, chat: anyData }
  const ranges = (message: object) => ['before', 'after', 'around'].filter((name) => name in message)
  const bothWays = (message: { type: string }) => message.type === 'history' && ranges(message).length > 1
  const messages = fc.oneof(...clientVariants.map(({ valid }) => valid)) as fc.Arbitrary<{ type: string }>
  fc.assert(
    fc.property(
      messages.filter((message) => !bothWays(message)),
      (message) => {
        const encoded = encode(message)
        if (!encoded.ok) throw new Error(encoded.reason)
        const decoded = decodeClientMessage(encoded.text, { protocol })
        expect(decoded).toEqual({ ok: true, kind: 'built_in', message: overTheWire(message) })
      },
    ),
    { numRuns: 10 * RUNS },
  )
})
