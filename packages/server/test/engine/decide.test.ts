import { decodeClientMessage, defineProtocol, request } from '@roomful/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { DEFAULT_LIMITS } from '../../src/api/options/limits.js'
import { refsOf } from '../../src/engine/connection/refs.js'
import { Session } from '../../src/engine/connection/session.js'
import { decide } from '../../src/engine/inbound/decide.js'

const rate = { perSecond: 1, burst: 1 }
const rates = { messages: rate, bytes: rate, joins: rate, history: rate }
const LIMITS = { ...DEFAULT_LIMITS, amends: true, reacts: true, marks: true, selfProfiles: true }
const protocol = defineProtocol({
  client: { move: request(z.object({ to: z.string() }), z.object({ legal: z.boolean() })) },
})

/** A session that is in these rooms, in this order. */
function sessionIn(...rooms: string[]) {
  const session = new Session<{ id: string }>(rates, 0)
  session.user = { id: 'ana' }
  session.standing = 'authenticated'
  for (const room of rooms) session.enterRoom(room)
  return session
}

function decideOn(session: Session<{ id: string }>, message: object, limits = LIMITS) {
  return decide(session, decodeClientMessage(JSON.stringify(message), { protocol }), limits)
}

/** What is answered, or what is done. */
function verdict(session: Session<{ id: string }>, message: object, limits = LIMITS): string {
  const decision = decideOn(session, message, limits)
  return decision.do === 'refuse' ? decision.refusal.code : decision.do
}

/** Faults of a chat message with the codes that answer them, in the order of checks. */
const FAULTS = [
  { code: 'unknown_type', fields: { type: 'dance' } },
  { code: 'invalid_message', fields: { data: [[[[[[[[1]]]]]]]] } },
  { code: 'invalid_text', fields: { extra: '\ud800' } },
  { code: 'not_authenticated', fields: {} },
  { code: 'invalid_room', fields: { room_id: 'a b' } },
  { code: 'not_in_room', fields: { room_id: 'elsewhere' } },
  { code: 'message_required', fields: { message: 7 } },
  { code: 'message_too_long', fields: { message: ' '.repeat(1_001) } },
  { code: 'message_empty', fields: { message: ' ' } },
  { code: 'out_of_order', fields: { after: 'unknown' } },
]

describe('the order of checks', () => {
  it('[E9] of any faults in one message, the first in the order is answered', () => {
    const property = fc.property(fc.subarray(FAULTS, { minLength: 1 }), (faults) => {
      const session = sessionIn('lobby')
      if (faults.some(({ code }) => code === 'not_authenticated')) session.standing = 'unauthenticated'
      // Of two faults in one field the earlier one stands.
      const fields = Object.assign({}, ...faults.map((fault) => fault.fields).reverse())
      const message = { type: 'chat_message', room_id: 'lobby', message: 'x', ...fields }
      expect(verdict(session, message)).toBe(faults[0]?.code)
    })
    fc.assert(property, { numRuns: 1_000 })
  })

  it('[C7] strangers may authenticate and ping, and be told that their frame is none', () => {
    const session = new Session<{ id: string }>(rates, 0)
    expect(verdict(session, { type: 'auth', protocol: 1 })).toBe('authenticate')
    expect(verdict(session, { type: 'auth' })).toBe('invalid_message')
    expect(verdict(session, { type: 'ping' })).toBe('answer_ping')
    expect(verdict(session, { type: 'join', room_id: 'lobby' })).toBe('not_authenticated')
    expect(verdict(session, { type: 'join' })).toBe('not_authenticated')
    expect(verdict(session, { type: 'move' })).toBe('not_authenticated')
    expect(verdict(session, [])).toBe('invalid_json')
  })
})

const target = { offset: 1, id: 'x' }

describe('a store that cannot change what it has logged', () => {
  it('[D11] [E9] a store that cannot change what it has logged makes edits unknown before all else is looked at', () => {
    const session = new Session<{ id: string }>(rates, 0)
    for (const type of ['edit_message', 'delete_message']) {
      for (const fields of [{}, { target, message: 'x' }, { target, room_id: 'a b' }]) {
        const decision = decideOn(session, { type, ref: 'r', ...fields }, { ...LIMITS, amends: false })
        const text = `Unknown message type: ${type}`
        expect(decision).toMatchObject({ refusal: { code: 'unknown_type', ref: 'r', text } })
      }
      expect(verdict(sessionIn('a'), { type, target, message: 'x', room_id: 'a' })).toBe('amend')
    }
  })
})

