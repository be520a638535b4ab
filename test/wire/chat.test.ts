import { runInNewContext } from 'node:vm'
import { defineProtocol } from '@roomful/protocol'
import { memory, refuse, UNLIMITED } from '@roomful/server'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { connect, connectExtended } from '../support/connect.js'
import { gate, serve, WireClock } from '../support/wire-server.js'

describe('a chat message', () => {
  it('[M1] [M3] [M5] [M6] a chat message reaches every member as it was sent, and is acknowledged once it is in the log', async () => {
    const { url } = await serve()
    const [ana, bob] = [await connectExtended(url), await connectExtended(url)]
    const { epoch } = await ana.join('lobby')
    await bob.join('lobby')
    const forged = { user_id: 'root', timestamp: '1999', id: 'x', epoch: 'y', offset: 99 }
    const ack = await ana.chat('lobby', ' <b>Grüße</b> 👋 ', { client_id: 'c1', ref: 'r', ...forged })
    expect(ack).toEqual({
      type: 'ack',
      ref: 'r',
      client_id: 'c1',
      room_id: 'lobby',
      id: expect.any(String),
      epoch,
      offset: 1,
      timestamp: expect.any(String),
      duplicate: false,
      durability: 'memory',
    })
    const message = {
      type: 'chat_message',
      message: ' <b>Grüße</b> 👋 ',
      timestamp: ack.timestamp,
      user_id: ana.userId,
      room_id: 'lobby',
      id: ack.id,
      client_id: 'c1',
      epoch,
      offset: 1,
    }
    for (const member of [ana, bob]) expect(await member.next('chat_message')).toEqual(message)
  })

  it('[M5] a chat message without a client_id is not acknowledged', async () => {
    const { url } = await serve()
    const ana = await connectExtended(url)
    await ana.join('lobby')
    ana.send({ type: 'chat_message', message: 'hi', ref: 'r' })
    expect(await ana.next('chat_message')).not.toHaveProperty('client_id')
    await ana.never('ack')
  })

  it.each([
    ['no text', {}, 'message_required'],
    ['a number', { message: 1 }, 'message_required'],
    ['null', { message: null }, 'message_required'],
    ['1,001 code points', { message: '𝒳'.repeat(1_001) }, 'message_too_long'],
    ['1,001 blanks', { message: ' '.repeat(1_001) }, 'message_too_long'],
    ['nothing', { message: '' }, 'message_empty'],
    ['Unicode white space', { message: '\u00a0\u2003\u3000\n\u0085' }, 'message_empty'],
  ])('[M2] [E7] a chat message with %s is refused', async (_, fields, code) => {
    const { url } = await serve()
    const ana = await connect(url)
    await ana.join('lobby')
    const refs = { ref: 'r', client_id: 'c', room_id: 'lobby' }
    expect(await ana.ask({ type: 'chat_message', ...refs, ...fields }, 'error')).toMatchObject({
      code,
      ...refs,
    })
  })

  it('[M2] a chat message of exactly 1,000 code points passes, and so does an invisible text that is no white space', async () => {
    const { url } = await serve()
    const ana = await connect(url)
    await ana.join('lobby')
    await ana.chat('lobby', '𝒳'.repeat(1_000))
    await ana.chat('lobby', '\u200b')
  })

  it('[M10] a chat message has the same place for everyone, and each sender’s are in the order of sending', async () => {
    const { url } = await serve({ limits: { messagesBurst: 1_000 } })
    const clients = await Promise.all(Array.from({ length: 5 }, () => connect(url)))
    for (const client of clients) await client.join('lobby')
    for (let n = 0; n < 20; n++) {
      for (const [who, client] of clients.entries())
        client.send({ type: 'chat_message', message: `${who}:${n}` })
    }
    const seen = await Promise.all(
      clients.map(async (client) => {
        const messages = []
        for (let n = 0; n < 100; n++) messages.push(await client.next('chat_message'))
        return messages
      }),
    )
    const [first = []] = seen
    expect(first.map(({ offset }) => offset)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1))
    for (const other of seen) expect(other).toEqual(first)
    for (const who of clients.keys()) {
      const own = first.filter(({ message }) => message.startsWith(`${who}:`))
      expect(own.map(({ message }) => message)).toEqual(Array.from({ length: 20 }, (_, n) => `${who}:${n}`))
    }
  })

  it('[M10] a chat message has it in a busy room too, where senders go on as soon as they have their answer', async () => {
    const { url } = await serve({ limits: UNLIMITED })
    const members = await Promise.all(Array.from({ length: 60 }, () => connectExtended(url)))
    for (const member of members) await member.join('lobby')
    const each = 100
    const senders = members.slice(0, 6)
    const sending = senders.map(async (sender, n) => {
      for (let count = 0; count < each; count++) await sender.chat('lobby', `${n}: ${count}`)
    })
    await Promise.all(sending)
    const expected = Array.from({ length: senders.length * each }, (_, n) => n + 1)
    const got = async (member: (typeof members)[number]) => {
      await member.settled()
      return member.frames.filter(({ type }) => type === 'chat_message')
    }
    const [first = [], ...others] = await Promise.all(members.map(got))
    expect(first.map(({ offset }) => offset)).toEqual(expected)
    for (const other of others) expect(other).toEqual(first)
  })
})

