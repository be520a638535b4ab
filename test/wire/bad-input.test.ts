import { describe, expect, it } from 'vitest'
import { bystanders } from '../support/bystanders.js'
import { connect } from '../support/connect.js'
import type { WireClient } from '../support/wire-client.js'
import { logText, serve, WireClock } from '../support/wire-server.js'

/** A server with two members in a room, and a third one who means no good. */
async function intrude(options: Parameters<typeof serve>[0] = {}): Promise<WireClient> {
  const { url, log } = await serve(options)
  await bystanders(url)
  const intruder = await connect(url)
  await intruder.join('lobby')
  expect(log.filter(({ level }) => level === 'error')).toEqual([])
  return intruder
}

async function answerTo(intruder: WireClient, text: string) {
  intruder.sendText(text)
  return intruder.next('error')
}

describe('bad JSON', () => {
  it.each([
    'not json',
    '',
    '{',
    '[]',
    '"text"',
    '7',
    'null',
    'true',
    '{"a":1}{"b":2}',
    "{'a':1}",
    '\ufeff{}',
  ])('[E2] bad JSON: %j is answered by invalid_json', async (text) => {
    const intruder = await intrude()
    const { code, message } = await answerTo(intruder, text)
    expect({ code, message }).toEqual({ code: 'invalid_json', message: 'Invalid JSON format' })
  })

  it('[E13] the tenth such frame within a minute closes with 4502; unknown types do not count', async () => {
    const clock = new WireClock()
    const intruder = await intrude({ clock, limits: { messagesBurst: 1_000 } })
    for (let n = 0; n < 15; n++) expect(await intruder.refusal({ type: 'dance' })).toBe('unknown_type')
    for (let n = 0; n < 9; n++) await answerTo(intruder, 'not json')
    await clock.advance(59_000)
    await intruder.settled()
    intruder.sendText('[]')
    expect(await intruder.closed).toEqual({ code: 4502, reason: 'Repeated unparseable frames' })
  })

  it('[E13] nine a minute go on for ever', async () => {
    const clock = new WireClock()
    const intruder = await intrude({ clock })
    for (let minute = 0; minute < 3; minute++) {
      for (let n = 0; n < 9; n++) await answerTo(intruder, 'not json')
      await clock.advance(60_000)
    }
    await intruder.settled()
  })
})

describe('a bad type', () => {
  it.each([
    [{}, ''],
    [{ type: 'dance' }, 'dance'],
    [{ type: 'constructor' }, 'constructor'],
    [{ type: '__proto__' }, '__proto__'],
    [{ type: '' }, ''],
    [{ type: 7 }, '7'],
    [{ type: true }, 'true'],
    [{ type: null }, 'null'],
    [{ type: {} }, 'object'],
    [{ type: [] }, 'array'],
    [{ type: `𝒳${'x'.repeat(100)}` }, `𝒳${'x'.repeat(63)}`],
    [{ type: '\ud800' }, '\ufffd'],
  ])('[E3] a bad type: %j is answered by unknown_type, and shown', async (message, shown) => {
    const intruder = await intrude()
    const { code, message: text } = await intruder.ask(message, 'error')
    expect({ code, text }).toEqual({ code: 'unknown_type', text: `Unknown message type: ${shown}` })
  })
})

describe('bad fields', () => {
  it.each([
    ['join without room_id', { type: 'join' }, 'room_id_required'],
    ['join of a room_id that is no string', { type: 'join', room_id: {} }, 'room_id_required'],
    ['join of a bad room_id', { type: 'join', room_id: 'no spaces, please' }, 'invalid_room'],
    ['join with a bad cursor', { type: 'join', room_id: 'a', since: { epoch: 'e' } }, 'invalid_message'],
    ['join with too much history', { type: 'join', room_id: 'a', history: 1_001 }, 'invalid_message'],
    ['chat without a text', { type: 'chat_message' }, 'message_required'],
    ['chat with a text of the wrong type', { type: 'chat_message', message: ['x'] }, 'message_required'],
    ['chat that is too long', { type: 'chat_message', message: 'x'.repeat(1_001) }, 'message_too_long'],
    ['chat that is blank', { type: 'chat_message', message: '\t\n ' }, 'message_empty'],
    ['chat with a bad client_id', { type: 'chat_message', message: 'x', client_id: '' }, 'invalid_message'],
    ['chat with a long ref', { type: 'chat_message', message: 'x', ref: 'x'.repeat(65) }, 'invalid_message'],
    ['auth without a protocol', { type: 'auth' }, 'invalid_message'],
    ['auth with a token of the wrong type', { type: 'auth', protocol: 1, token: {} }, 'invalid_message'],
    ['history before nothing', { type: 'history', before: -1 }, 'invalid_message'],
    ['presence without a state', { type: 'presence' }, 'invalid_message'],
    ['ping with a bad id', { type: 'ping', id: {} }, 'invalid_message'],
    ['leave of a room one is not in', { type: 'leave', room_id: 'elsewhere' }, 'not_in_room'],
    [
      'chat in a room one is not in',
      { type: 'chat_message', room_id: 'elsewhere', message: 'x' },
      'not_in_room',
    ],
  ])('[E9] [E11] bad fields: %s', async (_, message, code) => {
    const intruder = await intrude()
    expect(await intruder.refusal(message)).toBe(code)
    await intruder.chat('lobby', 'and goes on')
  })

  it('[E10] everything but join and ping before a join', async () => {
    const { url } = await serve()
    await bystanders(url)
    const intruder = await connect(url)
    for (const type of ['chat_message', 'leave', 'history', 'presence', 'typing_start', 'typing_stop'])
      expect(await intruder.refusal({ type })).toBe('not_in_room')
  })

  it('[J3] a double join, and [J9] a double leave', async () => {
    const intruder = await intrude()
    await intruder.join('lobby')
    await intruder.ask({ type: 'leave' }, 'left')
    expect(await intruder.refusal({ type: 'leave', room_id: 'lobby' })).toBe('not_in_room')
  })
})