describe('the room', () => {
  const messages = [
    { type: 'leave' },
    { type: 'chat_message', message: 'x' },
    { type: 'edit_message', message: 'x', target },
    { type: 'delete_message', target },
    { type: 'typing_start' },
    { type: 'typing_stop' },
    { type: 'history' },
    { type: 'presence', state: {} },
    { type: 'move', to: 'e4' },
  ]

  it.each(messages)(
    '[E10] [J8] the room of $type is the named one, else the one joined last, else none',
    (message) => {
      expect(verdict(sessionIn(), message)).toBe('not_in_room')
      expect(verdict(sessionIn('a'), { ...message, room_id: 'b' })).toBe('not_in_room')
      const session = sessionIn('a', 'b')
      const decision = decideOn(session, message)
      expect(decision).toMatchObject({ membership: { roomId: 'b' } })
      expect(decideOn(session, { ...message, room_id: 'a' })).toMatchObject({ membership: { roomId: 'a' } })
      session.leaveRoom('b')
      expect(verdict(session, message)).toBe('not_in_room')
    },
  )

  it('[E10] the room that one is not in has a shorter text while typing', () => {
    const textOf = (type: string) => decideOn(sessionIn(), { type, message: 'x' })
    expect(textOf('typing_start')).toMatchObject({ refusal: { text: 'Not in a room' } })
    expect(textOf('chat_message')).toMatchObject({
      refusal: { text: "Not in a room. Send a 'join' message first." },
    })
  })

  it('[J13] @me is no room for chat, typing and presence, and never the default one', () => {
    const session = sessionIn('@me')
    for (const message of messages) expect(verdict(session, message)).toBe('not_in_room')
    const verdicts = messages.map((message) => verdict(session, { ...message, room_id: '@me' }))
    expect(verdicts).toEqual([
      'leave',
      'forbidden',
      'forbidden',
      'forbidden',
      'forbidden',
      'forbidden',
      'history',
      'forbidden',
      'application',
    ])
  })

  it('[J1] the room counts joins under way, so that a flood of them cannot pass the limit', () => {
    const limits = { ...LIMITS, roomsPerConnection: 2 }
    const session = sessionIn('a')
    session.startJoin('b')
    expect(verdict(session, { type: 'join', room_id: 'c' }, limits)).toBe('room_limit')
    expect(verdict(session, { type: 'join', room_id: 'a' }, limits)).toBe('join')
    expect(verdict(session, { type: 'join', room_id: 'b' }, limits)).toBe('join')
    session.endJoin('b')
    expect(verdict(session, { type: 'join', room_id: 'c' }, limits)).toBe('join')
  })
})

describe('a message', () => {
  it('[M9] a message comes after the last accepted one, or says nothing of order', () => {
    const session = sessionIn('lobby')
    const chat = (after?: string) =>
      verdict(session, { type: 'chat_message', message: 'x', ...(after && { after }) })
    expect(chat()).toBe('chat')
    expect(chat('a')).toBe('out_of_order')
    session.enterRoom('lobby').lastAccepted = {
      clientId: 'a',
      position: { epoch: 'e', offset: 1, id: 'i' },
    }
    expect(chat('a')).toBe('chat')
    session.leaveRoom('lobby')
    session.enterRoom('lobby')
    expect(chat('a')).toBe('out_of_order')
  })

  it('[M2] a message is as long as the server’s limit says', () => {
    const limits = { ...LIMITS, textLength: 2 }
    expect(verdict(sessionIn('a'), { type: 'chat_message', message: '𝒳𝒳' }, limits)).toBe('chat')
    expect(verdict(sessionIn('a'), { type: 'chat_message', message: 'xxx' }, limits)).toBe('message_too_long')
  })

  it('[P2] a message of presence holds at most so many bytes of JSON', () => {
    const limits = { ...LIMITS, presenceStateBytes: 12 }
    expect(verdict(sessionIn('a'), { type: 'presence', state: { a: 'é123' } }, limits)).toBe(
      'invalid_message',
    )
    expect(verdict(sessionIn('a'), { type: 'presence', state: { a: 'é12' } }, limits)).toBe('presence')
  })

  it('[E7] a message is referred to by whatever of its envelope is well-formed, decoded or not', () => {
    const refs = { ref: 'r', client_id: 'c', room_id: 'lobby' }
    for (const message of [
      { type: 'chat_message', message: 'x' },
      { type: 'chat_message' },
      { type: 'move' },
    ]) {
      const decoded = decodeClientMessage(JSON.stringify({ ...message, ...refs }), { protocol })
      expect(refsOf(decoded)).toEqual({ ref: 'r', clientId: 'c', roomId: 'lobby' })
    }
  })

  it('a message never makes a decision throw, whatever it is', () => {
    const property = fc.property(
      fc.jsonValue({ maxDepth: 4 }),
      fc.constantFrom('chat_message', 'join', 'move'),
      (json, type) => {
        const message = typeof json === 'object' ? { type, ...json } : json
        const decision = decide(
          sessionIn('a'),
          decodeClientMessage(JSON.stringify(message), { protocol }),
          LIMITS,
        )
        expect(decision.do).toBeTypeOf('string')
      },
    )
    fc.assert(property, { numRuns: 1_000 })
  })
})
