import type { StandardSchemaV1 } from '@standard-schema/spec'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { type DecodeError, decodeClientMessage, encode } from '../src/codec/decode-client-message.js'
import { defineProtocol, request } from '../src/define-protocol.js'
import type { ErrorCode } from '../src/errors/errors.js'

const rejecting: StandardSchemaV1<{ x: number }> = {
  '~standard': { version: 1, vendor: 'test', validate: async () => fail() },
}

const protocol = defineProtocol({
  client: {
    move: request(z.object({ from: z.string(), to: z.string() }), z.object({ legal: z.boolean() })),
    path: z.object({ points: z.array(z.object({ x: z.number() })) }),
    trimmed: z.object({
      name: z.pipe(
        z.string(),
        z.transform((name) => name.trim()),
      ),
    }),
    tree: z.object({ children: z.array(z.unknown()) }),
    broken: z.object({ x: z.number().check(z.refine(() => fail())) }),
    slow: z.object({ x: z.number().check(z.refine(async () => true)) }),
    rejecting,
  },
  chat: z.object({ attachment: z.object({ url: z.string() }) }),
})

function fail(): never {
  throw new Error('the schema is broken')
}

function decode(frame: unknown) {
  return decodeClientMessage(typeof frame === 'string' ? frame : JSON.stringify(frame), { protocol })
}

function refusal(frame: unknown): DecodeError {
  const result = decode(frame)
  if (result.ok) throw new Error(`accepted: ${JSON.stringify(frame)}`)
  return result
}

function expectRefusal(frame: unknown, code: ErrorCode, message: string): void {
  expect(refusal(frame)).toMatchObject({ code, message })
}

