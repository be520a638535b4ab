import { describe, expect, it } from 'vitest'
import { connect, connectExtended } from '../support/connect.js'
import { gate, serve, WireClock } from '../support/wire-server.js'

describe('the order of checks', () => {
  it('[E9] [E10] frame, then authentication, then room, then fields, then length, then blankness, then order', async () => {
    const { url } = await serve({
      authenticate: ({ token }) => ({ userId: token ?? '' }),
      authorize: () => true,
    })
    const ana = await connect(url)
    const chat = (fields: object) => ({ type: 'chat_message', room_id: 'lobby', ...fields })
    expect(await ana.refusal({ type: 'dance', message: '\ud800' })).toBe('unknown_type')
    expect(await ana.refusal(chat({ message: [[[[[[[[1]]]]]]]] }))).toBe('invalid_message')
    expect(await ana.refusal(chat({ message: '\ud800' }))).toBe('invalid_text')
    expect(await ana.refusal(chat({ message: 7, room_id: 'a b' }))).toBe('not_authenticated')
    await ana.ask({ type: 'auth', protocol: 1, token: 'ana' }, 'authenticated')
    expect(await ana.refusal(chat({ message: 7, room_id: 'a b' }))).toBe('invalid_room')
    expect(await ana.refusal(chat({ message: 7 }))).toBe('not_in_room')
    await ana.join('lobby')
    expect(await ana.refusal(chat({ message: 7 }))).toBe('message_required')
    expect(await ana.refusal(chat({ message: ' '.repeat(1_001), data: 1 }))).toBe('invalid_message')
    expect(await ana.refusal(chat({ message: ' '.repeat(1_001), after: 'x' }))).toBe('message_too_long')
    expect(await ana.refusal(chat({ message: ' ', after: 'x' }))).toBe('message_empty')
    await ana.chat('lobby', 'one', { client_id: 'a' })
    expect(await ana.refusal(chat({ message: 'two', client_id: 'a', after: 'x' }))).toBe('out_of_order')
    expect(await ana.refusal(chat({ message: 'two', client_id: 'a', after: 'a' }))).toBe('id_conflict')
  })

  it.each([
    ['join', { room_id: 7 }, 'room_id_required'],
    ['join', { room_id: '' }, 'room_id_required'],
    ['leave', { room_id: 7 }, 'invalid_room'],
    ['chat_message', { room_id: null, message: 'x' }, 'invalid_room'],
    ['typing_start', { room_id: '' }, 'invalid_room'],
    ['presence', { room_id: 'nowhere' }, 'not_in_room'],
    ['leave', { ref: 7 }, 'not_in_room'],
  ])('[E10] the order of checks: %s with %j', async (type, fields, code) => {
    const { url } = await serve()
    expect(await (await connect(url)).refusal({ type, ...fields })).toBe(code)
  })
})

describe('an error', () => {
  it('[E6] [E7] an error has a code and a text, and echoes what was given and well-formed', async () => {
    const { url } = await serve()
    const ana = await connect(url)
    const refs = { ref: 'r', client_id: 'c', room_id: 'lobby' }
    expect(await ana.ask({ type: 'chat_message', message: 'x', ...refs }, 'error')).toEqual({
      type: 'error',
      code: 'not_in_room',
      message: "Not in a room. Send a 'join' message first.",
      timestamp: expect.stringMatching(/Z$/),
      ...refs,
    })
    const bad = { ref: 'é', client_id: 'x'.repeat(65), room_id: 'a b' }
    const error = await ana.ask({ type: 'chat_message', message: 'x', ...bad }, 'error')
    for (const field of Object.keys(bad)) expect(error).not.toHaveProperty(field)
  })

  it('[E8] an error tells ten issues at most, each text cut at 200 code points', async () => {
    const { url } = await serve()
    const ana = await connect(url)
    await ana.join('lobby')
    const bad = { type: 'history', limit: 'x', epoch: 7, before: 'y', after: -1, ref: 7 }
    const { code, issues = [] } = await ana.ask(bad, 'error')
    expect(code).toBe('invalid_message')
    expect(issues.length).toBeGreaterThan(1)
    expect(issues.length).toBeLessThanOrEqual(10)
    expect(issues.map(({ path }) => path)).toContain('limit')
    for (const { message } of issues) expect([...message].length).toBeLessThanOrEqual(200)
  })

  it('[E11] an error changes nothing: the connection goes on as it was', async () => {
    const { url } = await serve()
    const [ana, bob] = [await connect(url), await connect(url)]
    await ana.join('lobby')
    await bob.join('lobby')
    for (const message of [
      { type: 'chat_message', message: ' ' },
      { type: 'dance' },
      { type: 'history', limit: -1 },
    ])
      await ana.refusal(message)
    await ana.settled()
    expect(await ana.chat('lobby', 'first')).toMatchObject({ offset: 1 })
    await bob.next('chat_message')
    expect(bob.frames.map(({ type }) => type)).toEqual(['system', 'joined', 'chat_message'])
  })
})

