import { defineProtocol } from '@roomful/protocol'
import { type Backplane, memory, refuse, UNLIMITED } from '@roomful/server'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { AMENDING_STORES } from '../support/amending-stores.js'
import { connect, connectExtended } from '../support/connect.js'
import type { WireClient } from '../support/wire-client.js'
import { gate, serve, WireClock } from '../support/wire-server.js'

interface Place {
  readonly offset: number
  readonly id: string
}

const targetOf = ({ offset, id }: Place): Place => ({ offset, id })

const editOf = (target: Place, message: string, fields: object = {}) => ({
  type: 'edit_message',
  room_id: 'lobby',
  target: targetOf(target),
  message,
  ...fields,
})

const deletionOf = (target: Place, fields: object = {}) => ({
  type: 'delete_message',
  room_id: 'lobby',
  target: targetOf(target),
  ...fields,
})

const reactionOf = (target: Place, reaction: string) => ({
  type: 'add_reaction',
  room_id: 'lobby',
  target: targetOf(target),
  reaction,
})

let ids = 0
const newId = () => `c${++ids}`

/** Sends a message, an edit or a deletion, and takes its acknowledgement. */
const acked = (client: WireClient, message: object) => client.ask({ client_id: newId(), ...message }, 'ack')

/** Sends what is refused, and returns the code. */
const refused = async (client: WireClient, message: object) =>
  (await client.ask({ client_id: newId(), ...message }, 'error')).code

const say = (client: WireClient, message: string, fields: object = {}) =>
  acked(client, { type: 'chat_message', room_id: 'lobby', message, ...fields })

const historyOf = (client: WireClient, fields: object = {}) =>
  client.ask({ type: 'history', room_id: 'lobby', ...fields }, 'history')

async function joined(url: string, ...fields: Record<string, unknown>[]) {
  const clients = await Promise.all(
    (fields.length > 0 ? fields : [{}]).map(async (one) => {
      const client = await connectExtended(url)
      await client.join('lobby', one)
      return client
    }),
  )
  return clients as [WireClient, ...WireClient[]]
}

const protocol = defineProtocol({
  server: { noted: z.object({ text: z.string() }) },
  chat: z.object({ mood: z.enum(['fine', 'bad']) }),
})