describe('hostile JSON', () => {
  it.each([
    '{"type":"chat_message","message":"x","__proto__":{"isAdmin":true}}',
    '{"type":"chat_message","message":"x","data":{"a":[{"__proto__":1}]}}',
    '{"__proto__":{"type":"ping"},"type":"ping"}',
  ])('[E4] a __proto__ key: %s', async (text) => {
    const intruder = await intrude()
    expect((await answerTo(intruder, text)).code).toBe('invalid_message')
    expect(({} as Record<string, unknown>).isAdmin).toBeUndefined()
  })

  it('[E4] nesting: 8 deep passes, 9 deep does not, and 20,000 deep overflows no stack', async () => {
    const nested = (depth: number) => `${'['.repeat(depth)}1${']'.repeat(depth)}`
    const intruder = await intrude({ limits: { bytesPerSecond: 1_000_000 } })
    const withData = (depth: number) => `{"type":"join","room_id":"lobby","unknown":${nested(depth - 1)}}`
    intruder.sendText(withData(8))
    await intruder.next('joined')
    for (const depth of [9, 20_000])
      expect((await answerTo(intruder, withData(depth))).code).toBe('invalid_message')
    expect((await answerTo(intruder, nested(20_000))).code).toBe('invalid_json')
    expect((await answerTo(intruder, `{"type":${nested(20_000)}}`)).message).toBe(
      'Unknown message type: array',
    )
  })

  it.each([
    ['message', 'invalid_text'],
    ['ref', 'invalid_text'],
    ['a key', 'invalid_text'],
    ['room_id', 'invalid_room'],
  ])('[E5] a lone surrogate in %s', async (where, code) => {
    const intruder = await intrude()
    const lone = '\\ud83d'
    const field = where === 'a key' ? `"${lone}":1` : `"${where}":"${lone}"`
    expect((await answerTo(intruder, `{"type":"chat_message",${field}}`)).code).toBe(code)
  })
})

describe('too much', () => {
  it('[E12] a flood of pings is rationed, then closed with 4005', async () => {
    const clock = new WireClock()
    const intruder = await intrude({ clock, limits: { messagesBurst: 20 } })
    for (let strike = 0; strike < 3; strike++) {
      for (let n = 0; n < 200; n++) intruder.send({ type: 'ping', id: `${strike}-${n}` })
      if (strike === 2) break
      while ((await intruder.next('error')).room_id !== undefined);
      for (let n = 0; n < 150; n++) expect((await intruder.next('error')).code).toBe('rate_limited')
      await clock.advance(10_000)
    }
    expect((await intruder.closed).code).toBe(4005)
  })

  it('[J1] [E12] 5,000 rooms: a hundred at most, then refusals, then 4005', async () => {
    const clock = new WireClock()
    const intruder = await intrude({ clock, limits: { joinsBurst: 200 } })
    for (let n = 0; n < 150; n++) intruder.send({ type: 'join', room_id: `room-${n}` })
    for (let n = 0; n < 99; n++) await intruder.next('joined')
    expect((await intruder.next('error')).code).toBe('room_limit')
    for (let n = 150; n < 5_000; n++) {
      intruder.send({ type: 'join', room_id: `room-${n}` })
      if (n % 1_000 === 0) await clock.advance(6_000)
    }
    expect((await intruder.closed).code).toBe(4005)
  })

  it('[C5] nothing of it is in the log', async () => {
    const { url, log } = await serve()
    const intruder = await connect(`${url}?token=t0ps3cret`)
    await intruder.join('lobby')
    await intruder.chat('lobby', 'a private word')
    await answerTo(intruder, '{"type":"auth","protocol":"x","token":"t0ps3cret"}')
    await answerTo(intruder, 't0ps3cret, not json')
    await intruder.vanish()
    for (const secret of ['t0ps3cret', 'private']) expect(logText(log)).not.toContain(secret)
  })
})
