import { type BuiltIn, defineProtocol, request, volatile } from '@roomful/protocol'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { type ClientOptions, createClient, type Room, type TimelineEntry } from '../src/index.js'
import { ackFrame, chatFrame, errorFrame, joinedFrame, ScriptedServer } from './support/scripted-server.js'

/** A client that is live in room `r` at offset 0 of epoch `e1`. */
async function live(options: Partial<ClientOptions<BuiltIn>> = {}, joined: Record<string, unknown> = {}) {
  const script = new ScriptedServer(options)
  const room = script.client.room('r')
  const heard: number[] = []
  room.on('chat_message', ({ offset }) => heard.push(offset ?? -1))
  await script.connection.welcomes()
  const result = room.join()
  await script.connection.says(joinedFrame(script.connection.take().at(-1), joined))
  await script.clock.advance(0)
  return { script, room, heard, result: await result }
}

async function reconnect(script: ScriptedServer) {
  await script.connection.closes(1006)
  await script.clock.advance(20_000)
  await script.connection.welcomes()
  return script.connection.take().find(({ type }) => type === 'join')
}

/** Sends a message whose position the client learns from the ack alone. */
async function acknowledged(script: ScriptedServer, room: Room<BuiltIn>, offset: number) {
  void room.send('mine')
  const sent = script.connection.take().find(({ type }) => type === 'chat_message')
  await script.connection.says(ackFrame(sent?.client_id, offset))
}

function statesOf(entries: readonly TimelineEntry<{ readonly offset?: number | undefined }>[]) {
  return entries.map((entry) =>
    entry.kind === 'break' ? entry.reason : `${entry.message.offset} ${entry.state}`,
  )
}