describe.each(AMENDING_STORES)('on %s, an edit', (_, make) => {
  it('[D1] [D2] an edit is an entry of the log: all extended members get it in one order with messages, its sender an ack', async () => {
    const { url } = await serve({ protocol, backplane: await make() })
    const [ana, bob] = await joined(url, {}, {})
    const { epoch, id, offset } = await say(ana, 'helo', { data: { mood: 'bad' } })
    const edit = editOf({ offset, id }, 'hello', { data: { mood: 'fine' }, client_id: 'e1', ref: 'r' })
    const ack = await ana.ask(edit, 'ack')
    expect(ack).toMatchObject({
      client_id: 'e1',
      ref: 'r',
      room_id: 'lobby',
      epoch,
      offset: 2,
      duplicate: false,
    })
    await say(ana, 'next')
    const edited = {
      type: 'message_edited',
      target: { offset, id },
      message: 'hello',
      data: { mood: 'fine' },
      user_id: ana.userId,
      timestamp: ack.timestamp,
      room_id: 'lobby',
      id: ack.id,
      client_id: 'e1',
      epoch,
      offset: 2,
    }
    for (const member of [ana, bob as WireClient]) {
      expect(await member.next('message_edited')).toEqual(edited)
      await member.until(
        () => member.frames.some((frame) => frame.offset === 3 && frame.type === 'chat_message'),
        'the message after the edit',
      )
      const types = ['chat_message', 'message_edited']
      const places = member.frames.filter(({ type }) => types.includes(type))
      expect(places.map((frame) => [frame.type, frame.offset])).toEqual([
        ['chat_message', 1],
        ['message_edited', 2],
        ['chat_message', 3],
      ])
    }
  })

  it('[D1] [B4] an edit and a deletion reach a base member as nothing, and in pages as the present state', async () => {
    const { url } = await serve({ backplane: await make() })
    const base = await connect(url)
    await base.join('lobby')
    const [ana] = await joined(url)
    const first = await say(ana, 'helo')
    const second = await say(ana, 'secret')
    await acked(ana, editOf(first, 'hello'))
    await acked(ana, deletionOf(second))
    await say(ana, 'bye')
    await base.until(() => base.all('chat_message').length >= 3, 'the last message')
    expect(base.all('chat_message').map(({ message }) => message)).toEqual(['helo', 'secret', 'bye'])
    await base.never('message_edited')
    await base.never('message_deleted')
    const present = [
      ['chat_message', 'hello', 1],
      ['chat_message', '', 2],
      ['chat_message', 'bye', 5],
    ]
    const shown = (messages: readonly object[] | undefined) =>
      messages?.map((entry) => Object(entry)).map(({ type, message, offset }) => [type, message, offset])
    expect(shown((await historyOf(base)).messages)).toEqual(present)
    const later = await connect(url)
    expect(shown((await later.join('lobby', { history: 10 })).messages)).toEqual(present)
    const { epoch, id } = first
    const resumed = await later.join('lobby', { since: { epoch, id, offset: 1 } })
    expect([resumed.recovered, shown(resumed.messages)]).toEqual([true, present.slice(1)])
  })

  it('[D2] an edit that is repeated is answered as the first time, also on another connection, after the message is gone', async () => {
    const { url } = await serve({ backplane: await make() })
    const [ana] = await joined(url)
    const target = await say(ana, 'helo')
    const edit = editOf(target, 'hello', { client_id: 'e1' })
    const first = await ana.ask(edit, 'ack')
    await acked(ana, deletionOf(target))
    const again = await connectExtended(url, { session: ana.session })
    await again.join('lobby')
    const { duplicate, offset, id, timestamp } = await again.ask(edit, 'ack')
    expect({ duplicate, offset, id, timestamp }).toEqual({
      duplicate: true,
      offset: first.offset,
      id: first.id,
      timestamp: first.timestamp,
    })
    for (const other of [
      editOf(target, 'other'),
      deletionOf(target),
      editOf({ ...target, offset: 9 }, 'hello'),
    ])
      expect(await refused(ana, { ...other, client_id: 'e1' })).toBe('id_conflict')
    const message = { type: 'chat_message', room_id: 'lobby', message: 'hello', client_id: 'e1' }
    expect(await refused(ana, message)).toBe('id_conflict')
  })

  it('[D2] [M9] an edit is no message that after can name, and does not come between two that follow each other', async () => {
    const { url } = await serve({ backplane: await make() })
    const [ana] = await joined(url)
    const target = await say(ana, 'one', { client_id: 'm1' })
    await acked(ana, editOf(target, 'eins', { client_id: 'e1' }))
    const next = { type: 'chat_message', room_id: 'lobby', message: 'two' }
    expect(await refused(ana, { ...next, client_id: 'm2', after: 'e1' })).toBe('out_of_order')
    expect(await ana.ask({ ...next, client_id: 'm2', after: 'm1' }, 'ack')).toMatchObject({
      duplicate: false,
    })
  })

  it('[D2] [M2] [M4] an edit is checked as a message is', async () => {
    const { url } = await serve({ protocol, backplane: await make() })
    const [ana] = await joined(url)
    const target = await say(ana, 'hello')
    expect(await refused(ana, editOf(target, ' '))).toBe('message_empty')
    expect(await refused(ana, editOf(target, 'x'.repeat(1_001)))).toBe('message_too_long')
    expect(await refused(ana, { ...editOf(target, 'x'), message: undefined })).toBe('message_required')
    expect(await refused(ana, editOf(target, 'x', { data: { mood: 'blue' } }))).toBe('invalid_message')
    expect(await refused(ana, { ...editOf(target, 'x'), target: undefined })).toBe('invalid_message')
    expect((await historyOf(ana)).messages).toMatchObject([{ message: 'hello' }])
  })

  it('[D3] [E9] an edit finds its target by id: a message that is not there is not_found, one that is deleted is deleted', async () => {
    const { url, server } = await serve({ protocol, backplane: await make() })
    const [ana, bob] = (await joined(url, {}, {})) as [WireClient, WireClient]
    const target = await say(ana, 'hello')
    const noted = await server.room('lobby').publish({ type: 'noted', text: 'x' })
    for (const missing of [
      { ...target, id: 'other' },
      { ...target, offset: 7 },
      { ...target, offset: 0 },
      noted,
    ]) {
      expect(await refused(ana, editOf(missing, 'x'))).toBe('not_found')
      expect(await refused(bob, deletionOf(missing))).toBe('not_found')
    }
    const edit = await acked(ana, editOf(target, 'hi'))
    expect(await refused(ana, deletionOf(edit))).toBe('not_found')
    await acked(ana, deletionOf(target))
    expect(await refused(ana, editOf(target, 'x'))).toBe('deleted')
    expect(await refused(bob, deletionOf(target))).toBe('deleted')
  })

  it('[D5] an edit replaces text and data, keeps replies and mentions, and is not logged if it changes nothing', async () => {
    const { url } = await serve({ protocol, backplane: await make() })
    const [ana] = await joined(url)
    const reply_to = { offset: 9, id: 'elsewhere' }
    const target = await say(ana, 'one', { data: { mood: 'bad' }, reply_to, mentions: ['bob'] })
    expect(await acked(ana, editOf(target, 'one', { data: { mood: 'bad' } }))).toMatchObject({
      duplicate: true,
      offset: 1,
      id: target.id,
      timestamp: target.timestamp,
    })
    const edit = await acked(ana, editOf(target, 'two'))
    expect(edit).toMatchObject({ duplicate: false, offset: 2 })
    expect(await acked(ana, editOf(target, 'two'))).toMatchObject({ duplicate: true, offset: 2, id: edit.id })
    const { messages } = await historyOf(ana)
    expect(messages).toMatchObject([{ message: 'two', reply_to, mentions: ['bob'], version: 2 }])
    expect(messages[0]).not.toHaveProperty('data')
  })

  it('[D6] [H1] [H16] an edited message comes in its present state, and pages cover the edits that they leave out', async () => {
    const { url, server } = await serve({ backplane: await make(), limits: UNLIMITED })
    const [ana] = await joined(url)
    const target = await say(ana, 'helo')
    await say(ana, 'other')
    const { timestamp } = await acked(ana, editOf(target, 'hello'))
    const page = await historyOf(ana)
    expect(page.messages).toMatchObject([
      { offset: 1, message: 'hello', edited_at: timestamp, version: 3 },
      { offset: 2, message: 'other' },
    ])
    expect(page.messages[0]).not.toHaveProperty('edited_by')
    expect(page).toMatchObject({ covers: { from: 1, to: 3 }, more: false })
    expect((await historyOf(ana, { limit: 1 })).covers).toEqual({ from: 2, to: 3 })
    expect((await historyOf(ana, { before: 2 })).covers).toEqual({ from: 1, to: 1 })
    expect(await historyOf(ana, { after: 2 })).toMatchObject({ messages: [], covers: { from: 3, to: 3 } })
    expect(await historyOf(ana, { before: 1 })).not.toHaveProperty('covers')
    await server.room('lobby').chat.edit(target, 'hello, all')
    expect((await historyOf(ana)).messages[0]).toMatchObject({ edited_by: '@server', version: 4 })
  })

  it('[H2] [H3] [H16] a join with a page goes live after the edits that the page contains', async () => {
    const { url } = await serve({ backplane: await make() })
    const [ana] = await joined(url)
    const target = await say(ana, 'helo')
    const edit = await acked(ana, editOf(target, 'hello'))
    const bob = await connectExtended(url)
    const { messages, offset, id, covers } = await bob.join('lobby', { history: 5 })
    expect(messages).toMatchObject([{ offset: 1, message: 'hello' }])
    expect({ offset, id, covers }).toEqual({ offset: 2, id: edit.id, covers: { from: 1, to: 2 } })
    await acked(ana, editOf(target, 'hello, all'))
    expect((await bob.next('message_edited')).offset).toBe(3)
    const carl = await connectExtended(url)
    expect(await carl.join('lobby')).toMatchObject({ messages: [], offset: 3 })
    expect(carl.all('joined')[0]).not.toHaveProperty('covers')
  })

  it('[H1] [H6] [D8] a resume replays edits and deletions as entries, whose offsets the present states name as versions', async () => {
    const { url } = await serve({ backplane: await make() })
    const [ana] = await joined(url)
    const first = await say(ana, 'one')
    const second = await say(ana, 'two')
    const cursor = { epoch: second.epoch, offset: second.offset, id: second.id }
    await acked(ana, editOf(first, 'eins'))
    await say(ana, 'three')
    await acked(ana, deletionOf(second))
    const bob = await connectExtended(url)
    const resumed = await bob.join('lobby', { since: cursor })
    expect(resumed).toMatchObject({ recovered: true, covers: { from: 3, to: 5 }, offset: 5 })
    expect(resumed.messages?.map(({ type, offset }) => [type, offset])).toEqual([
      ['message_edited', 3],
      ['chat_message', 4],
      ['message_deleted', 5],
    ])
    const { messages } = await historyOf(bob)
    expect(messages.map(({ version }) => version)).toEqual([3, 5, undefined])
  })

  it('[J13] an edit of a user’s own stream is forbidden', async () => {
    const { url, server } = await serve({ protocol, backplane: await make() })
    const ana = await connectExtended(url)
    await ana.join('@me')
    const noted = await server.user(ana.userId).publish({ type: 'noted', text: 'x' })
    expect(await refused(ana, { ...editOf(noted, 'x'), room_id: '@me' })).toBe('forbidden')
    expect(await refused(ana, { ...deletionOf(noted), room_id: '@me' })).toBe('forbidden')
  })
})