describe('frames', () => {
  it.each([
    '',
    'not json',
    '{',
    '{"type":"ping"}x',
    '[]',
    '[{"type":"ping"}]',
    '"ping"',
    '3',
    'null',
    'true',
    '\u0000',
  ])('[E2] decoding: %j is no JSON object', (text) => {
    expectRefusal(text, 'invalid_json', 'Invalid JSON format')
    expect(refusal(text)).toMatchObject({ stage: 'frame', type: undefined, envelope: {}, issues: [] })
  })

  it.each([
    [{ type: 'fly' }, 'fly'],
    [{ type: '' }, ''],
    [{ type: 'toString' }, 'toString'],
    [{ type: '__proto__' }, '__proto__'],
    [{ type: 'joined' }, 'joined'],
    [{}, ''],
    [{ type: null }, 'null'],
    [{ type: 3 }, '3'],
    [{ type: false }, 'false'],
    [{ type: ['join'] }, 'array'],
    [{ type: { a: 1 } }, 'object'],
  ])('[E3] decoding: %j has an unknown type', (frame, shown) => {
    expectRefusal(frame, 'unknown_type', `Unknown message type: ${shown}`)
  })

  it('[E3] decoding cuts an unknown type at 64 code points, never within one', () => {
    expect(refusal({ type: 'x'.repeat(65) }).message).toBe(`Unknown message type: ${'x'.repeat(64)}`)
    expect(refusal({ type: '😀'.repeat(1000) }).message).toBe(`Unknown message type: ${'😀'.repeat(64)}`)
    expect(refusal({ type: 'a\ud800' }).message).toBe('Unknown message type: a\ufffd')
  })

  it('[E3] decoding names a type that nests a thousand levels without overflowing', () => {
    expectRefusal(
      `{"type":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
      'unknown_type',
      'Unknown message type: array',
    )
  })

  it('[E3] an unknown type keeps its ref, so that the asker can be told', () => {
    expect(refusal({ type: 'fly', ref: '7', room_id: 'general' }).envelope).toEqual({
      ref: '7',
      room_id: 'general',
    })
  })

  it('[E4] nesting deeper than 8 is refused, 8 is not', () => {
    const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)])
    expect(decode({ type: 'tree', children: nested(7) }).ok).toBe(true)
    expect(refusal({ type: 'tree', children: nested(8) })).toMatchObject({
      code: 'invalid_message',
      stage: 'frame',
    })
    expect(refusal({ type: 'ping', unknown: nested(8) }).code).toBe('invalid_message')
  })

  it('[E4] without a limit of depth the stack is still safe', () => {
    const text = `{"type":"tree","children":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
    expect(decodeClientMessage(text, { protocol, maxDepth: Number.POSITIVE_INFINITY })).toMatchObject({
      code: 'invalid_message',
    })
  })

  it.each([
    '{"type":"ping","__proto__":{"id":1}}',
    '{"type":"presence","room_id":"a","state":{"__proto__":{"admin":true}}}',
    '{"type":"tree","children":[{"__proto__":1}]}',
  ])('[E4] decoding: %s has a key that would become a prototype', (text) => {
    expect(refusal(text)).toMatchObject({ code: 'invalid_message', stage: 'frame', issues: [{ path: '' }] })
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })

  it.each([
    { type: 'chat_message', message: 'a\ud800' },
    { type: 'chat_message', message: '\udc00a' },
    { type: 'presence', state: { note: '\ud83d' } },
    { type: 'presence', state: { '\ud83d': 1 } },
    { type: 'chat_message', room_id: 'general', message: 'hello', ref: '\ud800' },
  ])('[E5] a lone surrogate is refused in %j', (frame) => {
    expectRefusal(frame, 'invalid_text', 'Text is not valid Unicode')
  })

  it('[E5] a lone surrogate in room_id is a bad room', () => {
    expect(refusal({ type: 'join', room_id: 'a\ud800' }).code).toBe('invalid_room')
    expect(refusal({ type: 'chat_message', room_id: '\udc00', message: 'hello' }).code).toBe('invalid_room')
  })

  it('[E5] surrogate pairs are text like any other', () => {
    expect(decode({ type: 'chat_message', message: '😀𝒳👩‍👩‍👧' }).ok).toBe(true)
  })
})

describe('built-in messages', () => {
  it('[B1] the five base messages need nothing but their own fields', () => {
    for (const frame of [
      { type: 'join', room_id: 'general' },
      { type: 'chat_message', message: 'hello' },
      { type: 'typing_start' },
      { type: 'typing_stop' },
      { type: 'ping' },
    ]) {
      expect(decode(frame)).toEqual({ ok: true, kind: 'built_in', message: frame })
    }
  })

  it('[B3] decoding ignores fields that it does not know, and does not hand them on', () => {
    expect(decode({ type: 'ping', id: 'a', color: 'red' })).toEqual({
      ok: true,
      kind: 'built_in',
      message: { type: 'ping', id: 'a' },
    })
  })

  it('[M3] decoding ignores fields that are for the server to say', () => {
    const claimed = { user_id: 'someone else', timestamp: 'then', id: 'x', epoch: 'e', offset: 3 }
    expect(decode({ type: 'chat_message', message: 'hello', ...claimed })).toMatchObject({
      message: { type: 'chat_message', message: 'hello' },
    })
    expect(decode({ type: 'chat_message', message: 'hello', ...claimed })).not.toMatchObject({
      message: claimed,
    })
  })

  it.each([{}, { room_id: null }, { room_id: 3 }, { room_id: '' }, { room_id: ['a'] }])(
    '[E10] join with %j has no room_id',
    (fields) => {
      expectRefusal({ type: 'join', ...fields }, 'room_id_required', 'room_id is required')
    },
  )

  it.each([' ', 'a b', '@someone', 'a\u0000', 'x'.repeat(129), 'cafe\u0301', 'a/b', '\u202ea'])(
    '[E10] join of %j names no room',
    (room_id) => {
      expectRefusal({ type: 'join', room_id }, 'invalid_room', 'Invalid room_id')
    },
  )

  it.each([
    'leave',
    'chat_message',
    'edit_message',
    'delete_message',
    'typing_start',
    'typing_stop',
    'history',
    'presence',
    'move',
  ])('[E10] a bad room_id comes before all other faults of %s', (type) => {
    for (const room_id of [3, null, '', 'a b']) {
      expect(refusal({ type, room_id, ref: 5 })).toMatchObject({ code: 'invalid_room', stage: 'room' })
    }
  })

  it.each([{}, { message: null }, { message: 3 }, { message: ['hello'] }, { message: { text: 'hello' } }])(
    '[M2] a chat message with %j has no message',
    (fields) => {
      expectRefusal({ type: 'chat_message', ...fields }, 'message_required', 'Message is required')
      expect(refusal({ type: 'chat_message', ...fields, after: 3 }).stage).toBe('body')
      expectRefusal({ type: 'edit_message', ...fields, target: 3 }, 'message_required', 'Message is required')
    },
  )

  it('[E9] a fault in a body is told apart, so that the room can be checked before it', () => {
    expect(refusal({ type: 'chat_message' }).stage).toBe('body')
    expect(refusal({ type: 'presence', state: 3 }).stage).toBe('body')
    expect(refusal({ type: 'move' }).stage).toBe('body')
    expect(refusal({ type: 'chat_message', room_id: 'a b' }).stage).toBe('room')
    expect(refusal({ type: 'fly', room_id: 'a b' }).stage).toBe('frame')
  })

  it.each([
    [{ type: 'ping', id: true }, 'id'],
    [{ type: 'ping', id: '' }, 'id'],
    [{ type: 'ping', id: 'x'.repeat(65) }, 'id'],
    [{ type: 'auth' }, 'protocol'],
    [{ type: 'auth', protocol: 1.5 }, 'protocol'],
    [{ type: 'auth', protocol: 1, token: 3 }, 'token'],
    [{ type: 'join', room_id: 'a', history: -1 }, 'history'],
    [{ type: 'join', room_id: 'a', history: 1001 }, 'history'],
    [{ type: 'join', room_id: 'a', since: { epoch: 'e', offset: 1 } }, 'since.id'],
    [{ type: 'join', room_id: 'a', since: { epoch: 'e', offset: -1, id: 'i' } }, 'since.offset'],
    [{ type: 'leave', ref: '' }, 'ref'],
    [{ type: 'chat_message', message: 'hello', client_id: 'ä' }, 'client_id'],
    [{ type: 'chat_message', message: 'hello', after: '' }, 'after'],
    [{ type: 'chat_message', message: 'hello', data: [] }, 'data'],
    [{ type: 'chat_message', message: 'hello', reply_to: 'x' }, 'reply_to'],
    [{ type: 'chat_message', message: 'hello', reply_to: { offset: 1 } }, 'reply_to.id'],
    [{ type: 'edit_message', message: 'hello' }, 'target'],
    [{ type: 'edit_message', message: 'hello', target: { offset: -1, id: 'x' } }, 'target.offset'],
    [{ type: 'edit_message', message: 'hello', target: { offset: 1, id: '' } }, 'target.id'],
    [{ type: 'edit_message', message: 'hello', target: { offset: 1, id: 'x' }, data: [] }, 'data'],
    [{ type: 'delete_message', target: { id: 'x' } }, 'target.offset'],
    [{ type: 'history', before: 0.5 }, 'before'],
    [{ type: 'history', limit: '10' }, 'limit'],
    [{ type: 'presence' }, 'state'],
    [{ type: 'presence', state: [] }, 'state'],
  ])('[E8] decoding: %j is refused with its field named', (frame, path) => {
    expect(refusal(frame)).toMatchObject({
      code: 'invalid_message',
      message: 'Invalid message',
      issues: [{ path }],
    })
  })

  it.each([
    [{ type: 'history', limit: '10' }, 'Invalid input: expected number, received string'],
    [{ type: 'join', room_id: 'a', history: -1 }, 'Too small: expected number to be >=0'],
    [{ type: 'chat_message' }, 'Invalid input: expected string, received undefined'],
  ])('[E8] decoding: %j is refused with the reason', (frame, message) => {
    expect(refusal(frame).issues).toMatchObject([{ message }])
  })

  it('[H9] history goes one way', () => {
    expect(decode({ type: 'history', before: 5, limit: 0 }).ok).toBe(true)
    expect(decode({ type: 'history', after: 5, limit: 1000 }).ok).toBe(true)
    expect(refusal({ type: 'history', before: 5, after: 1 })).toMatchObject({
      code: 'invalid_message',
      issues: [{ path: 'after' }],
    })
  })

  it('[H17] history goes around an entry, or one way', () => {
    const around = { offset: 5, id: 'x' }
    expect(decode({ type: 'history', around, limit: 3 }).ok).toBe(true)
    for (const other of [{ before: 5 }, { after: 5 }])
      expect(refusal({ type: 'history', around, ...other })).toMatchObject({
        code: 'invalid_message',
        issues: [{ path: 'around' }],
      })
  })

  it('[M16] [M17] a chat message may answer another one and mention users', () => {
    const frame = { type: 'chat_message', message: 'hello', reply_to: { offset: 3, id: 'x' } }
    const mentions = ['ana', 'x'.repeat(256), '😀'.repeat(256), ...Array.from({ length: 47 }, () => 'b')]
    expect(decode({ ...frame, mentions })).toEqual({
      ok: true,
      kind: 'built_in',
      message: { ...frame, mentions },
    })
  })

  it.each([
    ['a user', 'mentions'],
    [[''], 'mentions.0'],
    [['ana', 5], 'mentions.1'],
    [['x'.repeat(257)], 'mentions.0'],
    [['😀'.repeat(257)], 'mentions.0'],
    [Array.from({ length: 51 }, (_, index) => `u${index}`), 'mentions'],
  ])('[M17] decoding: mentions that name no users, or too many, are refused (%#)', (mentions, path) => {
    expect(refusal({ type: 'chat_message', message: 'hello', mentions })).toMatchObject({
      code: 'invalid_message',
      issues: [{ path }],
    })
  })

  it('[D2] an edit and a deletion name their target, and carry no after', () => {
    const target = { offset: 3, id: 'x' }
    const edit = { type: 'edit_message', target, message: 'hello', client_id: 'c', seen: 3, ref: 'r' }
    const deletion = { type: 'delete_message', target, room_id: 'general', client_id: 'c', seen: 3, ref: 'r' }
    for (const message of [edit, deletion]) {
      expect(decode({ ...message, after: 'b' })).toEqual({ ok: true, kind: 'built_in', message })
    }
  })

  it('[E7] a refusal carries what is well-formed of ref, client_id and room_id', () => {
    const asked = { type: 'chat_message', room_id: 'general', client_id: 'c1', ref: 'r1' }
    expect(refusal(asked).envelope).toEqual({ room_id: 'general', client_id: 'c1', ref: 'r1' })
    expect(refusal({ ...asked, ref: 'x'.repeat(65), client_id: 5 }).envelope).toEqual({ room_id: 'general' })
    expect(refusal({ ...asked, room_id: 'a b' }).envelope).toEqual({ client_id: 'c1', ref: 'r1' })
  })
})

describe('chat data', () => {
  const data = { attachment: { url: 'https://example.com/a.png' } }

  it('[M4] a protocol accepts data that satisfies the schema', () => {
    const frame = { type: 'chat_message', message: 'hello', data }
    expect(decode(frame)).toEqual({ ok: true, kind: 'built_in', message: frame })
  })

  it('[M4] a protocol refuses data that does not, under the path from the top', () => {
    expect(refusal({ type: 'chat_message', message: 'hello', data: { attachment: {} } })).toMatchObject({
      code: 'invalid_message',
      issues: [{ path: 'data.attachment.url' }],
    })
  })

  it('[M4] a protocol refuses any data where none is declared', () => {
    const text = JSON.stringify({ type: 'chat_message', message: 'hello', data })
    expect(decodeClientMessage(text)).toMatchObject({ code: 'invalid_message', issues: [{ path: 'data' }] })
  })

  it('[D2] the data of an edit is checked as that of a message', () => {
    const edit = { type: 'edit_message', message: 'hello', target: { offset: 3, id: 'x' } }
    expect(decode({ ...edit, data })).toMatchObject({ ok: true, message: { data } })
    expect(refusal({ ...edit, data: { attachment: {} } })).toMatchObject({
      code: 'invalid_message',
      issues: [{ path: 'data.attachment.url' }],
    })
    expect(decodeClientMessage(JSON.stringify({ ...edit, data }))).toMatchObject({ ok: false })
  })

  it('[M4] what travels is what the sender gave', () => {
    const chat = z.object({
      n: z.pipe(
        z.string(),
        z.transform((text) => Number(text)),
      ),
    })
    const text = JSON.stringify({ type: 'chat_message', message: 'hello', data: { n: '5' } })
    expect(decodeClientMessage(text, { protocol: { client: {}, chat } })).toMatchObject({
      message: { data: { n: '5' } },
    })
  })
})

describe('application messages', () => {
  it('[A2] the envelope is taken off before the schema sees the body', () => {
    const strict = defineProtocol({ client: { move: z.strictObject({ to: z.string() }) } })
    const frame = {
      type: 'move',
      room_id: 'board',
      ref: 'r',
      client_id: 'c',
      after: 'b',
      meta: { a: 1 },
      to: 'e4',
    }
    expect(decodeClientMessage(JSON.stringify(frame), { protocol: strict })).toEqual({
      ok: true,
      kind: 'application',
      message: { type: 'move', envelope: { room_id: 'board', ref: 'r', client_id: 'c' }, body: { to: 'e4' } },
    })
  })

  it('[A3] a refused body names the field', () => {
    expect(refusal({ type: 'move', from: 'e2' }).issues).toMatchObject([{ path: 'to' }])
    expect(refusal({ type: 'path', points: [{ x: 1 }, { x: 'two' }] }).issues).toMatchObject([
      { path: 'points.1.x' },
    ])
    expect(refusal({ type: 'move', from: 'e2', to: 'e4', ref: 3 }).issues).toMatchObject([{ path: 'ref' }])
  })

  it('[A9] handlers get the output of the schema', () => {
    expect(decode({ type: 'trimmed', name: ' ana ' })).toMatchObject({ message: { body: { name: 'ana' } } })
  })

  it('[E8] a frame with a thousand faults is answered with ten short ones', () => {
    const points = Array.from({ length: 1000 }, () => ({ x: 'no' }))
    expect(refusal({ type: 'path', points }).issues).toHaveLength(10)
    const wide = defineProtocol({ client: { wide: z.strictObject({ a: z.number() }) } })
    const text = JSON.stringify({ type: 'wide', a: 1, ['x'.repeat(10_000)]: 1 })
    const result = decodeClientMessage(text, { protocol: wide })
    expect(result).toMatchObject({ ok: false, code: 'invalid_message' })
    expect(JSON.stringify(result).length).toBeLessThan(1_000)
  })

  it.each(['broken', 'slow', 'rejecting'])(
    '[E15] a schema that throws or is asynchronous (%s) is an internal error',
    (type) => {
      const result = refusal({ type, x: 1, ref: 'r' })
      expect(result).toMatchObject({
        code: 'internal',
        message: 'Internal server error',
        issues: [],
        envelope: { ref: 'r' },
      })
      expect(result.cause).toBeInstanceOf(Error)
    },
  )

  it('[A1] names of Object.prototype are no messages', () => {
    for (const type of ['constructor', 'hasOwnProperty', '__proto__'])
      expect(refusal({ type }).code).toBe('unknown_type')
  })
})

describe('encode', () => {
  it('encode gives the text of the frame', () => {
    expect(encode({ type: 'ping' })).toEqual({ ok: true, text: '{"type":"ping"}' })
  })

  it('encode never throws for what JSON cannot hold', () => {
    const cyclic: { type: string; self?: unknown } = { type: 'a' }
    cyclic.self = cyclic
    const thrown = {
      type: 'a',
      toJSON() {
        throw 'a string'
      },
    }
    const nothing = { type: 'a', toJSON: () => undefined }
    for (const message of [cyclic, thrown, nothing, { type: 'a', n: 1n }]) {
      expect(encode(message)).toMatchObject({ ok: false, reason: expect.any(String) })
    }
  })
})