describe('data', () => {
  const protocol = defineProtocol({
    chat: z.object({
      link: z.pipe(
        z.string(),
        z.transform((link) => link.toUpperCase()),
      ),
    }),
  })

  it('[M4] [A9] chat data travels as the sender gave it, if its schema takes it', async () => {
    const { url } = await serve({ protocol })
    const ana = await connect(url)
    await ana.join('lobby')
    await ana.chat('lobby', 'see', { data: { link: 'abc', extra: [1] } })
    expect((await ana.next('chat_message')).data).toEqual({ link: 'abc', extra: [1] })
  })

  it('[M4] [E8] chat data is refused with the fields named, if its schema does not', async () => {
    const { url } = await serve({ protocol })
    const ana = await connect(url)
    await ana.join('lobby')
    const error = await ana.ask({ type: 'chat_message', message: 'see', data: { link: 1 } }, 'error')
    expect(error).toMatchObject({ code: 'invalid_message', issues: [{ path: 'data.link' }] })
  })

  it('[M4] chat data is refused where the application declares none', async () => {
    const { url } = await serve()
    const ana = await connect(url)
    await ana.join('lobby')
    const error = await ana.ask({ type: 'chat_message', message: 'see', data: {} }, 'error')
    expect(error).toMatchObject({ code: 'invalid_message', issues: [{ path: 'data' }] })
  })
})