describe.each(AMENDING_STORES)('on %s, a deletion', (_, make) => {
  it('[D6] [D7] a deletion leaves a tombstone, and no text of the message or its edits in any answer', async () => {
    const { url, server } = await serve({ backplane: await make() })
    const [ana] = await joined(url)
    const start = await ana.join('lobby')
    const since = { epoch: start.epoch, offset: start.offset, id: start.id }
    const target = await say(ana, 'secret one', { client_id: 'm1', mentions: ['bob'] })
    await acked(ana, editOf(target, 'secret two'))
    const { offset } = await acked(ana, deletionOf(target))
    const bob = await connectExtended(url)
    const resumed = await bob.join('lobby', { since })
    const page = await historyOf(bob)
    const tombstone = {
      type: 'chat_message',
      message: '',
      timestamp: target.timestamp,
      user_id: ana.userId,
      room_id: 'lobby',
      id: target.id,
      client_id: 'm1',
      version: offset,
      deleted: true,
      epoch: target.epoch,
      offset: target.offset,
    }
    expect(page.messages).toEqual([tombstone])
    expect(resumed.messages?.[0]).toEqual(tombstone)
    expect(resumed.messages?.[1]).toMatchObject({
      type: 'message_edited',
      message: '',
      deleted: true,
      offset: 2,
    })
    const read: unknown[] = [bob.frames, (await server.room('lobby').history()).messages]
    for await (const change of server.changes({ live: false })) read.push(change.message)
    expect(JSON.stringify(read)).not.toContain('secret')
  })

  it('[D7] a deletion stands, whatever edits of two users race with it', async () => {
    const { url, server } = await serve({ backplane: await make(), limits: UNLIMITED })
    const [ana, bob] = (await joined(url, {}, {})) as [WireClient, WireClient]
    const target = await say(ana, 'secret')
    const edits = Array.from({ length: 40 }, (_, n) => n)
    for (const n of edits) {
      ana.send(editOf(target, `secret ${n}`, { client_id: newId() }))
      if (n === 20) ana.send(deletionOf(target, { client_id: newId() }))
      void server
        .room('lobby')
        .chat.edit(target, `secret of the server ${n}`)
        .catch(() => undefined)
    }
    await ana.until(() => ana.all('ack').length + ana.all('error').length === 42, 'all answers')
    await bob.next('message_deleted')
    await bob.settled()
    expect(new Set(ana.all('error').map(({ code }) => code))).toEqual(new Set(['deleted']))
    expect(bob.frames.filter(({ offset }) => typeof offset === 'number').at(-1)?.type).toBe('message_deleted')
    expect((await historyOf(bob)).messages).toMatchObject([{ message: '', deleted: true }])
    const carl = await connectExtended(url)
    await carl.join('lobby', { since: { epoch: target.epoch, offset: target.offset, id: target.id } })
    expect(JSON.stringify(carl.frames)).not.toContain('secret')
  })
})

