import type { BuiltIn } from '@roomful/protocol'
import { describe, expect, it } from 'vitest'
import { type ClientOptions, type OutboxStorage, type StoredMessage, storedOutbox } from '../src/index.js'
import { ackFrame, chatFrame, errorFrame, joinedFrame, ScriptedServer } from './support/scripted-server.js'

async function live(options: Partial<ClientOptions<BuiltIn>> = {}, hello: Record<string, unknown> = {}) {
  const script = new ScriptedServer(options)
  const room = script.client.room('r')
  await script.connection.welcomes('me', hello)
  void room.join()
  await script.connection.says(joinedFrame(script.connection.take().at(-1)))
  await script.clock.advance(0)
  return { script, room }
}

async function reconnect(
  script: ScriptedServer,
  hello: Record<string, unknown> = {},
  joined: Record<string, unknown> = { recovered: true },
) {
  await script.connection.closes(1006)
  await script.clock.advance(20_000)
  await script.connection.welcomes('me', hello)
  const join = script.connection.take().find(({ type }) => type === 'join')
  await script.connection.says(joinedFrame(join, joined))
  await script.clock.advance(0)
}

/** A storage in memory, shared by several clients as localStorage is by several pages. */
function memoryStorage(kept = new Map<string, StoredMessage>()): OutboxStorage & { kept: typeof kept } {
  return {
    kept,
    open(_name, opened) {
      opened([...kept.values()].sort((a, b) => a.sequence - b.sequence))
      return () => {}
    },
    put: (_name, message) => void kept.set(message.clientId, message),
    remove: (_name, clientId) => void kept.delete(clientId),
  }
}