describe('joining', () => {
  it('a join resolves with members, messages and recovered once the room is live', async () => {
    const { result } = await live(
      {},
      { members: [{ user_id: 'me' }, { user_id: 'bob', state: { mood: 'ok' } }] },
    )
    expect(result).toEqual({
      members: [{ user_id: 'me' }, { user_id: 'bob', state: { mood: 'ok' } }],
      messages: [],
      recovered: undefined,
    })
  })

  it('[H4] a join asks for the pages of the past one after another, and is live after the last', async () => {
    const script = new ScriptedServer()
    const room = script.client.room('r')
    const heard: unknown[] = []
    room.on('chat_message', (message) => heard.push(message))
    await script.connection.welcomes()
    const result = room.join({ history: 3 })
    const [, first] = script.connection.take()
    expect(first).toMatchObject({ type: 'join', room_id: 'r', history: 3 })
    await script.connection.says(
      joinedFrame(first, { messages: [chatFrame(7), chatFrame(8)], offset: 8, id: 'id-8', more: true }),
    )
    expect(room.status.get().state).toBe('joining')
    const [second] = script.connection.take()
    expect(second).toMatchObject({ since: { epoch: 'e1', offset: 8, id: 'id-8' } })
    await script.connection.says(
      joinedFrame(second, { messages: [chatFrame(9)], offset: 9, id: 'id-9', recovered: true }),
    )
    expect((await result).messages).toMatchObject([{ offset: 7 }, { offset: 8 }, { offset: 9 }])
    expect(heard).toEqual([])
    expect(room.timeline.get()).toMatchObject([{ key: 'id-7' }, { key: 'id-8' }, { key: 'id-9' }])
  })

  it('no live event fires before the task after the join, so that handlers may be added after it', async () => {
    const script = new ScriptedServer()
    const room = script.client.room('r')
    await script.connection.welcomes()
    const heard: unknown[] = []
    const joined = room.join().then(() => {
      heard.push('joined')
      room.on('chat_message', ({ offset }) => heard.push(offset))
    })
    await script.connection.says(joinedFrame(script.connection.take().at(-1)), chatFrame(1), chatFrame(2))
    await joined
    await script.connection.says(chatFrame(3))
    expect(heard).toEqual(['joined', 1, 2, 3])
  })

  it('[J3] a second join is idempotent: no second frame, and both resolve', async () => {
    const script = new ScriptedServer()
    const room = script.client.room('r')
    await script.connection.welcomes()
    const both = Promise.all([room.join(), room.join()])
    const joins = script.connection.take().filter(({ type }) => type === 'join')
    expect(joins).toHaveLength(1)
    await script.connection.says(joinedFrame(joins[0]))
    await both
    expect((await room.join()).messages).toEqual([])
    expect(script.client.room('r')).toBe(room)
  })

  it('[J7] a join rejects with the refusal of the application, and does not try again', async () => {
    const script = new ScriptedServer()
    const room = script.client.room('r')
    await script.connection.welcomes()
    const joined = room.join()
    const join = script.connection.take().at(-1)
    await script.connection.says(
      errorFrame('game_full', { ref: join?.ref, message: 'The game is full', room_id: 'r' }),
    )
    await expect(joined).rejects.toMatchObject({
      code: 'game_full',
      message: 'The game is full',
      roomId: 'r',
    })
    expect(room.status.get()).toMatchObject({ state: 'denied', reason: 'The game is full' })
    expect(await reconnect(script)).toBeUndefined()
  })

  it('[E16] a join tries again after a temporary refusal, when the server says', async () => {
    const script = new ScriptedServer()
    const room = script.client.room('r')
    await script.connection.welcomes()
    const joined = room.join()
    const join = script.connection.take().at(-1)
    await script.connection.says(errorFrame('rate_limited', { ref: join?.ref, retry_after_ms: 700 }))
    await script.clock.advance(699)
    expect(script.connection.take()).toEqual([])
    await script.clock.advance(1)
    await script.connection.says(joinedFrame(script.connection.take().at(-1)))
    await joined
  })

  it('[C2] a client paces the joins of many rooms by the limit in the hello', async () => {
    const script = new ScriptedServer()
    const ids = Array.from({ length: 12 }, (_, index) => `room-${index}`)
    for (const id of ids) void script.client.room(id).join()
    await script.connection.welcomes('me', { limits: { joins_per_second: 5 } })
    const joins = () => script.connection.take().filter(({ type }) => type === 'join').length
    expect(joins()).toBe(5)
    await script.clock.advance(1_000)
    expect(joins()).toBe(3)
    await script.clock.advance(1_000)
    expect(joins()).toBe(4)
  })

  it('[C2] a client rejoins as many rooms at once as the server takes in a burst', async () => {
    const script = new ScriptedServer()
    for (let index = 0; index < 102; index++) void script.client.room(`room-${index}`).join()
    await script.connection.welcomes('me', { limits: { joins_per_second: 5, joins_burst: 100 } })
    const joins = () => script.connection.take().filter(({ type }) => type === 'join').length
    expect(joins()).toBe(100)
    await script.clock.advance(1_400)
    expect(joins()).toBe(2)
  })

  it('a join that nobody awaits never becomes an unhandled rejection', async () => {
    const script = new ScriptedServer()
    void script.client.room('r').join()
    script.client.close()
    expect(script.client.room('r').status.get()).toMatchObject({ state: 'left' })
  })

  it('[J2] a join refuses a room id that the server would refuse', () => {
    const script = new ScriptedServer()
    for (const id of ['a b', undefined, 5] as string[])
      expect(() => script.client.room(id)).toThrow(expect.objectContaining({ code: 'invalid_room' }))
    expect(script.client.me.id).toBe('@me')
  })
})