describe('who may', () => {
  it('[D4] nobody may edit or delete messages of others if the application has no authorize', async () => {
    const { url } = await serve()
    const [ana, bob] = (await joined(url, {}, {})) as [WireClient, WireClient]
    const target = await say(ana, 'hello')
    expect(await refused(bob, editOf(target, 'x'))).toBe('forbidden')
    expect(await refused(bob, deletionOf(target))).toBe('forbidden')
    expect((await historyOf(ana)).messages).toMatchObject([{ message: 'hello' }])
  })

  it('[D4] the application is asked for moderate, once it is somebody else’s message, and for chat_message each time', async () => {
    const asked: string[] = []
    const { url } = await serve({
      authorize: ({ user, action }) => {
        asked.push(action)
        return action !== 'moderate' || user.id === moderator
      },
    })
    let moderator = ''
    const [ana, bob] = (await joined(url, {}, {})) as [WireClient, WireClient]
    const target = await say(ana, 'rude')
    asked.length = 0
    await acked(ana, editOf(target, 'ruder'))
    expect(asked).toEqual(['chat_message'])
    expect(await refused(bob, editOf(target, 'mild'))).toBe('forbidden')
    moderator = bob.userId
    expect(await acked(bob, editOf(target, 'mild'))).toMatchObject({ duplicate: false, offset: 3 })
    expect(asked.slice(1)).toEqual(['chat_message', 'moderate', 'chat_message', 'moderate'])
    expect((await historyOf(ana)).messages).toMatchObject([
      { message: 'mild', user_id: ana.userId, edited_by: bob.userId },
    ])
    await acked(bob, deletionOf(target))
    expect(await ana.next('message_deleted')).toMatchObject({ user_id: bob.userId })
  })

  it('[D4] an authorize that fails denies moderation for now, and one that forbids chat forbids changing it', async () => {
    let mayChat = true
    const { url } = await serve({
      authorize: ({ action }) => {
        if (action === 'moderate') throw new Error('the database is away')
        return action !== 'chat_message' || mayChat
      },
    })
    const [ana, bob] = (await joined(url, {}, {})) as [WireClient, WireClient]
    const target = await say(ana, 'hello')
    const error = await bob.ask(deletionOf(target, { client_id: newId() }), 'error')
    expect(error).toMatchObject({ code: 'unavailable', retry_after_ms: 1_000 })
    mayChat = false
    expect(await refused(ana, deletionOf(target))).toBe('forbidden')
    expect(await refused(ana, editOf(target, 'x'))).toBe('forbidden')
  })
})

