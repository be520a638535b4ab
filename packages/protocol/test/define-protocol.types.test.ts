import type { StandardSchemaV1 } from '@standard-schema/spec'
import * as v from 'valibot'
import { describe, expectTypeOf, it } from 'vitest'
import * as z from 'zod/mini'
import {
  type BodyInput,
  type BodyOutput,
  type Broadcastable,
  type BuiltIn,
  type ChatDataInput,
  type ChatDataOutput,
  type ClientMessageFor,
  defineProtocol,
  type PlainName,
  type Protocol,
  type Publishable,
  type PublishedName,
  type ReplyInput,
  type ReplyOutput,
  type RequestName,
  request,
  type ServerMessageFor,
  type VolatileName,
  volatile,
} from '../src/define-protocol.js'

/** Never run: the compiler alone judges what is inside. */
function refused(_definition: () => unknown): void {}

const point = z.object({ x: z.number(), y: z.number() })

const game = defineProtocol({
  client: {
    move: request(z.object({ from: z.string(), to: z.string() }), z.object({ legal: z.boolean() })),
    cursor: point,
    shape: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('circle'), radius: z.number() }),
      z.object({ kind: z.literal('label'), text: z.string() }),
    ]),
    schedule: z.object({
      at: z.pipe(
        z.string(),
        z.transform((text) => new Date(text)),
      ),
      repeat: z._default(z.boolean(), false),
    }),
  },
  server: {
    move_made: z.object({ from: z.string(), to: z.string(), player: z.string() }),
    cursor_moved: volatile(z.object({ x: z.number(), y: z.number(), user_id: z.string() })),
    drawn: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('circle'), radius: z.number() }),
      z.object({ kind: z.literal('label'), text: z.string() }),
    ]),
  },
  chat: z.object({ attachment: z.optional(z.url()) }),
})
type Game = typeof game

describe('names', () => {
  it('the type of a protocol divides client messages into requests and plain ones', () => {
    expectTypeOf<RequestName<Game>>().toEqualTypeOf<'move'>()
    expectTypeOf<PlainName<Game>>().toEqualTypeOf<'cursor' | 'shape' | 'schedule'>()
  })

  it('the type of a protocol divides server messages into published and volatile ones', () => {
    expectTypeOf<PublishedName<Game>>().toEqualTypeOf<'move_made' | 'drawn'>()
    expectTypeOf<VolatileName<Game>>().toEqualTypeOf<'cursor_moved'>()
  })

  it('the type of a protocol without messages names none', () => {
    expectTypeOf<RequestName<BuiltIn>>().toEqualTypeOf<never>()
    expectTypeOf<PlainName<BuiltIn>>().toEqualTypeOf<never>()
    expectTypeOf<Publishable<BuiltIn>>().toEqualTypeOf<never>()
    expectTypeOf<Broadcastable<BuiltIn>>().toEqualTypeOf<never>()
    const empty = defineProtocol({})
    expectTypeOf<keyof typeof empty.client>().toEqualTypeOf<never>()
    expectTypeOf(empty).toExtend<BuiltIn>()
    expectTypeOf<ChatDataInput<typeof empty>>().toEqualTypeOf<never>()
  })
})