describe('the cursor', () => {
  it('[H13] the cursor drops what is not above it, and rejoins with since when an offset is skipped', async () => {
    const { script, room, heard } = await live()
    await script.connection.says(chatFrame(1), chatFrame(1), chatFrame(2))
    expect(heard).toEqual([1, 2])
    script.connection.take()
    await script.connection.says(chatFrame(5))
    expect(room.status.get().state).toBe('resyncing')
    const [join] = script.connection.take()
    expect(join).toMatchObject({ type: 'join', since: { epoch: 'e1', offset: 2, id: 'id-2' } })
    await script.connection.says(chatFrame(6))
    const messages = [3, 4, 5, 6].map((offset) => chatFrame(offset))
    await script.connection.says(
      joinedFrame(join, { messages, offset: 6, id: 'id-6', recovered: true }),
      chatFrame(7),
    )
    expect(heard).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(room.status.get()).toMatchObject({ state: 'live', recovered: true })
  })

  it('[H13] the cursor moves with a frame of an unknown type, one that cannot be read, and one whose handler throws', async () => {
    const { script, room, heard } = await live()
    const errors: unknown[] = []
    script.client.on('error', (error) => errors.push(error))
    room.on('chat_message', () => {
      throw new Error('handler')
    })
    const place = (offset: number) => ({ room_id: 'r', epoch: 'e1', offset, id: `id-${offset}` })
    await script.connection.says(
      chatFrame(1),
      { type: 'from_the_future', ...place(2) },
      { type: 'chat_message', message: 7, ...place(3) },
      chatFrame(4),
    )
    expect(heard).toEqual([1, 4])
    expect(errors).toMatchObject([{ code: 'invalid_message' }])
    expect(room.status.get().state).toBe('live')
  })

  it('[H13] the cursor does not move with an ack', async () => {
    const { script, room, heard } = await live()
    const sent = room.send('hello')
    await script.connection.says({
      type: 'ack',
      client_id: sent.clientId,
      room_id: 'r',
      id: 'id-1',
      epoch: 'e1',
      offset: 1,
      timestamp: '',
      duplicate: false,
      durability: 'memory',
    })
    await script.connection.says(chatFrame(1, { client_id: sent.clientId, user_id: 'me' }))
    expect(heard).toEqual([1])
  })

  it('[H6] the cursor resumes after a reconnect from where it was, and delivers what was missed as events', async () => {
    const { script, room, heard } = await live()
    await script.connection.says(chatFrame(1))
    const join = await reconnect(script)
    expect(join).toMatchObject({ since: { epoch: 'e1', offset: 1, id: 'id-1' } })
    await script.connection.says(
      joinedFrame(join, { messages: [chatFrame(2), chatFrame(3)], offset: 3, id: 'id-3', recovered: true }),
    )
    expect(heard).toEqual([1, 2, 3])
    expect(room.status.get()).toMatchObject({ state: 'live', recovered: true })
  })

  it('[H7] [M11] the cursor tells that continuity was broken: an event, a break in the timeline, recovered false', async () => {
    const { script, room, heard } = await live()
    const breaks: unknown[] = []
    room.on('resync', ({ reason }) => breaks.push(reason))
    await script.connection.says(chatFrame(1))
    const join = await reconnect(script)
    const at = { epoch: 'e2', offset: 4, id: 'x-4', recovered: false, reason: 'epoch_changed' }
    await script.connection.says(joinedFrame(join, at))
    await script.connection.says(chatFrame(5, { epoch: 'e2', id: 'x-5' }))
    expect(breaks).toEqual(['epoch_changed'])
    expect(heard).toEqual([1, 5])
    expect(room.status.get()).toMatchObject({ state: 'live', recovered: false })
    expect(room.timeline.get()).toMatchObject([
      { kind: 'message', key: 'id-1', state: 'sent' },
      { kind: 'break', reason: 'epoch_changed' },
      { kind: 'message', key: 'x-5' },
    ])
  })

  it('[H12] a resync in the middle gives a new cursor, and what a fork took away is lost, not gone', async () => {
    const { script, room, heard } = await live()
    await script.connection.says(chatFrame(1), chatFrame(2))
    await script.connection.says({
      type: 'resync',
      room_id: 'r',
      reason: 'forked',
      epoch: 'e1',
      offset: 1,
      id: 'id-1',
    })
    await script.connection.says(chatFrame(2, { id: 'other-2', message: 'another' }))
    expect(heard).toEqual([1, 2, 2])
    expect(room.timeline.get()).toMatchObject([
      { key: 'id-1', state: 'sent' },
      { key: 'id-2', state: 'lost' },
      { kind: 'break', reason: 'forked' },
      { key: 'other-2', state: 'sent' },
    ])
  })

  describe('[H12] [D10] a fork, and own messages acknowledged beyond its point', () => {
    async function forked() {
      const { script, room } = await live()
      await script.connection.says(chatFrame(1))
      for (const offset of [2, 3, 4]) await acknowledged(script, room, offset)
      const at = { epoch: 'e1', offset: 1, id: 'id-1' }
      await script.connection.says({ type: 'resync', room_id: 'r', reason: 'forked', ...at })
      const request = script.connection.take().find(({ type }) => type === 'history')
      return { script, room, request }
    }

    it('are still sent, because their acks may be newer than the fork, and are read', async () => {
      const { room, request } = await forked()
      expect(statesOf(room.timeline.get())).toEqual(['1 sent', 'forked', '2 sent', '3 sent', '4 sent'])
      expect(request).toMatchObject({ before: 5 })
    })

    it('are lost once the page is there that accounts for their places without them', async () => {
      const { script, room, request } = await forked()
      const own = chatFrame(2, { user_id: 'me' })
      const page = { type: 'history', room_id: 'r', epoch: 'e1', oldest_offset: 1, truncated: false }
      const messages = [chatFrame(1), own]
      const answer = { ...page, messages, covers: { from: 1, to: 2 }, more: false, ref: request?.ref }
      await script.connection.says(answer)
      expect(statesOf(room.timeline.get())).toEqual(['1 sent', 'forked', '2 sent', '3 lost', '4 lost'])
    })

    it('are sent where a page that begins later does not account for their places', async () => {
      const { script, room, request } = await forked()
      const page = { type: 'history', room_id: 'r', epoch: 'e1', oldest_offset: 1, truncated: false }
      const messages = [chatFrame(3, { id: 'other-3' })]
      const answer = { ...page, messages, covers: { from: 3, to: 3 }, more: true, ref: request?.ref }
      await script.connection.says(answer)
      const states = statesOf(room.timeline.get())
      expect(states.filter((state) => state.startsWith('2'))).toEqual(['2 sent'])
      expect(states.filter((state) => state.endsWith('lost'))).toEqual(['3 lost', '4 lost'])
    })

    it('are still in doubt after a second fork that is beyond them, and what was read before it decides nothing', async () => {
      const { script, room, request } = await forked()
      const at = { epoch: 'e1', offset: 3, id: 'other-3' }
      await script.connection.says({ type: 'resync', room_id: 'r', reason: 'forked', ...at })
      const page = { type: 'history', room_id: 'r', epoch: 'e1', oldest_offset: 1, truncated: false }
      const answer = { ...page, messages: [chatFrame(1)], covers: { from: 1, to: 3 }, more: false }
      await script.connection.says({ ...answer, ref: request?.ref })
      const lost = () => statesOf(room.timeline.get()).filter((state) => state.endsWith('lost'))
      expect(lost()).toEqual([])
      const again = script.connection.take().find(({ type }) => type === 'history')
      await script.connection.says({ ...answer, ref: again?.ref })
      expect(lost()).toEqual(['2 lost', '3 lost', '4 lost'])
    })
  })

  it('[H15] shows as lost what a late ack has placed where a page that is read has nothing of it', async () => {
    const { script, room } = await live()
    void room.send('mine')
    const sent = script.connection.take().find(({ type }) => type === 'chat_message')
    const edit = { type: 'message_edited', message: 'x', target: { offset: 1, id: 'id-1' } }
    await script.connection.says(chatFrame(1), chatFrame(2, edit), chatFrame(3))
    await script.connection.says(ackFrame(sent?.client_id, 2, { id: 'lost-2' }))
    const request = script.connection.take().find(({ type }) => type === 'history')
    expect(request).toMatchObject({ before: 3, limit: 1 })
    expect(statesOf(room.timeline.get())).toEqual(['1 sent', '2 sent', '3 sent'])
    const page = { type: 'history', room_id: 'r', epoch: 'e1', oldest_offset: 1, truncated: false }
    const edited = chatFrame(1, { message: 'x', version: 2, edited_at: '2026-01-01T00:00:00.000Z' })
    const answer = { ...page, messages: [edited], covers: { from: 1, to: 2 }, more: false }
    await script.connection.says({ ...answer, ref: request?.ref })
    expect(statesOf(room.timeline.get())).toEqual(['1 sent', '2 lost', '3 sent'])
  })

  it('[H15] leaves as sent what a late ack has placed among what the log keeps no longer', async () => {
    const { script, room } = await live()
    void room.send('mine')
    const sent = script.connection.take().find(({ type }) => type === 'chat_message')
    await script.connection.says(chatFrame(1), chatFrame(2))
    await script.connection.says(ackFrame(sent?.client_id, 2, { id: 'old-2' }))
    const request = script.connection.take().find(({ type }) => type === 'history')
    const page = { type: 'history', room_id: 'r', epoch: 'e1', oldest_offset: 3, truncated: true }
    await script.connection.says({ ...page, messages: [], more: false, ref: request?.ref })
    expect(statesOf(room.timeline.get()).at(-1)).toBe('2 sent')
  })

  it('[H12] a resync while a join is under way: its answer is about the old cursor, so the client asks from the new one', async () => {
    const { script, room, heard } = await live()
    const breaks: unknown[] = []
    room.on('resync', ({ reason }) => breaks.push(reason))
    await script.connection.says(chatFrame(1), chatFrame(3))
    const [first] = script.connection.take()
    const at = { epoch: 'e1', offset: 6, id: 'id-6' }
    await script.connection.says({ type: 'resync', room_id: 'r', reason: 'forked', ...at })
    const late = { messages: [chatFrame(9)], offset: 9, id: 'id-9', recovered: false, reason: 'forked' }
    await script.connection.says(joinedFrame(first, late))
    const [second] = script.connection.take()
    expect(second).toMatchObject({ type: 'join', since: at })
    const messages = [chatFrame(7), chatFrame(8), chatFrame(9)]
    await script.connection.says(joinedFrame(second, { messages, offset: 9, id: 'id-9', recovered: true }))
    expect({ breaks, heard }).toEqual({ breaks: ['forked'], heard: [1, 7, 8, 9] })
    expect(room.status.get()).toMatchObject({ state: 'live', recovered: true })
  })

  it('[H15] the cursor shows as lost what was acknowledged before a join and lies beyond the log’s end', async () => {
    const { script, room } = await live()
    await script.connection.says(chatFrame(1))
    await acknowledged(script, room, 3)
    await acknowledged(script, room, 4)
    const join = await reconnect(script)
    await script.connection.says(joinedFrame(join, { offset: 1, id: 'id-1' }))
    expect(room.status.get()).toMatchObject({ state: 'live', recovered: true })
    expect(statesOf(room.timeline.get())).toEqual(['1 sent', '3 lost', '4 lost'])
    await script.connection.says(chatFrame(2), chatFrame(3, { id: 'other-3' }), chatFrame(4))
    expect(statesOf(room.timeline.get()), 'a frame proves that one of them is there').toEqual([
      '1 sent',
      '2 sent',
      '3 lost',
      '3 sent',
      '4 sent',
    ])
  })

  it('[H15] the cursor shows as lost only what the last of several pages does not reach', async () => {
    const { script, room } = await live()
    await acknowledged(script, room, 3)
    await acknowledged(script, room, 4)
    const first = await reconnect(script)
    const page = { messages: [chatFrame(1)], offset: 1, id: 'id-1', more: true }
    await script.connection.says(joinedFrame(first, page))
    expect(statesOf(room.timeline.get())).toEqual(['1 sent', '3 sent', '4 sent'])
    const second = script.connection.take().find(({ type }) => type === 'join')
    const own = chatFrame(3, { user_id: 'me' })
    await script.connection.says(
      joinedFrame(second, { messages: [chatFrame(2), own], offset: 3, id: 'id-3' }),
    )
    expect(statesOf(room.timeline.get())).toEqual(['1 sent', '2 sent', '3 sent', '4 lost'])
  })

  it('[H15] the cursor leaves as sent what is acknowledged while a join is under way', async () => {
    const { script, room } = await live()
    void room.send('mine')
    const [sent] = script.connection.take()
    await script.connection.says(chatFrame(2))
    const [join] = script.connection.take()
    await script.connection.says(
      ackFrame(sent?.client_id, 3),
      joinedFrame(join, { messages: [chatFrame(1), chatFrame(2)], offset: 2, id: 'id-2' }),
    )
    expect(statesOf(room.timeline.get())).toEqual(['1 sent', '2 sent', '3 sent'])
  })

  it('the cursor drops the answer to a join of a connection that is gone', async () => {
    const script = new ScriptedServer()
    const room = script.client.room('r')
    await script.connection.welcomes()
    void room.join()
    const stale = script.connection.take().at(-1)
    const join = await reconnect(script)
    await script.connection.says(joinedFrame(stale, { offset: 9, id: 'id-9' }))
    expect(room.status.get().state).toBe('joining')
    await script.connection.says(joinedFrame(join))
    expect(room.status.get().state).toBe('live')
  })
})

