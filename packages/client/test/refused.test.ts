import { defineProtocol } from '@roomful/protocol/define'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import type { Room, RoomfulError } from '../src/index.js'
import { ackFrame, chatFrame, errorFrame, joinedFrame, ScriptedServer } from './support/scripted-server.js'

async function live(options: ConstructorParameters<typeof ScriptedServer>[0] = {}, hello = {}) {
  const script = new ScriptedServer(options)
  const room = script.client.room('r')
  await script.connection.welcomes('me', hello)
  void room.join()
  await script.connection.says(joinedFrame(script.connection.take().at(-1)))
  await script.clock.advance(0)
  return { script, room }
}

const shown = (room: Pick<Room, 'timeline'>) =>
  room.timeline
    .get()
    .map((entry) =>
      entry.kind === 'break'
        ? entry.reason
        : `${entry.message.message} ${entry.state}${entry.state === 'failed' ? ` ${entry.error.code}` : ''}`,
    )

const refusal = (sent: PromiseLike<unknown>) =>
  sent.then(
    () => expect.unreachable('it was sent'),
    (error: RoomfulError) => ({ code: error.code, message: error.message }),
  )

describe('a message that is refused before it leaves', () => {
  // The script's client is typed without a contract.
  const protocol = defineProtocol({ chat: z.strictObject({ reply_to: z.number() }) }) as never
  it.each([
    ['too long', 'x'.repeat(11), undefined, 'message_too_long', 'Message too long: 11 of 10 characters'],
    ['blank', ' ', undefined, 'message_empty', 'Message cannot be empty'],
    ['no Unicode', '\ud800', undefined, 'invalid_text', 'Text is not valid Unicode'],
    ['with data of the wrong kind', 'hello', { reply_to: 'x' }, 'invalid_message', 'Invalid message'],
  ])(
    '[M2] a message that is refused before it leaves stands as failed, with what is wrong: %s',
    async (_, text, data, code, message) => {
      const { script, room } = await live({ protocol }, { limits: { text_length: 10 } })
      expect(await refusal(room.send(text, { data } as never))).toEqual({ code, message })
      expect(shown(room)).toEqual([`${text} failed ${code}`])
      expect(script.connection.take()).toEqual([])
    },
  )

  it('a message that is refused before it leaves stands as failed where the outbox is full, in messages or bytes', async () => {
    const { room } = await live({ outbox: { maxMessages: 1 } })
    room.send('first')
    expect(await refusal(room.send('second'))).toEqual({
      code: 'outbox_full',
      message: 'The outbox is full: 2 of 1 messages',
    })
    expect(shown(room)).toEqual(['first pending', 'second failed outbox_full'])
    const bytes = await live({ outbox: { maxBytes: 1_000 } })
    expect(await refusal(bytes.room.send('x'.repeat(600)))).toMatchObject({
      message: 'The outbox is full: 1,200 of 1,000 bytes',
    })
  })

  it('a message with data turns its data into JSON once, however often it is transmitted', async () => {
    const { script, room } = await live({ protocol: defineProtocol({ chat: z.looseObject({}) }) as never })
    let times = 0
    const data = { toJSON: () => ({ reading: ++times }) }
    room.send('hello', { data } as never)
    const [first] = script.connection.take()
    await script.connection.closes(1006)
    await script.clock.advance(1_000)
    await script.connection.welcomes('me')
    await script.connection.says(joinedFrame(script.connection.take().at(-1)))
    const [second] = script.connection.take()
    expect(first).toMatchObject({ message: 'hello', data: { reading: 1 } })
    expect(second).toMatchObject({ message: 'hello', data: { reading: 1 }, client_id: first?.client_id })
  })

  it('a message stands as failed where its frame is larger than the server takes', async () => {
    const { room } = await live({}, { limits: { frame_bytes: 100 } })
    expect(await refusal(room.send('é'.repeat(100)))).toEqual({
      code: 'too_large',
      message: 'The message is too large: 273 of 100 bytes',
    })
    expect(shown(room)).toEqual([`${'é'.repeat(100)} failed too_large`])
  })

  it('a message that is refused before it leaves can be tried again, with its data, and is checked again', async () => {
    const { script, room } = await live({ protocol, outbox: { maxMessages: 1 } })
    const first = room.send('first')
    const second = room.send('second', { data: { reply_to: 1 } } as never)
    await refusal(second)
    script.connection.take()
    await script.connection.says(ackFrame(first.clientId, 1))
    second.retry()
    expect(script.connection.take()).toMatchObject([{ message: 'second', data: { reply_to: 1 } }])
    expect(shown(room)).toEqual(['first sent', 'second pending'])
    const blank = room.send('')
    await refusal(blank)
    expect(await refusal(blank.retry())).toMatchObject({ code: 'message_empty' })
    expect(shown(room)).toEqual(['first sent', 'second pending', ' failed message_empty'])
  })

  it('[K1] a message sent after a terminal close is refused with its reason, and one after close() because the client is closed', async () => {
    const { script, room } = await live()
    await script.connection.closes(4501, 'Banned until Monday')
    expect(await refusal(room.send('hello'))).toEqual({ code: 'forbidden', message: 'Banned until Monday' })
    const closed = await live()
    closed.script.client.close()
    expect(await refusal(closed.room.send('hello'))).toMatchObject({ code: 'closed' })
  })

  it('[J7] a message in a room that denied the join is refused with the reason of the denial', async () => {
    const { script, room } = await live()
    const other = script.client.room('full')
    void other.join()
    const join = script.connection.take().at(-1)
    await script.connection.says(errorFrame('game_full', { ref: join?.ref, message: 'The game is full' }))
    expect(await refusal(other.send('hello'))).toEqual({ code: 'game_full', message: 'The game is full' })
    expect(shown(room)).toEqual([])
  })
})