describe('bodies', () => {
  it('the type of a protocol gives the receiver the output of the schema and takes its input from the sender', () => {
    expectTypeOf<BodyInput<Game['client']['schedule']>>().toEqualTypeOf<{
      at: string
      repeat?: boolean | undefined
    }>()
    expectTypeOf<BodyOutput<Game['client']['schedule']>>().toEqualTypeOf<{ at: Date; repeat: boolean }>()
  })

  it('the type of a protocol narrows a union of bodies by its own field and by type', () => {
    const read = (message: ClientMessageFor<Game, 'shape'>) => {
      expectTypeOf(message.type).toEqualTypeOf<'shape'>()
      return message.kind === 'circle' ? message.radius : message.text
    }
    expectTypeOf(read).returns.toEqualTypeOf<string | number>()
    const publish = (message: Publishable<Game>) => (message.type === 'drawn' ? message.kind : message.player)
    expectTypeOf(publish).returns.toBeString()
  })

  it('the type of a protocol types what publish and broadcast take', () => {
    expectTypeOf<Broadcastable<Game>>().toEqualTypeOf<
      { type: 'cursor_moved' } & { x: number; y: number; user_id: string }
    >()
    expectTypeOf<ServerMessageFor<Game, 'move_made'>['player']>().toBeString()
    // @ts-expect-error a volatile message cannot be published
    const published: Publishable<Game> = { type: 'cursor_moved', x: 1, y: 1, user_id: 'u' }
    // @ts-expect-error a published message cannot be broadcast
    const broadcast: Broadcastable<Game> = { type: 'move_made', from: '', to: '', player: '' }
    void [published, broadcast]
  })

  it('the type of a protocol types replies and chat data', () => {
    expectTypeOf<ReplyInput<Game['client']['move']>>().toEqualTypeOf<{ legal: boolean }>()
    expectTypeOf<ReplyOutput<Game['client']['move']>>().toEqualTypeOf<{ legal: boolean }>()
    expectTypeOf<ReplyOutput<Game['client']['cursor']>>().toEqualTypeOf<never>()
    expectTypeOf<ChatDataInput<Game>>().toEqualTypeOf<{ attachment?: string | undefined }>()
    const counted = defineProtocol({ chat: z.object({ n: z.pipe(z.string(), z.transform(Number)) }) })
    expectTypeOf<ChatDataInput<typeof counted>>().toEqualTypeOf<{ n: string }>()
    expectTypeOf<ChatDataOutput<typeof counted>>().toEqualTypeOf<{ n: number }>()
  })

  it('the type of a protocol takes schemas of other libraries', () => {
    const mixed = defineProtocol({
      client: {
        vote: request(v.object({ choice: v.number() }), v.object({ total: v.number() })),
        note: v.object({ text: v.string() }),
      },
      server: { counted: handMade, voted: volatile(v.object({ choice: v.number() })) },
      chat: v.object({ mood: v.picklist(['good', 'bad']) }),
    })
    type Mixed = typeof mixed
    expectTypeOf<RequestName<Mixed>>().toEqualTypeOf<'vote'>()
    expectTypeOf<BodyInput<Mixed['client']['vote']>>().toEqualTypeOf<{ choice: number }>()
    expectTypeOf<ReplyOutput<Mixed['client']['vote']>>().toEqualTypeOf<{ total: number }>()
    expectTypeOf<ServerMessageFor<Mixed, 'counted'>>().toEqualTypeOf<{ type: 'counted' } & { n: number }>()
    expectTypeOf<BodyInput<Mixed['server']['counted']>>().toEqualTypeOf<{ n: string }>()
    expectTypeOf<ChatDataInput<Mixed>>().toEqualTypeOf<{ mood: 'good' | 'bad' }>()
  })

  it('the type of a protocol infers from interfaces and readonly fields as well', () => {
    interface Body {
      readonly x: number
    }
    const schema: StandardSchemaV1<Body> = handMadeOf<Body>()
    const shaped = defineProtocol({ client: { point: schema }, server: { moved: schema } })
    expectTypeOf<BodyInput<(typeof shaped)['client']['point']>>().toEqualTypeOf<Body>()
    expectTypeOf<PublishedName<typeof shaped>>().toEqualTypeOf<'moved'>()
  })

  it('the type of a protocol is a Protocol, so that a server or client can be generic over it', () => {
    expectTypeOf(game).toExtend<Protocol<object, object>>()
    expectTypeOf(game).toExtend<Protocol>()
    const generic = <P extends Protocol<object, object>>(protocol: P) => protocol
    expectTypeOf(generic(game)).toEqualTypeOf<Game>()
  })
})

const handMade: StandardSchemaV1<{ n: string }, { n: number }> = {
  '~standard': {
    version: 1,
    vendor: 'hand',
    validate: (value) => ({ value: { n: Number((value as { n: string }).n) } }),
  },
}

function handMadeOf<T>(): StandardSchemaV1<T> {
  return { '~standard': { version: 1, vendor: 'hand', validate: (value) => ({ value: value as T }) } }
}

describe('[A1] names that the compiler refuses', () => {
  it('the compiler refuses the names of built-in messages, of either side on either side', () => {
    // @ts-expect-error built in
    refused(() => defineProtocol({ client: { join: point } }))
    // @ts-expect-error built in
    refused(() => defineProtocol({ client: { ping: request(point, point) } }))
    // @ts-expect-error built in, on the other side
    refused(() => defineProtocol({ client: { error: point } }))
    // @ts-expect-error built in
    refused(() => defineProtocol({ server: { chat_message: point } }))
    // @ts-expect-error built in
    refused(() => defineProtocol({ server: { pong: volatile(point) } }))
  })

  it('the compiler refuses names that are not literal', () => {
    const many: Record<string, typeof point> = { a: point }
    // @ts-expect-error the names are lost
    refused(() => defineProtocol({ client: many }))
    // @ts-expect-error the names are lost
    refused(() => defineProtocol({ server: many }))
  })
})