describe('sending', () => {
  it('[M5] a message that is sent is pending at once, sent with the ack, and shown once although the broadcast comes too', async () => {
    const { script, room } = await live()
    const sent = room.send('hello')
    expect(room.timeline.get()).toMatchObject([
      { state: 'pending', key: sent.clientId, message: { message: 'hello' } },
    ])
    expect(script.connection.take()).toEqual([
      { type: 'chat_message', room_id: 'r', message: 'hello', client_id: sent.clientId },
    ])
    await script.connection.says(ackFrame(sent.clientId, 1))
    expect(await sent).toEqual({ id: 'id-1', epoch: 'e1', offset: 1, durability: 'memory' })
    expect(room.timeline.get()).toMatchObject([{ state: 'sent', key: sent.clientId }])
    await script.connection.says(chatFrame(1, { client_id: sent.clientId, user_id: 'me' }))
    expect(room.timeline.get()).toMatchObject([{ state: 'sent', key: sent.clientId, message: { offset: 1 } }])
  })

  it('a client sorts an acknowledged message by its offset, also when earlier ones of others arrive later', async () => {
    const { script, room } = await live()
    const sent = room.send('mine')
    await script.connection.says(ackFrame(sent.clientId, 2), chatFrame(1))
    await script.connection.says(chatFrame(2, { client_id: sent.clientId, user_id: 'me' }))
    expect(room.timeline.get().map(({ key }) => key)).toEqual(['id-1', sent.clientId])
  })

  it('[M12] what was sent offline waits, in order, and goes after the join', async () => {
    const { script, room } = await live()
    await script.connection.closes(1006)
    const sends = ['one', 'two', 'three'].map((text) => room.send(text))
    expect(room.timeline.get()).toMatchObject([
      { state: 'pending' },
      { state: 'pending' },
      { state: 'pending' },
    ])
    await script.clock.advance(20_000)
    await script.connection.welcomes()
    const frames = script.connection.take()
    expect(frames.map(({ type }) => type)).toEqual(['auth', 'join'])
    await script.connection.says(joinedFrame(frames.at(-1), { recovered: true }))
    const [a, b, c] = sends.map(({ clientId }) => clientId)
    expect(script.connection.take()).toMatchObject([
      { message: 'one', client_id: a },
      { message: 'two', client_id: b, after: a },
      { message: 'three', client_id: c, after: b },
    ])
  })

  it('[M7] a client sends again after a lost ack, and the duplicate settles it', async () => {
    const { script, room } = await live()
    const sent = room.send('hello')
    expect(sent.cancel()).toBe(false)
    await reconnect(script)
    expect(script.connection.take()).toMatchObject([{ client_id: sent.clientId }])
    await script.connection.says(ackFrame(sent.clientId, 1, { duplicate: true }))
    expect(await sent).toMatchObject({ offset: 1 })
  })

  it('the own message in what was recovered settles a send, unless acks promise more than the log', async () => {
    const { script, room } = await live()
    const first = room.send('first')
    await script.connection.says(
      ackFrame(first.clientId, 1),
      chatFrame(1, { client_id: first.clientId, user_id: 'me' }),
    )
    const second = room.send('second')
    await script.connection.says(chatFrame(2, { client_id: second.clientId, user_id: 'me' }))
    expect(await second).toMatchObject({ offset: 2, durability: 'memory' })
    const third = room.send('third')
    await script.connection.says(ackFrame(second.clientId, 2, { durability: 'replicated' }))
    await script.connection.says(chatFrame(3, { client_id: third.clientId, user_id: 'me' }))
    expect(third.state).toBe('pending')
    await script.connection.says(ackFrame(third.clientId, 3, { durability: 'replicated' }))
    expect(await third).toMatchObject({ durability: 'replicated' })
  })

  async function seenButNotAcknowledged() {
    const { script, room } = await live()
    const first = room.send('first')
    await script.connection.says(
      ackFrame(first.clientId, 1, { durability: 'replicated' }),
      chatFrame(1, { client_id: first.clientId, user_id: 'me' }),
    )
    const second = room.send('second')
    return { script, room, second, frame: chatFrame(2, { client_id: second.clientId, user_id: 'me' }) }
  }

  it('[M11] the own message alone does not say that replicas have it', async () => {
    const { script, room, second, frame } = await seenButNotAcknowledged()
    await script.connection.says(frame)
    await script.connection.closes(1006)
    void room.leave()
    expect(await second).toMatchObject({ offset: 2, durability: 'primary' })
  })

  it('[M11] the own message says nothing after a leave, because its loss would go unnoticed', async () => {
    const { script, room, second, frame } = await seenButNotAcknowledged()
    void room.leave()
    await script.connection.says(frame)
    await script.connection.closes(1006)
    await expect(second).rejects.toMatchObject({ code: 'outcome_unknown' })
  })

  it("another user's message with the same client_id settles nothing", async () => {
    const { script, room } = await live()
    const sent = room.send('mine')
    await script.connection.says(chatFrame(1, { client_id: sent.clientId, user_id: 'mallory' }))
    expect(sent.state).toBe('pending')
  })

  it('[E16] a client waits as the server advises, then sends again in order', async () => {
    const { script, room } = await live()
    const [a, b] = [room.send('a'), room.send('b')]
    script.connection.take()
    await script.connection.says(
      errorFrame('rate_limited', { client_id: a.clientId, room_id: 'r', retry_after_ms: 400 }),
      errorFrame('out_of_order', { client_id: b.clientId, room_id: 'r' }),
    )
    await script.clock.advance(399)
    expect(script.connection.take()).toEqual([])
    await script.clock.advance(1)
    expect(script.connection.take()).toMatchObject([
      { client_id: a.clientId },
      { client_id: b.clientId, after: a.clientId },
    ])
  })

  it('a refusal for good rejects, shows as failed, and can be sent again or put away', async () => {
    const { script, room } = await live()
    const sent = room.send('spam')
    script.connection.take()
    await script.connection.says(
      errorFrame('spam', { client_id: sent.clientId, room_id: 'r', message: 'No spam' }),
    )
    await expect(sent).rejects.toMatchObject({ code: 'spam', message: 'No spam' })
    const [failed] = room.timeline.get()
    expect(failed).toMatchObject({ kind: 'message', state: 'failed', error: { code: 'spam' } })
    if (failed?.kind !== 'message') throw new Error('no message')
    expect(failed.retry()).toBe(true)
    expect(room.timeline.get()).toMatchObject([{ state: 'pending', message: { message: 'spam' } }])
    expect(script.connection.take()).toHaveLength(1)
    expect(failed.retry()).toBe(false)
    const again = sent.retry()
    expect(again.clientId).not.toBe(sent.clientId)
  })

  it('a cancelled message disappears and rejects', async () => {
    const { script, room } = await live()
    await script.connection.closes(1006)
    const sent = room.send('oops')
    expect(sent.cancel()).toBe(true)
    await expect(sent).rejects.toMatchObject({ code: 'cancelled' })
    expect(room.timeline.get()).toEqual([])
    expect(sent.cancel()).toBe(false)
  })

  it.each([
    ['  ', 'message_empty'],
    ['x'.repeat(1_001), 'message_too_long'],
    ['\uD800', 'invalid_text'],
  ])('[M2] a client refuses %j before it leaves', async (text, code) => {
    const { script, room } = await live()
    script.connection.take()
    const sent = room.send(text)
    expect(sent.state).toBe('failed')
    await expect(sent).rejects.toMatchObject({ code })
    expect(script.connection.take()).toEqual([])
  })

  it('a client refuses a message to a room that was never joined, and one when the outbox is full', async () => {
    const { script, room } = await live({ outbox: { maxMessages: 1 } })
    await expect(script.client.room('elsewhere').send('hi')).rejects.toMatchObject({ code: 'not_in_room' })
    await script.connection.closes(1006)
    room.send('one')
    await expect(room.send('two')).rejects.toMatchObject({ code: 'outbox_full', temporary: true })
  })

  it('[C2] a client paces itself by the limits in the hello', async () => {
    const { script, room } = await live({}, { limits: { messages_per_second: 10, messages_burst: 5 } })
    // The token and a ping are charged as well.
    for (let i = 0; i < 6; i++) room.send(`m${i}`)
    expect(script.connection.take().filter(({ type }) => type === 'chat_message')).toHaveLength(3)
    await script.clock.advance(100)
    expect(script.connection.take()).toHaveLength(1)
    await script.clock.advance(400)
    expect(script.connection.take()).toHaveLength(2)
  })

  it('[E14] a message larger than a frame may be fails alone', async () => {
    const { script, room } = await live({}, { limits: { frame_bytes: 200 } })
    const large = room.send('x'.repeat(300))
    const small = room.send('hi')
    await expect(large).rejects.toMatchObject({ code: 'too_large' })
    expect(script.connection.take().at(-1)).toMatchObject({ client_id: small.clientId })
  })

  it('[K1] after close code 1009 the largest message in flight fails, and the rest is sent again', async () => {
    const { script, room } = await live()
    const [small, large] = [room.send('hi'), room.send('x'.repeat(900))]
    await script.connection.closes(1009)
    await expect(large).rejects.toMatchObject({ code: 'too_large' })
    expect(small.state).toBe('pending')
  })

  it('[M13] a repeat tells what was known when it was first transmitted, also after others have gone on', async () => {
    const { script, room } = await live()
    await script.connection.says(chatFrame(1), chatFrame(2))
    const sent = room.send('hello')
    await script.connection.says(chatFrame(3))
    await reconnect(script)
    expect(script.connection.take()).toMatchObject([{ message: 'hello', client_id: sent.clientId, seen: 2 }])
  })

  it('[M13] a repeat into a log that has forked tells of no offset that this log gives again', async () => {
    const { script, room } = await live()
    await script.connection.says(chatFrame(1), chatFrame(2), chatFrame(3))
    room.send('hello')
    const repeated = () => script.connection.take().filter(({ type }) => type === 'chat_message')
    await reconnect(script, {}, { recovered: false, reason: 'forked', offset: 1, id: 'id-1' })
    expect(repeated()).toMatchObject([{ message: 'hello', seen: 1 }])
    await script.connection.says(chatFrame(2, { id: 'new-2' }))
    await reconnect(script, {}, { recovered: true, offset: 2, id: 'new-2' })
    expect(repeated()).toMatchObject([{ message: 'hello', seen: 1 }])
  })

  it('[M12] an outcome that the server no longer knows is outcome_unknown, never a blind retry', async () => {
    const { script, room } = await live({}, { limits: { dedupe_window_ms: 10_000 } })
    const sent = room.send('hello')
    await reconnect(script, { limits: { dedupe_window_ms: 10_000 } })
    await expect(sent).rejects.toMatchObject({ code: 'outcome_unknown' })
    expect(script.connection.take()).toEqual([])
  })

  it('a server that never answers a message is left', async () => {
    const { script, room } = await live()
    room.send('hello')
    for (let i = 0; i < 46; i++) {
      const ping = script.connection.frames.findLast(({ type }) => type === 'ping')
      await script.connection.says({ type: 'pong', timestamp: '', ...(ping && { id: ping.id }) })
      await script.clock.advance(1_000)
    }
    expect(script.connections.length).toBeGreaterThan(1)
  })

  it('what is not transmitted when the room is left rejects; what is in flight still gets its answer', async () => {
    const { script, room } = await live({ outbox: { window: 1 } })
    const [flying, waiting] = [room.send('flying'), room.send('waiting')]
    void room.leave()
    await expect(waiting).rejects.toMatchObject({ code: 'not_in_room' })
    expect(flying.state).toBe('pending')
    await script.connection.says(ackFrame(flying.clientId, 1))
    expect(await flying).toMatchObject({ offset: 1 })
    void room.join()
    await script.connection.says(joinedFrame(script.connection.take().at(-1)))
    const lost = room.send('lost')
    void room.leave()
    await script.connection.closes(1006)
    await expect(lost).rejects.toMatchObject({ code: 'outcome_unknown' })
  })

  it('a room that is to be left when all is sent is left after the last answer, however long the network takes', async () => {
    const { script, room } = await live({ outbox: { window: 1 } })
    const left = () => script.connection.take().some(({ type }) => type === 'leave')
    const [first, second] = [room.send('first'), room.send('second')]
    const leaving = room.leave({ whenSent: true })
    await script.connection.says(ackFrame(first.clientId, 1))
    await first
    await script.connection.closes(1006)
    await script.clock.advance(2_000)
    await script.connection.welcomes('me')
    const join = script.connection.take().findLast(({ type }) => type === 'join')
    await script.connection.says(joinedFrame(join, { offset: 1, id: 'id-1' }))
    await script.clock.advance(0)
    expect(left()).toBe(false)
    await script.connection.says(ackFrame(second.clientId, 2))
    expect(await second).toMatchObject({ offset: 2 })
    await script.clock.advance(0)
    const leave = script.connection.take().find(({ type }) => type === 'leave')
    expect(room.status.get()).toMatchObject({ state: 'left' })
    await script.connection.says({ type: 'left', room_id: 'r', ref: leave?.ref } as never)
    await leaving
  })

  it('a join takes a leave back that waits until all is sent', async () => {
    const { script, room } = await live()
    const sent = room.send('hello')
    const leaving = room.leave({ whenSent: true })
    void room.join()
    await script.connection.says(ackFrame(sent.clientId, 1))
    await leaving
    expect(room.status.get().state).toBe('live')
  })

  it('data that JSON cannot hold is refused where it came from', async () => {
    const { room } = await live()
    const loop: Record<string, unknown> = {}
    loop.self = loop
    expect(() => room.presence.set(loop)).toThrow(TypeError)
  })

  it('close() rejects what waits', async () => {
    const { script, room } = await live()
    await script.connection.closes(1006)
    const sent = room.send('hello')
    script.client.close()
    await expect(sent).rejects.toMatchObject({ code: 'closed' })
  })

  it('a client never sends as somebody else', async () => {
    const { script, room } = await live({ token: 'token' })
    await script.connection.closes(1006)
    const sent = room.send('as me')
    await script.clock.advance(20_000)
    await script.connection.welcomes('somebody else')
    await expect(sent).rejects.toMatchObject({ code: 'cancelled' })
  })
})