describe('a message that failed', () => {
  it('a message that failed keeps its place among those around it', async () => {
    const { script, room } = await live()
    await script.connection.says(chatFrame(1))
    const [a, b, c] = [room.send('a'), room.send('b'), room.send('c')]
    await script.connection.says(
      errorFrame('out_of_order', { client_id: c.clientId, room_id: 'r' }),
      errorFrame('spam', { client_id: b.clientId, room_id: 'r' }),
    )
    expect(shown(room)).toEqual(['m1 sent', 'a pending', 'b failed spam', 'c pending'])
    const own = { user_id: 'me' }
    await script.connection.says(ackFrame(a.clientId, 2))
    await script.connection.says(chatFrame(2, { ...own, client_id: a.clientId, message: 'a' }), chatFrame(3))
    await script.connection.says(ackFrame(c.clientId, 5), chatFrame(4))
    await script.connection.says(chatFrame(5, { ...own, client_id: c.clientId, message: 'c' }), chatFrame(6))
    expect(shown(room)).toEqual([
      'm1 sent',
      'a sent',
      'b failed spam',
      'm3 sent',
      'm4 sent',
      'c sent',
      'm6 sent',
    ])
  })

  it('a message that failed stays in front of what came after it, behind a page of the past, and where a hole is before or behind it', async () => {
    const { script, room } = await live()
    room.send('')
    await script.connection.says(chatFrame(1), chatFrame(2))
    const page = room.history()
    const ref = script.connection.take().at(-1)?.ref
    const past = {
      type: 'history',
      room_id: 'r',
      epoch: 'e1',
      more: false,
      oldest_offset: 1,
      truncated: false,
    }
    await script.connection.says({ ...past, messages: [chatFrame(1), chatFrame(2)], ref })
    await page
    expect(shown(room)).toEqual([' failed message_empty', 'm1 sent', 'm2 sent'])
    const ahead = room.send('ahead')
    room.send(' ')
    await script.connection.says(ackFrame(ahead.clientId, 5))
    expect(shown(room).slice(-3)).toEqual(['m2 sent', 'ahead sent', '  failed message_empty'])
    await script.connection.says(chatFrame(3), chatFrame(4))
    expect(shown(room).slice(-4)).toEqual(['m3 sent', 'm4 sent', 'ahead sent', '  failed message_empty'])
  })

  it('a message that failed is behind the history that was there before it', async () => {
    const script = new ScriptedServer()
    const room = script.client.room('r')
    await script.connection.welcomes()
    void room.join()
    await script.connection.says(joinedFrame(script.connection.take().at(-1), { offset: 2, id: 'id-2' }))
    room.send('')
    const page = room.history()
    const ref = script.connection.take().at(-1)?.ref
    const past = {
      type: 'history',
      room_id: 'r',
      epoch: 'e1',
      more: false,
      oldest_offset: 1,
      truncated: false,
    }
    await script.connection.says({ ...past, messages: [chatFrame(1), chatFrame(2)], ref })
    await page
    await script.connection.says(chatFrame(3))
    expect(shown(room)).toEqual(['m1 sent', 'm2 sent', ' failed message_empty', 'm3 sent'])
  })

  it('a message that failed is shown as sent where the log has it after all, and only once', async () => {
    const { script, room } = await live()
    const doubtful = room.send('doubtful')
    await script.connection.closes(1006)
    void room.leave()
    expect(await refusal(doubtful)).toMatchObject({ code: 'outcome_unknown' })
    void room.join()
    await script.clock.advance(20_000)
    await script.connection.welcomes()
    const mine = chatFrame(1, { client_id: doubtful.clientId, user_id: 'me', message: 'doubtful' })
    const join = script.connection.take().at(-1)
    await script.connection.says(
      joinedFrame(join, { recovered: true, messages: [mine], offset: 1, id: 'id-1' }),
    )
    expect(shown(room)).toEqual(['doubtful sent'])
  })

  it('a message that failed goes when it is put away, and the oldest go where there are too many', async () => {
    const { room } = await live()
    room.send('')
    const [entry] = room.timeline.get()
    expect(entry?.kind === 'message' && entry.cancel()).toBe(true)
    expect(shown(room)).toEqual([])
    for (let n = 0; n < 5_010; n++) room.send('')
    expect(room.timeline.get()).toHaveLength(5_000)
  })
})