describe('[A2] bodies that the compiler refuses', () => {
  it('the compiler refuses schemas that are not for an object', () => {
    // @ts-expect-error no object
    refused(() => defineProtocol({ client: { a: z.string() } }))
    // @ts-expect-error no object
    refused(() => defineProtocol({ client: { a: z.array(z.string()) } }))
    // @ts-expect-error no object in one branch
    refused(() => defineProtocol({ client: { a: z.union([point, z.null()]) } }))
    // @ts-expect-error no object in one branch
    refused(() => defineProtocol({ client: { a: z.union([point, z.array(z.number())]) } }))
    // @ts-expect-error no object
    refused(() => defineProtocol({ server: { a: volatile(z.number()) } }))
    // @ts-expect-error no object
    refused(() => defineProtocol({ client: { a: request(point, z.string()) } }))
    // @ts-expect-error no object
    refused(() => defineProtocol({ chat: z.string() }))
    // @ts-expect-error no object
    refused(() => defineProtocol({ server: { a: v.string() } }))
    const toNumber = z.pipe(
      point,
      z.transform((p) => p.x),
    )
    // @ts-expect-error a transform to no object
    refused(() => defineProtocol({ client: { a: toNumber } }))
    // @ts-expect-error no schema
    refused(() => defineProtocol({ client: { a: { x: 'number' } } }))
  })

  it('the compiler refuses bodies whose fields have no names', () => {
    const record = z.record(z.string(), z.number())
    // @ts-expect-error no names
    refused(() => defineProtocol({ client: { a: record } }))
    // @ts-expect-error no names
    refused(() => defineProtocol({ client: { a: request(record, point) } }))
    // @ts-expect-error no names
    refused(() => defineProtocol({ server: { a: volatile(record) } }))
    // @ts-expect-error no names in one branch
    refused(() => defineProtocol({ server: { a: z.union([point, record]) } }))
    // @ts-expect-error any field may follow, those of the envelope too
    refused(() => defineProtocol({ client: { a: z.looseObject({ x: z.number() }) } }))
    // @ts-expect-error nothing is known of it
    refused(() => defineProtocol({ client: { a: z.any() } }))
    // @ts-expect-error nothing is known of it
    refused(() => defineProtocol({ server: { a: volatile(z.any()) } }))
    // @ts-expect-error nothing is known of it
    refused(() => defineProtocol({ client: { a: request(z.any(), point) } }))
    // @ts-expect-error nothing is known of it
    refused(() => defineProtocol({ client: { a: handMadeOf<ReturnType<typeof JSON.parse>>() } }))
    // @ts-expect-error nothing is known of it
    refused(() => defineProtocol({ client: { a: z.unknown() } }))
  })

  it('the compiler allows a record in a field, in a reply, and as chat data', () => {
    const record = z.record(z.string(), z.number())
    defineProtocol({
      client: { a: request(z.object({ scores: record }), record) },
      chat: record,
    })
  })

  it('the compiler refuses message names that begin with $', () => {
    // @ts-expect-error reserved
    refused(() => defineProtocol({ client: { $later: point } }))
    // @ts-expect-error reserved
    refused(() => defineProtocol({ server: { $later: volatile(point) } }))
  })

  it('the compiler refuses fields of the envelope', () => {
    // @ts-expect-error envelope, without a use yet
    refused(() => defineProtocol({ server: { a: z.object({ meta: z.string() }) } }))
    // @ts-expect-error envelope
    refused(() => defineProtocol({ client: { a: z.object({ type: z.string() }) } }))
    // @ts-expect-error envelope
    refused(() => defineProtocol({ client: { a: z.object({ room_id: z.string() }) } }))
    // @ts-expect-error envelope
    refused(() => defineProtocol({ client: { a: request(z.object({ ref: z.string() }), point) } }))
    // @ts-expect-error envelope, though it is optional
    refused(() => defineProtocol({ client: { a: z.object({ client_id: z.optional(z.string()) }) } }))
    // @ts-expect-error envelope
    refused(() => defineProtocol({ server: { a: volatile(z.object({ after: z.string() })) } }))
    // @ts-expect-error envelope in one branch
    refused(() => defineProtocol({ server: { a: z.union([point, z.object({ ref: z.string() })]) } }))
    // @ts-expect-error envelope
    refused(() => defineProtocol({ server: { a: v.object({ type: v.string() }) } }))
    const toRoom = z.pipe(
      point,
      z.transform((p) => ({ room_id: p.x })),
    )
    // @ts-expect-error envelope, out of a transform
    refused(() => defineProtocol({ client: { a: toRoom } }))
  })

  it('the compiler lets messages and requests carry nothing', () => {
    const nothing = z.object({})
    const empty = defineProtocol({
      client: { resign: request(nothing, nothing), wave: nothing },
      server: { reset: nothing, blinked: volatile(nothing) },
    })
    expectTypeOf<ClientMessageFor<typeof empty, 'wave'>>().toEqualTypeOf<{ type: 'wave' }>()
    expectTypeOf<Publishable<typeof empty>>().toEqualTypeOf<{ type: 'reset' }>()
    expectTypeOf<Broadcastable<typeof empty>>().toEqualTypeOf<{ type: 'blinked' }>()
  })

  it('the compiler refuses id, epoch and offset in published messages alone', () => {
    const id = z.object({ id: z.string() })
    const epoch = z.object({ epoch: z.string() })
    const offset = z.object({ offset: z.number() })
    // @ts-expect-error envelope of the log
    refused(() => defineProtocol({ server: { a: id } }))
    // @ts-expect-error envelope of the log
    refused(() => defineProtocol({ server: { a: epoch } }))
    // @ts-expect-error envelope of the log
    refused(() => defineProtocol({ server: { a: offset } }))
    defineProtocol({
      client: { a: id, b: request(epoch, offset) },
      server: { c: volatile(id), d: volatile(epoch), e: volatile(offset) },
      chat: z.object({ type: z.string(), id: z.string() }),
    })
  })
})