describe('the stored outbox', () => {
  it('the stored outbox outlives the page: the next one of the same user shows and sends what was left, in order', async () => {
    const storage = memoryStorage()
    const first = await live({ storage: storedOutbox(storage) })
    await first.script.connection.closes(1006)
    const [a, b] = [first.room.send('a'), first.room.send('b')]
    expect(storage.kept.size).toBe(2)
    const { script, room } = await live({ storage: storedOutbox(memoryStorage(storage.kept)) })
    expect(room.timeline.get()).toMatchObject([
      { state: 'pending', key: a.clientId },
      { state: 'pending', key: b.clientId },
    ])
    const sent = script.connection.take()
    expect(sent).toMatchObject([{ client_id: a.clientId }, { client_id: b.clientId, after: a.clientId }])
    await script.connection.says(ackFrame(a.clientId, 1), ackFrame(b.clientId, 2))
    expect(storage.kept.size).toBe(0)
  })

  it('the stored outbox stores a transmission before it leaves, so that the next page does not take it for never sent', async () => {
    const storage = memoryStorage()
    const { script, room } = await live({ storage: storedOutbox(storage) })
    room.send('hello')
    expect([...storage.kept.values()]).toMatchObject([{ message: 'hello', doubtSince: script.wallTime }])
    const next = await live({ storage: storedOutbox(memoryStorage(storage.kept)) })
    next.script.connection.take()
    const [entry] = next.room.timeline.get()
    expect(entry?.kind === 'message' && entry.cancel()).toBe(false)
  })

  it('the stored outbox keeps the order of what it stores, also when the first was transmitted since', async () => {
    const storage = memoryStorage()
    const { room } = await live({ storage: storedOutbox(storage), outbox: { window: 1 } })
    const [a, b] = [room.send('a'), room.send('b')]
    const { script } = await live({ storage: storedOutbox(memoryStorage(storage.kept)) })
    expect(script.connection.take()).toMatchObject([{ client_id: a.clientId }, { client_id: b.clientId }])
  })

  it('the stored outbox keeps what waits for rooms that this page has not joined, also when the client fails', async () => {
    const storage = memoryStorage()
    const { script, room } = await live({ storage: storedOutbox(storage) })
    await script.connection.closes(1006)
    room.send('mine')
    const next = new ScriptedServer({ storage: storedOutbox(memoryStorage(storage.kept)) })
    next.client.room('r')
    await next.connection.welcomes('me')
    await next.connection.closes(4501)
    expect(next.client.status.get().state).toBe('failed')
    expect(storage.kept.size).toBe(1)
  })

  it('[M12] the stored outbox does not send what was in doubt for too long before the page went', async () => {
    const storage = memoryStorage()
    const { room } = await live({ storage: storedOutbox(storage) })
    room.send('old')
    const script = new ScriptedServer({ storage: storedOutbox(memoryStorage(storage.kept)) })
    script.wallTime += 3_600_000
    const again = script.client.room('r')
    await script.connection.welcomes('me')
    void again.join()
    await script.connection.says(joinedFrame(script.connection.take().at(-1)))
    await script.clock.advance(0)
    expect(script.connection.take()).toEqual([])
    expect(again.timeline.get()).toMatchObject([{ state: 'failed', error: { code: 'outcome_unknown' } }])
  })

  it('the stored outbox leaves the messages of another user alone', async () => {
    const storage = memoryStorage()
    const { script, room } = await live({ storage: storedOutbox(storage) })
    await script.connection.closes(1006)
    room.send('mine')
    const other = new ScriptedServer({ storage: storedOutbox(memoryStorage(storage.kept)) })
    const otherRoom = other.client.room('r')
    await other.connection.welcomes('eve')
    void otherRoom.join()
    await other.connection.says(joinedFrame(other.connection.take().at(-1)))
    expect(other.connection.take()).toEqual([])
    expect(storage.kept.size).toBe(1)
  })

  describe('when the server gives the client another user id', () => {
    async function returnAs(userId: string, options: Partial<ClientOptions<BuiltIn>> = {}) {
      const storage = memoryStorage()
      const { script, room } = await live({ storage: storedOutbox(storage), ...options })
      const inDoubt = room.send('in doubt')
      await script.connection.closes(1006)
      const unsent = room.send('unsent')
      await script.clock.advance(20_000)
      await script.connection.welcomes(userId)
      return { script, room, storage, inDoubt, unsent }
    }

    it('[C10] an anonymous person, whose session was forgotten, still sends what had not left', async () => {
      const { script, room, storage, inDoubt, unsent } = await returnAs('me again')
      await expect(inDoubt).rejects.toMatchObject({ code: 'outcome_unknown' })
      expect([...storage.kept.values()]).toMatchObject([{ clientId: unsent.clientId, userId: 'me again' }])
      const join = script.connection.take().find(({ type }) => type === 'join')
      await script.connection.says(joinedFrame(join, { recovered: true }))
      expect(script.connection.take()).toMatchObject([{ client_id: unsent.clientId, message: 'unsent' }])
      await script.connection.says(
        chatFrame(1, { client_id: unsent.clientId, user_id: 'me again', message: 'unsent' }),
      )
      await script.connection.says(ackFrame(unsent.clientId, 1))
      expect(room.timeline.get()).toMatchObject([
        { state: 'failed', message: { message: 'in doubt' } },
        { state: 'sent', message: { message: 'unsent' } },
      ])
    })

    it('nothing of a user with a token is sent as somebody else', async () => {
      const { storage, inDoubt, unsent } = await returnAs('eve', { token: 'token' })
      await expect(inDoubt).rejects.toMatchObject({ code: 'outcome_unknown' })
      await expect(unsent).rejects.toMatchObject({ code: 'cancelled' })
      expect(storage.kept.size).toBe(0)
    })
  })

  it('the stored outbox is cleared by forget(), at log-out', async () => {
    const storage = memoryStorage()
    const { script, room } = await live({ storage: storedOutbox(storage) })
    await script.connection.closes(1006)
    const sent = room.send('secret')
    script.client.forget()
    await expect(sent).rejects.toMatchObject({ code: 'cancelled' })
    expect(storage.kept.size).toBe(0)
    expect(script.client.user.get()).toBeUndefined()
  })

  it('a storage that is full is reported, and the message goes all the same', async () => {
    const storage = memoryStorage()
    const full = {
      ...storage,
      put: () => {
        throw new DOMException('full', 'QuotaExceededError')
      },
    }
    const { script, room } = await live({ storage: storedOutbox(full) })
    const errors: unknown[] = []
    script.client.on('error', (error) => errors.push(error))
    room.send('hello')
    expect(errors).toMatchObject([{ code: 'storage_failed' }, { code: 'storage_failed' }])
    expect(script.connection.take()).toMatchObject([{ message: 'hello' }])
    await script.clock.settle()
  })
})