describe('a repeat', () => {
  it('[M7] [M11] a repeat on another connection of the user gets the ack of the first, and is not published again', async () => {
    const { url } = await serve()
    const ana = await connectExtended(url)
    await ana.join('lobby')
    const first = await ana.chat('lobby', 'once', { client_id: 'c' })
    await ana.vanish()
    const again = await connectExtended(url, { session: ana.session })
    await again.join('lobby')
    const second = await again.chat('lobby', 'once', { client_id: 'c', ref: 'r' })
    expect(second).toEqual({ ...first, ref: 'r', duplicate: true })
    await again.never('chat_message')
    expect(await again.chat('lobby', 'next')).toMatchObject({ offset: 2 })
  })

  it('[M7] a repeat is known by room and user: neither another room’s nor another user’s is suppressed', async () => {
    const { url } = await serve()
    const [ana, bob] = [await connectExtended(url), await connectExtended(url)]
    for (const client of [ana, bob]) await client.join('lobby')
    await ana.join('attic')
    for (const ack of [
      await ana.chat('lobby', 'same', { client_id: 'c' }),
      await bob.chat('lobby', 'same', { client_id: 'c' }),
      await ana.chat('attic', 'same', { client_id: 'c' }),
    ])
      expect(ack.duplicate).toBe(false)
  })

  it('[M7] a repeat after the window is another message', async () => {
    const clock = new WireClock()
    const { url } = await serve({ clock })
    const ana = await connectExtended(url)
    await ana.join('lobby')
    await ana.chat('lobby', 'once', { client_id: 'c' })
    await clock.advance(599_000)
    expect(await ana.chat('lobby', 'once', { client_id: 'c' })).toMatchObject({ duplicate: true, offset: 1 })
    await clock.advance(1_000)
    expect(await ana.chat('lobby', 'once', { client_id: 'c' })).toMatchObject({ duplicate: false, offset: 2 })
  })

  it('[M13] a repeat that may be a forgotten one is refused, and one that cannot be is published', async () => {
    const { url } = await serve({ backplane: memory({ dedupeCount: 2 }) })
    const ana = await connectExtended(url)
    await ana.join('lobby')
    for (let n = 1; n <= 6; n++) await ana.chat('lobby', `${n}`, { client_id: `c${n}` })
    const repeat = (n: number) => ({
      type: 'chat_message',
      room_id: 'lobby',
      message: `${n}`,
      client_id: `c${n}`,
    })
    expect(await ana.ask({ ...repeat(1), seen: 0 }, 'error')).toMatchObject({
      code: 'outcome_unknown',
      client_id: 'c1',
    })
    expect(await ana.ask({ ...repeat(6), seen: 5 }, 'ack')).toMatchObject({ duplicate: true, offset: 6 })
    expect(await ana.ask({ ...repeat(7), seen: 6 }, 'ack')).toMatchObject({ duplicate: false, offset: 7 })
  })

  it('[M8] a repeat with another text is answered by id_conflict', async () => {
    const { url } = await serve()
    const ana = await connectExtended(url)
    await ana.join('lobby')
    await ana.chat('lobby', 'one', { client_id: 'c' })
    expect(
      await ana.ask({ type: 'chat_message', room_id: 'lobby', message: 'two', client_id: 'c' }, 'error'),
    ).toMatchObject({ code: 'id_conflict', client_id: 'c', room_id: 'lobby' })
  })

  it('[M7] a repeat is known by what was sent, whatever a handler makes of it', async () => {
    let n = 0
    const { url } = await serve({
      handle: { chat_message: (_, chat) => ({ message: `${chat.message} ${++n}` }) },
    })
    const ana = await connectExtended(url)
    await ana.join('lobby')
    await ana.chat('lobby', 'hi', { client_id: 'c' })
    expect(await ana.chat('lobby', 'hi', { client_id: 'c' })).toMatchObject({ duplicate: true })
    expect((await ana.next('chat_message')).message).toBe('hi 1')
  })
})

describe('after', () => {
  it('[M9] the field after lets nothing overtake the retry of a refused message', async () => {
    const clock = new WireClock()
    const { url } = await serve({ clock, limits: { messagesBurst: 2, messagesPerSecond: 1 } })
    const ana = await connectExtended(url)
    await ana.join('lobby')
    const say = (client_id: string, after?: string) =>
      ana.send({
        type: 'chat_message',
        room_id: 'lobby',
        message: client_id,
        client_id,
        ...(after && { after }),
      })
    say('a')
    say('b', 'a')
    await ana.next('ack')
    const { code, retry_after_ms = 0 } = await ana.next('error')
    expect(code).toBe('rate_limited')
    await clock.advance(retry_after_ms)
    say('c', 'b')
    expect(await ana.next('error')).toMatchObject({ code: 'out_of_order', client_id: 'c' })
    await clock.advance(2_000)
    say('b', 'a')
    say('c', 'b')
    expect([await ana.next('ack'), await ana.next('ack')]).toMatchObject([
      { client_id: 'b', offset: 2 },
      { client_id: 'c', offset: 3 },
    ])
  })

  it('[M9] a duplicate counts as accepted; leaving the room forgets the last one', async () => {
    const { url } = await serve()
    const ana = await connectExtended(url)
    await ana.join('lobby')
    await ana.chat('lobby', 'one', { client_id: 'a' })
    await ana.chat('lobby', 'two', { client_id: 'b', after: 'a' })
    await ana.chat('lobby', 'one', { client_id: 'a' })
    await ana.chat('lobby', 'three', { client_id: 'c', after: 'a' })
    await ana.ask({ type: 'leave', room_id: 'lobby' }, 'left')
    await ana.join('lobby')
    const late = { type: 'chat_message', room_id: 'lobby', message: 'four', client_id: 'd' }
    expect(await ana.refusal({ ...late, after: 'c' })).toBe('out_of_order')
    await ana.ask(late, 'ack')
  })

  it('[M9] [J3] a second join forgets nothing', async () => {
    const { url } = await serve()
    const ana = await connectExtended(url)
    await ana.join('lobby')
    await ana.chat('lobby', 'one', { client_id: 'a' })
    await ana.join('lobby')
    await ana.chat('lobby', 'two', { client_id: 'b', after: 'a' })
  })
})