describe('leaving', () => {
  it('[J9] a client leaves, and is not joined again by a reconnect', async () => {
    const { script, room } = await live()
    const left = room.leave()
    const leave = script.connection.take().at(-1)
    expect(leave).toMatchObject({ type: 'leave', room_id: 'r' })
    await script.connection.says({ type: 'left', room_id: 'r', ref: leave?.ref }, chatFrame(1))
    await left
    expect(room.status.get()).toMatchObject({ state: 'left' })
    expect(room.timeline.get()).toEqual([])
    expect(await reconnect(script)).toBeUndefined()
  })

  it('[H6] joining again continues where it was left: what was missed is the result, not events', async () => {
    const { script, room, heard } = await live()
    await script.connection.says(chatFrame(1))
    void room.leave()
    script.connection.take()
    const joined = room.join()
    const [join] = script.connection.take()
    expect(join).toMatchObject({ since: { offset: 1 } })
    await script.connection.says(
      joinedFrame(join, { messages: [chatFrame(2)], offset: 2, id: 'id-2', recovered: true }),
    )
    expect(await joined).toMatchObject({ recovered: true, messages: [{ offset: 2 }] })
    expect(heard).toEqual([1])
  })

  it('[J12] a client is told when it is put out of the room, and does not come back by itself', async () => {
    const { script, room } = await live()
    await script.connection.says({ type: 'left', room_id: 'r', reason: 'kicked' })
    expect(room.status.get()).toMatchObject({ state: 'denied', reason: 'Removed from the room' })
    expect(await reconnect(script)).toBeUndefined()
  })
})