describe('the handler of chat', () => {
  it('the handler of chat is called for edits, with their target, and not for deletions', async () => {
    const calls: unknown[] = []
    const { url } = await serve({
      handle: {
        chat_message({ edit }, chat) {
          calls.push([chat.message, edit])
          if (chat.message.includes('rude')) throw refuse('rude', 'Be kind')
          return { ...chat, message: chat.message.toUpperCase() }
        },
      },
    })
    const [ana] = await joined(url)
    const target = await say(ana, 'hello')
    expect(await refused(ana, editOf(target, 'rude'))).toBe('rude')
    await acked(ana, editOf(target, 'kind'))
    expect((await ana.next('message_edited')).message).toBe('KIND')
    await acked(ana, deletionOf(target))
    const place = { offset: target.offset, id: target.id }
    expect(calls).toEqual([
      ['hello', undefined],
      ['rude', place],
      ['kind', place],
    ])
  })

  it('[M16] [M17] the handler of chat sees replies and mentions, may change them, and must return none that are invalid', async () => {
    const { url } = await serve({
      handle: {
        chat_message: (_, { mentions = [], ...chat }) => ({
          ...chat,
          mentions: chat.message === 'all' ? Array(51).fill('bob') : mentions.filter((id) => id !== 'all'),
        }),
      },
    })
    const [ana] = await joined(url)
    const reply_to = { offset: 4, id: 'x' }
    await say(ana, 'hello', { reply_to, mentions: ['all', 'bob'] })
    expect(await ana.next('chat_message')).toMatchObject({ reply_to, mentions: ['bob'] })
    expect(await refused(ana, { type: 'chat_message', room_id: 'lobby', message: 'all' })).toBe('internal')
  })
})