describe('the application', () => {
  it('[M1] the application may replace a message, and [A6] may refuse it with a code of its own', async () => {
    const { url } = await serve({
      handle: {
        chat_message: (_, chat) => {
          if (chat.message.includes('darn')) throw refuse('swearing', 'Mind your language')
          return { message: chat.message.toUpperCase() }
        },
      },
    })
    const ana = await connect(url)
    await ana.join('lobby')
    await ana.chat('lobby', 'hello')
    expect((await ana.next('chat_message')).message).toBe('HELLO')
    const refused = { type: 'chat_message', room_id: 'lobby', message: 'darn', client_id: 'c', ref: 'r' }
    expect(await ana.ask(refused, 'error')).toMatchObject({
      code: 'swearing',
      message: 'Mind your language',
      client_id: 'c',
      ref: 'r',
      room_id: 'lobby',
    })
  })

  it.each([
    ['a text', 'shout'],
    ['no text', {}],
    ['data that is no object', { message: 'hello', data: 5 }],
    ['data that JSON cannot hold', { message: 'hello', data: { n: 1n } }],
  ])(
    '[E15] a handler that returns %s is a fault of the server’s, which publishes nothing',
    async (_, result) => {
      const { url, server, log } = await serve({ handle: { chat_message: () => result as never } })
      const ana = await connectExtended(url)
      await ana.join('lobby')
      ana.send({ type: 'chat_message', room_id: 'lobby', message: 'hello', client_id: 'c' })
      expect(await ana.next('error')).toMatchObject({ code: 'internal', client_id: 'c' })
      expect(log.filter(({ level }) => level === 'error')).toHaveLength(1)
      expect((await server.room('lobby').history()).messages).toEqual([])
    },
  )

  it('[M1] the application may answer with a promise of another realm, or with what only behaves like one', async () => {
    const promise = runInNewContext('Promise.resolve({ message: "promised" })')
    // biome-ignore lint/suspicious/noThenProperty: a query builder is such an object
    const builder = { then: (done: (chat: object) => void) => done({ message: 'built' }) }
    const answers = [promise, builder]
    const { url } = await serve({ handle: { chat_message: () => answers.shift() as never } })
    const ana = await connect(url)
    await ana.join('lobby')
    await ana.chat('lobby', 'one')
    expect((await ana.next('chat_message')).message).toBe('promised')
    await ana.chat('lobby', 'two')
    expect((await ana.next('chat_message')).message).toBe('built')
  })

  it('the application may publish, and kick the sender, within the turn in which it is asked', async () => {
    const protocol = defineProtocol({ server: { noted: z.object({ text: z.string() }) } })
    const { url, server } = await serve({
      protocol,
      handle: {
        chat_message: ({ room }, chat) => {
          void server.room(room.id).publish({ type: 'noted', text: chat.message })
          if (chat.message === 'last') server.room(room.id).kick(ana.userId)
          return chat
        },
      },
    })
    const ana = await connectExtended(url)
    await ana.join('lobby')
    await ana.chat('lobby', 'first', { client_id: 'a' })
    const late = { type: 'chat_message', room_id: 'lobby', message: 'last', client_id: 'b' }
    expect(await ana.refusal(late)).toBe('not_in_room')
    const { messages } = await server.room('lobby').history()
    expect(messages).toMatchObject([{ text: 'first' }, { message: 'first' }, { text: 'last' }])
  })

  it.each(['kicked', 'disconnected'])(
    'a message of someone who was %s while it was asked is not published',
    async (fate) => {
      const { opened, open } = gate()
      const asked = gate()
      const { url, server } = await serve({
        handle: {
          chat_message: async (_, chat) => {
            asked.open()
            await opened
            return chat
          },
        },
      })
      const ana = await connectExtended(url)
      await ana.join('lobby')
      ana.send({ type: 'chat_message', room_id: 'lobby', message: 'too late', client_id: 'c' })
      await asked.opened
      if (fate === 'kicked') server.room('lobby').kick(ana.userId)
      else server.user(ana.userId).disconnect()
      open()
      if (fate === 'kicked') expect((await ana.next('error')).code).toBe('not_in_room')
      else expect((await ana.closed).code).toBe(4501)
      expect((await server.room('lobby').history()).messages).toEqual([])
    },
  )
})