describe('the queue of a connection', () => {
  it('[E17] the queue of a connection handles messages one at a time, in the order in which they came, and answers in that order', async () => {
    const gates = [gate(), gate(), gate()]
    let running = 0
    const { url } = await serve({
      on: {
        join: async ({ room }) => {
          expect(++running).toBe(1)
          await gates[Number(room.id)]?.opened
          running--
        },
      },
    })
    const ana = await connect(url)
    for (const room_id of ['0', '1', '2']) ana.send({ type: 'join', room_id })
    ana.send({ type: 'chat_message', message: 'after the joins' })
    for (const { open } of gates.reverse()) open()
    await ana.next('chat_message')
    expect(ana.frames.map(({ type, room_id }) => [type, room_id])).toEqual([
      ['system', undefined],
      ['joined', '0'],
      ['joined', '1'],
      ['joined', '2'],
      ['chat_message', '2'],
    ])
  })

  it('[E17] a slow one of one connection holds up no other', async () => {
    const { opened, open } = gate()
    const { url } = await serve({ on: { join: ({ room }) => (room.id === 'slow' ? opened : undefined) } })
    const [ana, bob] = [await connect(url), await connect(url)]
    ana.send({ type: 'join', room_id: 'slow' })
    await bob.join('lobby')
    await bob.chat('lobby', 'quick')
    await ana.never('joined')
    open()
    await ana.next('joined')
  })
})

describe('a rate', () => {
  const limits = {
    messagesBurst: 2,
    messagesPerSecond: 1,
    joinsBurst: 2,
    joinsPerSecond: 1,
    historyPerSecond: 1,
  }

  it('[E12] [E16] [E7] beyond its rate a frame is refused with the time after which it passes, and what it was', async () => {
    const clock = new WireClock()
    const { url } = await serve({ clock, limits })
    const ana = await connect(url)
    await ana.join('lobby')
    const chat = { type: 'chat_message', room_id: 'lobby', message: 'x', client_id: 'c' }
    for (let n = 0; n < 2; n++) await ana.chat('lobby', 'x')
    const error = await ana.ask({ ...chat, ref: 'r' }, 'error')
    expect(error).toMatchObject({ code: 'rate_limited', ref: 'r', client_id: 'c', room_id: 'lobby' })
    await clock.advance(error.retry_after_ms ?? 0)
    await ana.ask(chat, 'ack')
  })

  it('[E12] a refusal for the rate is told whatever else is wrong with the frame, unless it is no JSON object', async () => {
    const clock = new WireClock()
    const { url } = await serve({ clock, limits })
    const ana = await connect(url)
    for (let n = 0; n < 2; n++) await ana.refusal({ type: 'dance' })
    expect(await ana.refusal({ type: 'dance' })).toBe('rate_limited')
    expect(await ana.refusal({ type: 'chat_message', message: 7 })).toBe('rate_limited')
    ana.sendText('[]')
    expect((await ana.next('error')).code).toBe('invalid_json')
  })

  it('[E12] joins and history have rates of their own', async () => {
    const clock = new WireClock()
    const { url } = await serve({ clock, limits })
    const ana = await connect(url)
    for (let n = 0; n < 2; n++) await ana.join('lobby')
    expect(await ana.refusal({ type: 'join', room_id: 'lobby' })).toBe('rate_limited')
    for (let n = 0; n < 2; n++) await ana.ask({ type: 'history' }, 'history')
    expect(await ana.refusal({ type: 'history' })).toBe('rate_limited')
    await ana.chat('lobby', 'the messages’ rate is untouched')
  })

  it('[E12] bytes have a rate too, and a user’s connections share theirs', async () => {
    const clock = new WireClock()
    const { url } = await serve({
      clock,
      authenticate: () => ({ userId: 'ana' }),
      authorize: () => true,
      limits: { bytesPerSecond: 2_000, frameBytes: 2_000 },
    })
    const [phone, laptop] = [
      await connectExtended(url, { token: 't' }),
      await connectExtended(url, { token: 't' }),
    ]
    for (const device of [phone, laptop]) await device.join('lobby')
    await phone.chat('lobby', 'é'.repeat(700))
    expect(await laptop.refusal({ type: 'chat_message', room_id: 'lobby', message: 'é'.repeat(700) })).toBe(
      'rate_limited',
    )
  })

  it('[E12] a user’s second connection does not bring a fresh budget with it', async () => {
    const clock = new WireClock()
    const { url } = await serve({
      clock,
      authenticate: () => ({ userId: 'ana' }),
      authorize: () => true,
      limits: { bytesPerSecond: 2_000, frameBytes: 2_000 },
    })
    const phone = await connectExtended(url, { token: 't' })
    await phone.join('lobby')
    await phone.chat('lobby', 'é'.repeat(700))
    const laptop = await connectExtended(url, { token: 't' })
    await laptop.join('lobby')
    expect(await laptop.refusal({ type: 'chat_message', room_id: 'lobby', message: 'é'.repeat(700) })).toBe(
      'rate_limited',
    )
  })

  it('[E12] frames refused in a row are one strike, and the third strike within a minute closes with 4005', async () => {
    const clock = new WireClock()
    const { url } = await serve({ clock, limits })
    const ana = await connect(url)
    const burst = () => {
      for (let n = 0; n < 10; n++) ana.send({ type: 'dance' })
    }
    for (let strikes = 0; strikes < 2; strikes++) {
      burst()
      for (let n = 0; n < 10; n++) await ana.next('error')
      await clock.advance(10_000)
    }
    burst()
    expect(await ana.closed).toEqual({ code: 4005, reason: 'Rate limited' })
  })

  it('[E12] strikes are forgiven after a minute', async () => {
    const clock = new WireClock()
    const { url } = await serve({ clock, limits: { ...limits, messagesBurst: 1 } })
    const ana = await connect(url)
    for (let minute = 0; minute < 5; minute++) {
      for (let n = 0; n < 3; n++) ana.send({ type: 'dance' })
      for (let n = 0; n < 3; n++) await ana.next('error')
      await clock.advance(31_000)
    }
    expect(ana.frames.filter(({ code }) => code === 'rate_limited')).toHaveLength(10)
  })
})
