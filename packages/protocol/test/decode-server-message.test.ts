import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { decodeServerMessage, validateServerMessage } from '../src/codec/decode-server-message.js'
import { defineProtocol, volatile } from '../src/define-protocol.js'
import { ServerMessage } from '../src/messages/server-messages.js'

const score = z.strictObject({
  score: z.pipe(
    z.string(),
    z.transform((text) => Number(text)),
  ),
})
const protocol = defineProtocol({
  server: {
    scored: score,
    hinted: volatile(score),
    broken: z.object({ x: z.number().check(z.refine(fail)) }),
  },
})
const envelope = { room_id: 'chess', id: 'x', epoch: 'e', offset: 7 }

function fail(): never {
  throw new Error('the schema is broken')
}

function decode(frame: unknown) {
  return decodeServerMessage(JSON.stringify(frame), protocol)
}

it('[E2] the decoder of server messages is not troubled by what is no JSON object', () => {
  for (const text of ['', '[]', 'null', '{"type":', '\u0000']) {
    expect(decodeServerMessage(text)).toEqual({
      ok: false,
      code: 'invalid_json',
      frame: undefined,
      issues: [],
    })
  }
})

it('[B2] the decoder of server messages tells an unknown type, which a client ignores, from a bad message', () => {
  const frame = { type: 'reaction', ...envelope }
  expect(decode(frame)).toEqual({ ok: false, code: 'unknown_type', frame, issues: [] })
  expect(decode({ type: 'constructor' })).toMatchObject({ code: 'unknown_type' })
  expect(decode({ type: 3 })).toMatchObject({ code: 'unknown_type', frame: undefined })
  expect(decodeServerMessage(JSON.stringify({ type: 'scored', score: '3', ...envelope }))).toMatchObject({
    code: 'unknown_type',
  })
})

it('[B2] the decoder of server messages keeps fields that it does not know', () => {
  const frame = { type: 'pong', timestamp: 't', load: 3 }
  expect(decode(frame)).toEqual({ ok: true, kind: 'built_in', message: frame })
})

it('[H13] the decoder of server messages hands back the frame of a bad message, so that its offset can still be read', () => {
  const frame = { type: 'chat_message', message: 3, timestamp: 't', user_id: 'u', ...envelope }
  expect(decode(frame)).toEqual({
    ok: false,
    code: 'invalid_message',
    frame,
    issues: [{ path: 'message', message: 'Invalid value' }],
  })
  const refused = { type: 'scored', score: 3, ...envelope }
  expect(decode(refused)).toMatchObject({
    code: 'invalid_message',
    frame: refused,
    issues: [{ path: 'score' }],
  })
})

describe('[B7] a value that a newer server has added is read as the weakest one, never refused', () => {
  const room = envelope
  const ack = {
    type: 'ack',
    client_id: 'c',
    timestamp: '',
    duplicate: false,
    durability: 'notarized',
    ...room,
  }
  const presence = { type: 'presence', room_id: 'a', version: 2, event: 'idled', members: [] }
  const joined = { type: 'joined', room_id: 'a', message: '', timestamp: '', recovered: false }

  it.each([
    ['durability of ack', ack, { durability: 'memory' }],
    ['event of presence', presence, { event: 'update' }],
    ['reason of joined', { ...joined, reason: 'moved' }, { reason: 'moved' }],
    ['reason of left', { type: 'left', room_id: 'a', reason: 'merged' }, { reason: 'merged' }],
    ['reason of resync', { type: 'resync', reason: 'moved', ...room }, { reason: 'moved' }],
    ['code of error', { type: 'error', message: '', timestamp: '', code: 'new' }, { code: 'new' }],
  ])(
    'a value that a newer server has added is read as the weakest one, never refused: %s',
    (_, frame, read) => {
      expect(decode(frame)).toEqual({ ok: true, kind: 'built_in', message: { ...frame, ...read } })
      expect(ServerMessage.parse(frame)).toMatchObject(read)
    },
  )

  it.each(['memory', 'buffered', 'disk', 'primary', 'replicated'])(
    '[M6] a durability that it knows stays as it is: %s',
    (durability) => {
      const message = { ...ack, durability }
      expect(decode(message)).toEqual({ ok: true, kind: 'built_in', message })
    },
  )

  it('a value of another type is refused where a newer server may have added values', () => {
    expect(decode({ ...ack, durability: 3 })).toMatchObject({ issues: [{ path: 'durability' }] })
    expect(decode({ ...presence, event: undefined })).toMatchObject({ issues: [{ path: 'event' }] })
  })
})

it('the decoder of server messages names a misfit by its path', () => {
  const joined = {
    type: 'joined',
    room_id: 'a',
    message: '',
    timestamp: '',
    members: [{ user_id: 'u' }, { user_id: 3 }],
  }
  expect(decode(joined)).toMatchObject({ issues: [{ path: 'members.1.user_id' }] })
})

it("[A7] a published message is its schema's output and the envelope of the log", () => {
  const sent = { client_id: 'c', ...envelope }
  expect(decode({ type: 'scored', score: '3', ...sent })).toEqual({
    ok: true,
    kind: 'application',
    message: { type: 'scored', score: 3, ...sent },
  })
})

it('[A2] meta, which has no meaning yet, reaches no schema', () => {
  const strict = defineProtocol({ server: { noted: z.strictObject({ text: z.string() }) } })
  const frame = { type: 'noted', text: 'hi', meta: { a: 1 }, ...envelope }
  expect(decodeServerMessage(JSON.stringify(frame), strict)).toMatchObject({ ok: true })
})

it('[A7] a published message without its envelope is refused', () => {
  for (const field of Object.keys(envelope)) {
    const frame = { type: 'scored', score: '3', ...envelope, [field]: undefined }
    expect(decode(frame)).toMatchObject({ code: 'invalid_message', issues: [{ path: field }] })
  }
})

it('[A8] a volatile message has a room, or none', () => {
  expect(decode({ type: 'hinted', score: '3', room_id: 'chess' })).toMatchObject({
    message: { type: 'hinted', score: 3, room_id: 'chess' },
  })
  expect(decode({ type: 'hinted', score: '3' })).toEqual({
    ok: true,
    kind: 'application',
    message: { type: 'hinted', score: 3 },
  })
  expect(decode({ type: 'hinted', score: '3', room_id: 5 })).toMatchObject({ issues: [{ path: 'room_id' }] })
})

it('[H1] an entry of a page is decoded as the live frame was', () => {
  const entry = { type: 'scored', score: '3', ...envelope }
  const page = decode({
    type: 'history',
    room_id: 'chess',
    epoch: 'e',
    messages: [entry],
    more: false,
    oldest_offset: 1,
    truncated: false,
  })
  if (!page.ok || page.kind !== 'built_in' || page.message.type !== 'history') throw new Error('no page')
  expect(page.message.messages.map((message) => validateServerMessage(message, protocol))).toEqual([
    decode(entry),
  ])
})

it('a schema that throws refuses the message and does not end the client', () => {
  expect(decode({ type: 'broken', x: 1, ...envelope })).toMatchObject({
    code: 'invalid_message',
    issues: [{ path: '', message: 'The schema failed' }],
  })
})