describe('members and presence', () => {
  it('[J15] a client takes the list from the answer to a join that it gave up, for the next answer leaves it out', async () => {
    const { script, room } = await live()
    await script.connection.says(chatFrame(2))
    const first = script.connection.take().find(({ type }) => type === 'join')
    await script.connection.says({ type: 'left', room_id: 'r', reason: 'kicked' })
    void room.join()
    const second = script.connection.take().find(({ type }) => type === 'join')
    const members = [{ user_id: 'me' }, { user_id: 'bob' }]
    const at = { messages: [chatFrame(1), chatFrame(2)], offset: 2, id: 'id-2', recovered: true, count: 2 }
    await script.connection.says(
      joinedFrame(first, { ...at, members, presence_version: 7 }),
      joinedFrame(second, { ...at, members: undefined, presence_version: 7 }),
    )
    expect(room.status.get().state).toBe('live')
    expect(room.members.get()).toEqual(members)
    const update = { event: 'update', members: [{ user_id: 'bob', state: { mood: 'ok' } }] }
    await script.connection.says({ type: 'presence', room_id: 'r', version: 8, ...update })
    expect(room.members.get()).toEqual([{ user_id: 'me' }, { user_id: 'bob', state: { mood: 'ok' } }])
  })

  it('[P3] [P4] a client follows entering, updates and leaving', async () => {
    const { script, room } = await live()
    const frame = { type: 'presence', room_id: 'r' }
    await script.connection.says(
      { type: 'user_joined', message: '', count: 2, room_id: 'r', user_id: 'bob' },
      { ...frame, version: 2, event: 'enter', members: [{ user_id: 'bob' }] },
      { ...frame, version: 3, event: 'update', members: [{ user_id: 'bob', state: { mood: 'ok' } }] },
    )
    expect(room.occupancy.get()).toBe(2)
    expect(room.members.get()).toEqual([{ user_id: 'me' }, { user_id: 'bob', state: { mood: 'ok' } }])
    await script.connection.says({ ...frame, version: 4, event: 'leave', members: [{ user_id: 'bob' }] })
    expect(room.members.get()).toEqual([{ user_id: 'me' }])
  })

  it('[P5] a client asks for the whole when it misses a version', async () => {
    const { script, room } = await live()
    script.connection.take()
    await script.connection.says({
      type: 'presence',
      room_id: 'r',
      version: 5,
      event: 'enter',
      members: [{ user_id: 'x' }],
    })
    const [join] = script.connection.take()
    expect(join).toMatchObject({ type: 'join', since: { offset: 0 } })
    const members = [{ user_id: 'me' }, { user_id: 'x' }]
    await script.connection.says(joinedFrame(join, { members, presence_version: 5, recovered: true }))
    expect(room.members.get()).toEqual(members)
  })

  it('[P2] a client tells the own state again after each reconnect', async () => {
    const { script, room } = await live()
    script.connection.take()
    room.presence.set({ mood: 'busy' })
    expect(script.connection.take()).toMatchObject([
      { type: 'presence', room_id: 'r', state: { mood: 'busy' } },
    ])
    const join = await reconnect(script)
    await script.connection.says(joinedFrame(join, { recovered: true }))
    expect(script.connection.take()).toMatchObject([
      { type: 'presence', room_id: 'r', state: { mood: 'busy' } },
    ])
  })
})