describe('the server itself', () => {
  it('[D4] [M3] the server edits and deletes the messages of anybody, under its own name or that of a user', async () => {
    const { url, server } = await serve({ protocol })
    const { chat } = server.room('lobby')
    const [ana] = await joined(url)
    const target = await say(ana, 'rude')
    const edit = await chat.edit(target, 'mild', { data: { mood: 'fine' } })
    expect(edit).toMatchObject({ offset: 2, duplicate: false })
    expect(await ana.next('message_edited')).toMatchObject({
      target: targetOf(target),
      message: 'mild',
      data: { mood: 'fine' },
      user_id: '@server',
      id: edit.id,
    })
    await chat.edit(target, 'milder', { as: 'bob' })
    expect(await chat.edit(target, 'milder')).toMatchObject({ offset: 3, duplicate: true })
    expect((await server.room('lobby').history()).messages).toMatchObject([
      { message: 'milder', user_id: ana.userId, edited_by: 'bob', version: 3 },
    ])
    const deletion = await chat.delete(target)
    expect(await ana.next('message_deleted')).toMatchObject({ user_id: '@server', id: deletion.id })
    await expect(chat.delete(target)).rejects.toMatchObject({ code: 'deleted', status: 410 })
    await expect(chat.edit({ ...target, id: 'x' }, 'x')).rejects.toMatchObject({
      code: 'not_found',
      status: 404,
    })
  })

  it('an edit of the server is repeated under its key, and no other may have that key', async () => {
    const { server } = await serve()
    const { chat } = server.room('lobby')
    const target = await chat.send('one', { key: 'k1' })
    const first = await chat.edit(target, 'two', { key: 'k2' })
    await chat.edit(target, 'three')
    expect(await chat.edit(target, 'two', { key: 'k2' })).toEqual({ ...first, duplicate: true })
    expect((await server.room('lobby').history()).messages).toMatchObject([{ message: 'three' }])
    for (const other of [
      chat.edit(target, 'other', { key: 'k2' }),
      chat.edit(target, 'two', { key: 'k2', as: 'ana' }),
      chat.delete(target, { key: 'k2' }),
      chat.send('two', { key: 'k2' }),
    ])
      await expect(other).rejects.toMatchObject({ code: 'id_conflict' })
    const deletion = await chat.delete(target, { key: 'k3' })
    expect(await chat.delete(target, { key: 'k3' })).toEqual({ ...deletion, duplicate: true })
  })

  it('[M16] the server refuses to answer what no log can hold: clients would show nothing of the message', async () => {
    const { server } = await serve()
    for (const id of ['x'.repeat(65), 'é'])
      await expect(server.room('lobby').chat.send('hi', { replyTo: { offset: 1, id } })).rejects.toThrow(
        'replyTo must be a message of the log',
      )
  })

  it('an edit of the server is checked like its messages, and a wrong argument is told', async () => {
    const { server } = await serve({ protocol })
    const { chat } = server.room('lobby')
    const target = await chat.send('one', { replyTo: { offset: 7, id: 'x' }, mentions: ['ana'] })
    expect((await server.room('lobby').history()).messages).toMatchObject([
      { reply_to: { offset: 7, id: 'x' }, mentions: ['ana'] },
    ])
    await expect(chat.edit(target, ' ')).rejects.toMatchObject({ code: 'message_empty' })
    const data = { mood: 'blue' } as never
    await expect(chat.edit(target, 'x', { data })).rejects.toMatchObject({ code: 'invalid_message' })
    const calls: readonly (readonly [Promise<unknown>, string])[] = [
      [chat.edit(7 as never, 'x'), 'chat.edit: pass a message of the log, or its { offset, id }'],
      [chat.delete({ offset: 1 } as never), 'chat.delete: pass a message of the log'],
      [chat.edit(target, 'x', { ass: 'ana' } as never), "did you mean 'as'"],
      [chat.delete(target, { data } as never), "there is no option 'data'"],
      [chat.send('x', { mentions: ['a', ''] }), 'mentions must be a list of at most 50 user ids'],
      [chat.send('x', { replyTo: 'x' as never }), 'replyTo must be a message of the log'],
    ]
    for (const [call, told] of calls) await expect(call).rejects.toThrow(told)
  })

  it('changes report edits and deletions as entries, and messages in their present state', async () => {
    const { server } = await serve()
    const { chat } = server.room('lobby')
    const [first, second] = [await chat.send('one'), await chat.send('two')]
    await chat.edit(first, 'eins')
    await chat.delete(second)
    const told: unknown[] = []
    for await (const { message } of server.changes({ live: false })) told.push(message)
    expect(told).toMatchObject([
      { type: 'chat_message', message: 'eins', version: 3 },
      { type: 'chat_message', message: '', deleted: true, version: 4 },
      { type: 'message_edited', message: 'eins', target: targetOf(first) },
      { type: 'message_deleted', target: targetOf(second) },
    ])
  })
})

describe('replies and mentions', () => {
  it('[M16] [M17] replies and mentions reach members and pages as they were sent, and belong to what a repeat must repeat', async () => {
    const { url } = await serve()
    const [ana] = await joined(url)
    const message = { type: 'chat_message', room_id: 'lobby', message: 'hi', client_id: 'm1' }
    const fields = { reply_to: { offset: 1, id: 'x' }, mentions: ['bob', '@server'] }
    await ana.ask({ ...message, ...fields }, 'ack')
    expect(await ana.next('chat_message')).toMatchObject(fields)
    expect((await historyOf(ana)).messages).toMatchObject([fields])
    expect(await ana.ask({ ...message, ...fields }, 'ack')).toMatchObject({ duplicate: true })
    expect(await refused(ana, message)).toBe('id_conflict')
    expect(await refused(ana, { ...message, ...fields, mentions: ['carl'] })).toBe('id_conflict')
    expect(await refused(ana, { ...message, client_id: 'm2', mentions: [''] })).toBe('invalid_message')
  })
})