describe('an entry that the client cannot read', () => {
  const protocol = defineProtocol({ server: { moved: z.strictObject({ to: z.string() }) } })
  const unknown = (offset: number) => chatFrame(offset, { type: 'reaction', emoji: '!' })
  const wrong = (offset: number) => ({ ...chatFrame(offset, { type: 'moved' }), to: 3 })

  it.each([
    ['of an unknown type', unknown],
    ['that fails validation', wrong],
  ])(
    '[H13] an entry that the client cannot read is a place in the timeline: not shown, and no hole (%s)',
    async (_, entry) => {
      const { script, room } = await live({ protocol })
      await script.connection.says(chatFrame(1), entry(2), chatFrame(3))
      expect(shown(room), 'live').toEqual(['m1 sent', 'm3 sent'])

      await script.connection.closes(1006)
      await script.clock.advance(20_000)
      await script.connection.welcomes()
      const join = script.connection.take().at(-1)
      const messages = [entry(4), chatFrame(5), entry(6)]
      await script.connection.says(joinedFrame(join, { recovered: true, messages, offset: 6, id: 'id-6' }))
      await script.connection.says(chatFrame(7))
      expect(shown(room), 'resumed').toEqual(['m1 sent', 'm3 sent', 'm5 sent', 'm7 sent'])
    },
  )

  it.each([
    ['of an unknown type', unknown],
    ['that fails validation', wrong],
  ])('[H9] an entry that the client cannot read lets a page of the past adjoin (%s)', async (_, entry) => {
    const { script, room } = await live({ protocol })
    const join = { offset: 4, id: 'id-4' }
    void room.leave()
    void room.join({ history: 1 })
    await script.connection.says(
      joinedFrame(script.connection.take().at(-1), { ...join, messages: [entry(4)] }),
    )
    await script.clock.advance(0)
    await script.connection.says(chatFrame(5))
    const page = room.history({ before: 4 })
    const ref = script.connection.take().at(-1)?.ref
    const past = {
      type: 'history',
      room_id: 'r',
      epoch: 'e1',
      more: false,
      oldest_offset: 1,
      truncated: false,
    }
    await script.connection.says({ ...past, messages: [chatFrame(1), entry(2), entry(3)], ref })
    expect((await page).messages).toMatchObject([{ offset: 1 }])
    expect(shown(room)).toEqual(['m1 sent', 'm5 sent'])
  })

  it('an entry that the client cannot read does not take the place of a message that was sent from here', async () => {
    const { script, room } = await live({ protocol })
    const [a, b] = [room.send('a'), room.send('b')]
    await script.connection.says(ackFrame(a.clientId, 1), { ...chatFrame(1), user_id: 3 })
    await script.connection.says({ ...chatFrame(2), user_id: 3 }, ackFrame(b.clientId, 2), chatFrame(3))
    expect(shown(room)).toEqual(['a sent', 'b sent', 'm3 sent'])
  })
})