describe('typing', () => {
  it('[T7] typing tells at most once in 2 s, and that it ended 3 s after the last keystroke', async () => {
    const { script, room } = await live()
    script.connection.take()
    for (let i = 0; i < 30; i++) {
      room.typing.keystroke()
      await script.clock.advance(100)
    }
    expect(script.connection.take().map(({ type }) => type)).toEqual(['typing_start', 'typing_start'])
    await script.clock.advance(3_000)
    expect(script.connection.take().map(({ type }) => type)).toEqual(['typing_stop'])
  })

  it('[T3] a message that is sent ends it without a frame of its own', async () => {
    const { script, room } = await live()
    room.typing.keystroke()
    room.send('hello')
    await script.clock.advance(5_000)
    expect(script.connection.frames.some(({ type }) => type === 'typing_stop')).toBe(false)
  })

  it('[T6] typing is never queued while there is no connection', async () => {
    const { script, room } = await live()
    await script.connection.closes(1006)
    room.typing.keystroke()
    await script.clock.advance(20_000)
    await script.connection.welcomes()
    expect(script.connection.take().map(({ type }) => type)).toEqual(['auth', 'join'])
  })

  it('[T7] typing knows who types without itself, and forgets those of whom it heard nothing for 7 s', async () => {
    const { script, room } = await live()
    const typing = (user_id: string) => ({ type: 'user_typing', user_id, timestamp: '', room_id: 'r' })
    await script.connection.says(typing('bob'), typing('eve'), typing('me'))
    expect(room.typing.get()).toEqual(['bob', 'eve'])
    await script.clock.advance(5_000)
    await script.connection.says(typing('eve'))
    await script.clock.advance(2_000)
    expect(room.typing.get()).toEqual(['eve'])
    await script.connection.says(chatFrame(1, { user_id: 'eve' }))
    expect(room.typing.get()).toEqual([])
  })
})