it.each(AMENDING_STORES)(
  '[D5] on %s, the repeat of a server’s own edit or reaction that changed nothing overwrites nothing',
  async (_, make) => {
    const { server } = await serve({ backplane: await make() })
    const { chat, history } = server.room('lobby')
    const target = await chat.send('open at nine')
    const idle = [
      () => chat.edit(target, 'open at nine', { key: 'job' }),
      () => chat.unreact(target, '👍', { as: 'ana', key: 'other job' }),
    ]
    const first = await Promise.all(idle.map((call) => call()))
    await chat.react(target, '👍', { as: 'ana' })
    await chat.edit(target, 'closed today')
    expect(await Promise.all(idle.map((call) => call()))).toEqual(first)
    expect(first).toMatchObject([{ duplicate: true }, { duplicate: true }])
    const { messages } = await history()
    expect(messages).toMatchObject([{ message: 'closed today', reactions: [{ reaction: '👍', count: 1 }] }])
    await expect(chat.edit(target, 'open at ten', { key: 'job' })).rejects.toMatchObject({
      code: 'id_conflict',
    })
  },
)

describe('limits', () => {
  it('[D9] [E12] edits beyond the rate of their room are refused with the time to wait, whoever sends them', async () => {
    const clock = new WireClock()
    const { url } = await serve({ clock, limits: { amendmentsPerSecond: 2 } })
    const [ana, bob] = (await joined(url, {}, {})) as [WireClient, WireClient]
    const [mine, theirs] = [await say(ana, 'a'), await say(bob, 'b')]
    await acked(ana, editOf(mine, 'aa'))
    await acked(bob, editOf(theirs, 'bb'))
    const error = await bob.ask(deletionOf(theirs, { client_id: 'd' }), 'error')
    expect(error).toMatchObject({ code: 'rate_limited', client_id: 'd', retry_after_ms: 500 })
    await say(bob, 'messages go on')
    await clock.advance(500)
    await acked(bob, deletionOf(theirs, { client_id: 'd' }))
  })

  it('[D9] those who may not write use up nothing of it', async () => {
    const clock = new WireClock()
    const readers = new Set<string>()
    const authorize = ({ user, action }: { user: { id: string }; action: string }) =>
      action !== 'chat_message' || !readers.has(user.id)
    const { url } = await serve({ clock, authorize, limits: { amendmentsPerSecond: 2 } })
    const [ana, bob] = (await joined(url, {}, {})) as [WireClient, WireClient]
    const target = await say(ana, 'a')
    readers.add(bob.userId)
    for (let n = 0; n < 5; n++) expect(await refused(bob, editOf(target, 'b'))).toBe('forbidden')
    await acked(ana, editOf(target, 'aa'))
  })

  /** What is not logged, by why. Bob sends it. */
  const unlogged: Record<string, (target: Place) => object> = {
    'of who is muted': (target) => reactionOf(target, '🎉'),
    'of messages of others': (target) => editOf(target, 'b'),
    'of messages that are not there': ({ offset }) => editOf({ offset, id: 'another' }, 'b'),
    'that a handler refuses': (target) => editOf(target, 'refused'),
    'that change nothing': (target) => reactionOf(target, '👍'),
  }

  it.each(Object.keys(unlogged))('[D9] amendments %s use up nothing of it', async (why) => {
    const handle = {
      chat_message(_: unknown, chat: { message: string }) {
        if (chat.message === 'refused') throw refuse('no', 'No')
        return chat
      },
    }
    const { url, server } = await serve({
      clock: new WireClock(),
      handle,
      limits: { amendmentsPerSecond: 3 },
    })
    const [ana, bob] = (await joined(url, {}, {})) as [WireClient, WireClient]
    const target = await say(ana, 'a')
    await acked(bob, reactionOf(target, '👍'))
    if (why === 'of who is muted') await server.room('lobby').mute(bob.userId)
    for (let n = 0; n < 5; n++) {
      const client_id = newId()
      bob.send({ client_id, ...unlogged[why]?.(target) })
      await bob.until(() => bob.frames.find((frame) => frame.client_id === client_id), 'an answer')
    }
    await acked(ana, editOf(target, 'aa'))
    await acked(ana, editOf(target, 'aaa'))
    expect(await refused(ana, editOf(target, 'aaaa'))).toBe('rate_limited')
  })

  it('[D9] amendments that are refused count as messages of their user', async () => {
    const { url } = await serve({ limits: { messagesPerSecond: 0.01, messagesBurst: 3 } })
    const [ana, bob] = (await joined(url, {}, {})) as [WireClient, WireClient]
    const target = await say(ana, 'a')
    for (let n = 0; n < 2; n++) expect(await refused(bob, editOf(target, 'b'))).toBe('forbidden')
    expect(await refused(bob, editOf(target, 'b'))).toBe('rate_limited')
  })

  it('[D9] an edit counts as a message of its user', async () => {
    const { url } = await serve({ limits: { messagesPerSecond: 0.01, messagesBurst: 3 } })
    const [ana] = await joined(url)
    const target = await say(ana, 'a')
    await acked(ana, editOf(target, 'aa'))
    expect(await refused(ana, editOf(target, 'aaa'))).toBe('rate_limited')
  })
})