describe('application messages', () => {
  const protocol = defineProtocol({
    client: {
      move: request(z.object({ to: z.string() }), z.object({ legal: z.boolean() })),
      cursor: z.object({ x: z.number() }),
    },
    server: { moved: z.object({ to: z.string() }), flash: volatile(z.object({ text: z.string() })) },
    chat: z.object({ size: z.pipe(z.string(), z.transform(Number)) }),
  })

  async function play() {
    const script = new ScriptedServer({ protocol } as unknown as ClientOptions<BuiltIn>)
    // The script's client is untyped; the handle is that of createClient<typeof protocol>.
    const client = script.client as unknown as ReturnType<typeof createClient<typeof protocol>>
    await script.connection.welcomes()
    const room = client.room('r')
    void room.join()
    await script.connection.says(joinedFrame(script.connection.take().at(-1)))
    await script.clock.advance(0)
    return { script, client, room }
  }

  it('[A4] a request resolves with the reply that its schema returns', async () => {
    const { script, room } = await play()
    const reply = room.request('move', { to: 'e4' })
    const [frame] = script.connection.take()
    expect(frame).toMatchObject({ type: 'move', to: 'e4', room_id: 'r' })
    await script.connection.says({ type: 'reply', ref: frame?.ref, data: { legal: true } })
    expect(await reply).toEqual({ legal: true })
  })

  it('[A5] a request is never repeated: unknown when the connection breaks, a time-out after 10 s', async () => {
    const { script, room } = await play()
    const broken = expect(room.request('move', { to: 'e4' })).rejects.toMatchObject({
      code: 'outcome_unknown',
    })
    await script.connection.closes(1006)
    await broken
    await expect(room.request('move', { to: 'e4' })).rejects.toMatchObject({ code: 'not_connected' })
    const again = await play()
    const late = again.room.request('move', { to: 'e4' }, { timeoutMs: 1_000 })
    const expected = expect(late).rejects.toMatchObject({ code: 'timeout', temporary: true })
    await again.script.clock.advance(1_000)
    await expected
  })

  it('a request that is aborted rejects as cancelled', async () => {
    const { room } = await play()
    const abort = new AbortController()
    const reply = room.request('move', { to: 'e4' }, { signal: abort.signal })
    abort.abort('bored')
    await expect(reply).rejects.toMatchObject({ code: 'cancelled', cause: 'bored' })
    await expect(room.request('move', { to: 'e4' }, { signal: abort.signal })).rejects.toMatchObject({
      code: 'cancelled',
    })
  })

  it('[A9] what is sent is checked by the schema before it leaves', async () => {
    const { script, room } = await play()
    script.connection.take()
    expect(room.emit('cursor', { x: 1 })).toBe(true)
    expect(script.connection.take()).toEqual([{ type: 'cursor', x: 1, room_id: 'r' }])
    expect(() => room.emit('cursor', { x: 'no' as never })).toThrow(
      expect.objectContaining({ code: 'invalid_message', issues: [expect.objectContaining({ path: 'x' })] }),
    )
    await expect(room.request('move', {} as never)).rejects.toMatchObject({ code: 'invalid_message' })
    await script.connection.closes(1006)
    expect(room.emit('cursor', { x: 1 })).toBe(false)
  })

  it('[A7] [A8] published messages come to the room in order, volatile ones without a room to the client', async () => {
    const { script, client, room } = await play()
    const heard: unknown[] = []
    room.on('moved', ({ to, offset }) => heard.push([to, offset]))
    room.on('flash', ({ text }) => heard.push(text))
    client.on('flash', ({ text }) => heard.push(`client ${text}`))
    const place = { room_id: 'r', epoch: 'e1', offset: 1, id: 'id-1' }
    await script.connection.says(
      { type: 'moved', to: 'e4', ...place },
      { type: 'flash', text: 'here', room_id: 'r' },
      { type: 'flash', text: 'all' },
    )
    expect(heard).toEqual([['e4', 1], 'here', 'client all'])
    expect(room.timeline.get()).toMatchObject([{ message: { type: 'moved', to: 'e4' } }])
  })

  it('[M4] chat data arrives as the schema returns it, live and from the past', async () => {
    const { script, room } = await play()
    const sizes: unknown[] = []
    room.on('chat_message', ({ data }) => sizes.push(data?.size))
    await script.connection.says(chatFrame(1, { data: { size: '7' } }))
    expect(sizes).toEqual([7])
    const page = room.history()
    const [frame] = script.connection.take()
    const messages = [chatFrame(1, { data: { size: '7' } })]
    const answer = { type: 'history', room_id: 'r', ref: frame?.ref, epoch: 'e1', oldest_offset: 1 }
    await script.connection.says({ ...answer, messages, more: false, truncated: false })
    expect((await page).messages).toMatchObject([{ data: { size: 7 } }])
    await expect(room.send('hi', { data: { size: 7 as never } })).rejects.toMatchObject({
      code: 'invalid_message',
    })
  })
})

describe('history', () => {
  it('[H9] [H10] history pages back, and the timeline shows what adjoins', async () => {
    const { script, room } = await live({}, { offset: 10, id: 'id-10' })
    await script.connection.says(chatFrame(11))
    script.connection.take()
    const page = room.history({ limit: 2, before: 11 })
    const [first] = script.connection.take()
    expect(first).toMatchObject({ type: 'history', limit: 2, before: 11, epoch: 'e1' })
    const answer = { type: 'history', room_id: 'r', epoch: 'e1', truncated: false, oldest_offset: 1 }
    const messages = [chatFrame(9), chatFrame(10)]
    await script.connection.says({ ...answer, ref: first?.ref, messages, more: true })
    const { more, next } = await page
    expect(more).toBe(true)
    const older = next()
    const [second] = script.connection.take()
    expect(second).toMatchObject({ before: 9, limit: 2 })
    await script.connection.says({ ...answer, ref: second?.ref, messages: [chatFrame(8)], more: false })
    expect((await older).messages).toHaveLength(1)
    expect(room.timeline.get().map(({ key }) => key)).toEqual(['id-8', 'id-9', 'id-10', 'id-11'])
  })

  it('a page that would leave a hole is returned but not shown', async () => {
    const { script, room } = await live({}, { offset: 10, id: 'id-10' })
    await script.connection.says(chatFrame(11))
    script.connection.take()
    const page = room.history({ after: 0, limit: 1 })
    const [frame] = script.connection.take()
    const answer = {
      type: 'history',
      room_id: 'r',
      epoch: 'e1',
      truncated: false,
      oldest_offset: 1,
      more: true,
    }
    await script.connection.says({ ...answer, ref: frame?.ref, messages: [chatFrame(1)] })
    expect((await page).messages).toHaveLength(1)
    expect(room.timeline.get().map(({ key }) => key)).toEqual(['id-11'])
  })
})

describe('options', () => {
  it.each([
    [{ url: 'nonsense' }, 'not a URL'],
    [{ url: 'ftp://x' }, 'ws:, wss:, http: or https:'],
    [{ url: 'ws://x', token: 7 }, 'token must be'],
    [{ url: 'ws://x', timeouts: { dialMs: -1 } }, 'timeouts.dialMs must be a number above 0'],
    [{ url: 'ws://x', timeouts: { dialms: 1 } }, "no option 'timeouts.dialms'; did you mean 'dialMs'"],
    [{ url: 'ws://x', session: 'disk' }, "'tab' or 'memory'"],
    [{ url: 'ws://x', storage: {} }, 'localOutbox()'],
    [{ url: 'ws://x', WebSocket: {} }, 'WebSocket must be a class'],
  ])('createClient: %j is refused at once, with a sentence that says how to mend it', (options, sentence) => {
    expect(() => createClient(options as never)).toThrow(sentence)
  })

  it('createClient says what to do where there is no WebSocket', () => {
    const { WebSocket } = globalThis
    try {
      Object.assign(globalThis, { WebSocket: undefined })
      expect(() => createClient({ url: 'ws://x' }).connect()).toThrow('npm install ws')
    } finally {
      Object.assign(globalThis, { WebSocket })
    }
  })
})