describe('a store that cannot change entries', () => {
  function withoutAmends(): Backplane {
    const { amends: _, ...methods } = bound(memory())
    return methods
  }

  it('[D11] a store that cannot change entries makes edits unknown to its server, and all else work', async () => {
    const { url, server } = await serve({ backplane: withoutAmends() })
    const [ana] = await joined(url)
    const target = await say(ana, 'hello')
    for (const message of [editOf(target, 'x'), deletionOf(target)]) {
      const error = await ana.ask({ ...message, ref: 'r' }, 'error')
      const { type } = message
      expect(error).toMatchObject({
        code: 'unknown_type',
        ref: 'r',
        message: `Unknown message type: ${type}`,
      })
    }
    await expect(server.room('lobby').chat.edit(target, 'x')).rejects.toThrow(
      'chat.edit: this backplane cannot change what is logged',
    )
    await expect(server.room('lobby').chat.delete(target)).rejects.toThrow(TypeError)
    expect((await historyOf(ana)).messages).toMatchObject([{ message: 'hello' }])
  })
})

describe('a join while edits come', () => {
  /** A memory store whose pages arrive when the gate opens, as they were when they were read. */
  function slowPages(opened: Promise<void>): Backplane {
    const store = bound(memory())
    return {
      ...store,
      read: async (stream, range, since) => {
        const page = await store.read(stream, range, since)
        if (range.limit > 0) await opened
        return page
      },
    }
  }

  it('[H1] [H3] a join while edits come has one state: what came after its page was read is folded in, or replayed', async () => {
    const { opened, open } = gate()
    const { url, server } = await serve({ backplane: slowPages(opened) })
    const [ana] = await joined(url)
    const [first, second] = [await say(ana, 'one'), await say(ana, 'secret')]
    const clients = [await connectExtended(url), await connectExtended(url), await connect(url)]
    const since = { epoch: first.epoch, offset: first.offset, id: first.id }
    const [paged, resumed, base] = clients as [WireClient, WireClient, WireClient]
    paged.send({ type: 'join', room_id: 'lobby', history: 5 })
    resumed.send({ type: 'join', room_id: 'lobby', since })
    base.send({ type: 'join', room_id: 'lobby', history: 5 })
    for (const client of clients) await client.settled()
    await server.room('lobby').chat.edit(first, 'eins')
    await server.room('lobby').chat.delete(second)
    await say(ana, 'three')
    open()
    const shown = (messages: readonly object[] | undefined) =>
      messages?.map((entry) => Object(entry)).map(({ type, message, offset }) => [type, message, offset])
    const present = [
      ['chat_message', 'eins', 1],
      ['chat_message', '', 2],
      ['chat_message', 'three', 5],
    ]
    const page = await paged.next('joined')
    expect([shown(page.messages), page.covers, page.offset]).toEqual([present, { from: 1, to: 5 }, 5])
    expect(page.messages).toMatchObject([
      { edited_by: '@server', version: 3 },
      { deleted: true, version: 4 },
      {},
    ])
    expect(shown((await base.next('joined')).messages)).toEqual(present)
    const replay = await resumed.next('joined')
    expect(replay.messages?.map(({ type, offset }) => [type, offset])).toEqual([
      ['chat_message', 2],
      ['message_edited', 3],
      ['message_deleted', 4],
      ['chat_message', 5],
    ])
    await acked(ana, editOf(first, 'uno'))
    for (const client of [paged, resumed]) expect((await client.next('message_edited')).offset).toBe(6)
  })
})

/** A store as a plain object, whose methods can be replaced. */
function bound(store: Backplane): Backplane {
  const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(store)).flatMap((name) => {
    const value: unknown = Reflect.get(store, name, store)
    return typeof value === 'function' && name !== 'constructor' ? [[name, value.bind(store)]] : []
  })
  return { ...store, ...Object.fromEntries(methods) }
}
