import type { BuiltIn } from '@roomful/protocol'
import { defineProtocol } from '@roomful/protocol/define'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { chat } from '../src/chat.js'
import {
  type ClientOptions,
  type OutboxStorage,
  type Room,
  type StoredMessage,
  storedOutbox,
} from '../src/index.js'
import { renderedRoom } from '../src/react/rendered-room.js'
import {
  ackFrame,
  chatFrame,
  deletionFrame,
  editFrame,
  errorFrame,
  joinedFrame,
  ScriptedServer,
} from './support/scripted-server.js'

/** A client that is live in room `r`, which shows the message at offset 1, its own. */
async function live(options: Partial<ClientOptions<BuiltIn>> = {}, hello: Record<string, unknown> = {}) {
  const script = new ScriptedServer(options)
  const room = script.client.room('r')
  await script.connection.welcomes('me', hello)
  void room.join()
  await script.connection.says(joinedFrame(script.connection.take().at(-1)))
  await script.clock.advance(0)
  await script.connection.says(chatFrame(1, { user_id: 'me', message: 'one' }))
  return { script, room, c: chat(room), first: at(1) }
}

const at = (offset: number) => ({ offset, id: `id-${offset}` })

/** Connects again; the log has gone on to `offset`. */
async function reconnect(script: ScriptedServer, offset = 1, messages: unknown[] = []) {
  await script.clock.advance(20_000)
  await script.connection.welcomes('me')
  const join = script.connection.take().find(({ type }) => type === 'join')
  await script.connection.says(joinedFrame(join, { recovered: true, ...at(offset), messages }))
  await script.clock.advance(0)
}

/** Each message with its state, and what is on its way for it. */
function shown(room: Pick<Room, 'timeline'>): string[] {
  return room.timeline.get().map((entry) => {
    if (entry.kind === 'break') return `-${entry.reason}-`
    const { message, deleted } = entry.message
    const error = entry.state === 'failed' || entry.amendment === 'failed' ? [entry.error.code] : []
    const text = deleted ? '(deleted)' : message
    return [text, entry.state, ...(entry.amendment ? [entry.amendment] : []), ...error].join(' ')
  })
}

function entryOf(room: Pick<Room, 'timeline'>, index = 0) {
  const entry = room.timeline.get()[index]
  if (entry?.kind !== 'message') throw new Error('not a message')
  return entry
}

const amendments = (script: ScriptedServer) =>
  script.connection.take().filter(({ type }) => type === 'edit_message' || type === 'delete_message')

describe('an edit', () => {
  it('[D1] [D2] an edit is shown at once as pending, and sent with its target and without after', async () => {
    const { script, room, c, first } = await live()
    script.connection.take()
    const sent = c.edit(first, 'fixed')
    expect(shown(room)).toEqual(['fixed sent pending'])
    expect(script.connection.take()).toEqual([
      { type: 'edit_message', room_id: 'r', target: first, message: 'fixed', client_id: sent.clientId },
    ])
    await script.connection.says(ackFrame(sent.clientId, 2, { timestamp: 'then' }))
    expect(await sent).toMatchObject({ offset: 2, id: 'id-2' })
    expect(shown(room)).toEqual(['fixed sent'])
    expect(entryOf(room).message).toMatchObject({ edited_at: 'then', offset: 1, id: 'id-1' })
    await script.connection.says(
      editFrame(2, 1, { message: 'fixed', user_id: 'me', client_id: sent.clientId }),
    )
    expect(shown(room)).toEqual(['fixed sent'])
  })

  it('the broadcast of an edit settles it as well, and shows what the application made of the text', async () => {
    const { script, room, c, first } = await live()
    const earlier = c.edit(first, 'fixed')
    await script.connection.says(ackFrame(earlier.clientId, 2))
    expect(shown(room)).toEqual(['fixed sent'])
    await script.connection.says(
      editFrame(2, 1, { message: 'f***d', user_id: 'me', client_id: earlier.clientId }),
    )
    expect(shown(room)).toEqual(['f***d sent'])
    const later = c.edit(first, 'again')
    await script.connection.says(
      editFrame(3, 1, { message: 'again!', user_id: 'me', client_id: later.clientId }),
    )
    expect(await later).toMatchObject({ offset: 3 })
    expect(shown(room)).toEqual(['again! sent'])
  })

  it('[D5] an edit that changes nothing does not show the message as edited', async () => {
    const { script, room, c, first } = await live()
    const sent = c.edit(first, 'one')
    await script.connection.says(ackFrame(sent.clientId, 1, { duplicate: true }))
    expect(await sent).toMatchObject({ offset: 1 })
    expect(entryOf(room).message).not.toHaveProperty('edited_at')
    expect(shown(room)).toEqual(['one sent'])
  })

  it('[D3] [D4] an edit that is refused is taken back, with its error, and can be sent again or dismissed', async () => {
    const { script, room, c, first } = await live()
    const sent = c.edit(first, 'fixed')
    script.connection.take()
    await script.connection.says(errorFrame('forbidden', { client_id: sent.clientId, room_id: 'r' }))
    await expect(sent).rejects.toMatchObject({ code: 'forbidden' })
    expect(shown(room)).toEqual(['one sent failed forbidden'])
    const failed = entryOf(room)
    expect(failed.retry()).toBe(true)
    expect(failed.retry()).toBe(false)
    expect(shown(room)).toEqual(['fixed sent pending'])
    const [again] = amendments(script)
    expect(again).toMatchObject({ message: 'fixed', target: first })
    expect(again?.client_id).not.toBe(sent.clientId)
    await script.connection.says(errorFrame('forbidden', { client_id: again?.client_id, room_id: 'r' }))
    expect(entryOf(room).cancel()).toBe(true)
    expect(shown(room)).toEqual(['one sent'])
  })

  it('an edit that has failed is forgotten with the next one, and by the next user', async () => {
    const { script, room, c, first } = await live()
    const fail = async (text: string) => {
      const { clientId } = c.edit(first, text)
      await script.connection.says(errorFrame('forbidden', { client_id: clientId, room_id: 'r' }))
    }
    await fail('a')
    const next = c.edit(first, 'b')
    await script.connection.says(ackFrame(next.clientId, 2))
    expect(shown(room)).toEqual(['b sent'])
    await fail('c')
    expect(shown(room)).toEqual(['b sent failed forbidden'])
    script.client.forget()
    script.client.connect()
    await script.clock.advance(0)
    await script.connection.welcomes('somebody else')
    void room.join()
    await script.connection.says(joinedFrame(script.connection.take().at(-1)))
    await script.connection.says(chatFrame(1))
    expect(shown(room)).toEqual(['m1 sent'])
  })

  it('an edit shows what others made of the message if it fails, and not before', async () => {
    const { script, room, c, first } = await live()
    const sent = c.edit(first, 'mine')
    await script.connection.says(editFrame(2, 1, { message: 'theirs' }))
    expect(shown(room)).toEqual(['mine sent pending'])
    await script.connection.says(errorFrame('forbidden', { client_id: sent.clientId, room_id: 'r' }))
    expect(shown(room)).toEqual(['theirs sent failed forbidden'])
  })

  it('an edit of a message that somebody deletes meanwhile shows the message as deleted', async () => {
    const { script, room, c, first } = await live()
    const sent = c.edit(first, 'mine')
    await script.connection.says(deletionFrame(2, 1))
    expect(shown(room)).toEqual(['(deleted) sent'])
    await script.connection.says(errorFrame('deleted', { client_id: sent.clientId, room_id: 'r' }))
    await expect(sent).rejects.toMatchObject({ code: 'deleted' })
    expect(shown(room)).toEqual(['(deleted) sent'])
  })

  it.each([
    ['  ', 'message_empty'],
    ['x'.repeat(1_001), 'message_too_long'],
    ['\ud800', 'invalid_text'],
  ])('[M2] an edit to %j is refused before it leaves, and an earlier one goes on', async (text, code) => {
    const { script, room, c, first } = await live()
    script.connection.take()
    await expect(c.edit(first, text)).rejects.toMatchObject({ code })
    expect(shown(room)).toEqual([`one sent failed ${code}`])
    await script.connection.closes(1006)
    c.edit(first, 'fine')
    await expect(c.edit(first, text)).rejects.toMatchObject({ code })
    expect(shown(room)).toEqual(['fine sent pending'])
    await reconnect(script)
    expect(amendments(script)).toMatchObject([{ message: 'fine' }])
  })

  it('an edit without a text is a mistake of the caller', async () => {
    const { c, first } = await live()
    expect(() => c.edit(first, undefined as never)).toThrow('chat.edit: pass the text as a string')
    expect(() => c.edit(first, 'x', { daat: {} } as never)).toThrow("no option 'daat'; did you mean 'data'")
  })

  it('[M4] an edit carries data, is checked by the schema, and shows what the schema returns', async () => {
    const protocol = defineProtocol({
      chat: z.object({ size: z.pipe(z.string(), z.transform(Number)) }),
    }) as never
    const { script, room, c, first } = await live({ protocol })
    script.connection.take()
    await expect(c.edit(first, 'x', { data: { size: 7 } } as never)).rejects.toMatchObject({
      code: 'invalid_message',
    })
    const edited: unknown[] = []
    room.on('message_edited', ({ data }) => edited.push(data))
    const sent = c.edit(first, 'x', { data: { size: '7' } } as never)
    expect(entryOf(room).message).toMatchObject({ data: { size: 7 } })
    expect(amendments(script)).toMatchObject([{ data: { size: '7' } }])
    await script.connection.says(
      editFrame(2, 1, { client_id: sent.clientId, user_id: 'me', data: { size: '8' } }),
    )
    await script.connection.says(ackFrame(sent.clientId, 2))
    expect(edited).toEqual([{ size: 8 }])
    expect(entryOf(room).message).toMatchObject({ data: { size: 8 } })
  })

  it('[D10] an edit to a room that was left or never joined is refused', async () => {
    const { script, room, c, first } = await live()
    void room.leave()
    await expect(c.edit(first, 'x')).rejects.toMatchObject({ code: 'not_in_room' })
    await expect(chat(script.client.room('elsewhere')).edit(first, 'x')).rejects.toMatchObject({
      code: 'not_in_room',
    })
  })
})

describe('a deletion', () => {
  it('[D1] a deletion is shown at once, sent without a text, and leaves nothing of the message', async () => {
    const { script, room, c } = await live()
    await script.connection.says(
      chatFrame(2, { user_id: 'me', mentions: ['ada'], reply_to: at(1), data: { a: 1 } }),
    )
    script.connection.take()
    const sent = c.delete(at(2))
    expect(shown(room)).toEqual(['one sent', '(deleted) sent pending'])
    expect(script.connection.take()).toEqual([
      { type: 'delete_message', room_id: 'r', target: at(2), client_id: sent.clientId },
    ])
    await script.connection.says(ackFrame(sent.clientId, 3))
    expect(shown(room)).toEqual(['one sent', '(deleted) sent'])
    const { message } = entryOf(room, 1)
    expect(JSON.parse(JSON.stringify(message))).toEqual({
      type: 'chat_message',
      room_id: 'r',
      user_id: 'me',
      timestamp: '',
      ...{ epoch: 'e1', ...at(2), message: '', deleted: true, version: 2 },
    })
  })

  it('a deletion that is refused brings the message back, with the error', async () => {
    const { script, room, c, first } = await live()
    const sent = c.delete(first)
    await script.connection.says(errorFrame('forbidden', { client_id: sent.clientId, room_id: 'r' }))
    expect(shown(room)).toEqual(['one sent failed forbidden'])
    script.connection.take()
    sent.retry()
    expect(amendments(script)).toMatchObject([{ type: 'delete_message' }])
    expect(shown(room)).toEqual(['(deleted) sent pending'])
  })

  it('a deletion takes back a message that was not transmitted, in the outbox alone', async () => {
    const { script, room, c } = await live()
    await script.connection.closes(1006)
    const message = room.send('oops')
    const deletion = c.delete(entryOf(room, 1).message)
    await expect(message).rejects.toMatchObject({ code: 'cancelled' })
    expect(await deletion).toEqual({ durability: 'none' })
    expect(shown(room)).toEqual(['one sent'])
    await reconnect(script)
    expect(script.connection.take()).toEqual([])
  })

  it('a deletion dismisses a message that has failed', async () => {
    const { script, room, c } = await live()
    const message = room.send('spam')
    await script.connection.says(errorFrame('spam', { client_id: message.clientId, room_id: 'r' }))
    expect(shown(room)).toEqual(['one sent', 'spam failed spam'])
    expect(await c.delete(entryOf(room, 1).message)).toEqual({ durability: 'none' })
    expect(shown(room)).toEqual(['one sent'])
  })
})

describe('the order of amendments', () => {
  it('[D2] amendments of one message go one after the other, those of others at once, and none is in the chain', async () => {
    const { script, room, c } = await live()
    await script.connection.says(chatFrame(2))
    const before = room.send('before')
    script.connection.take()
    const [a] = [c.edit(at(1), 'a'), c.edit(at(1), 'b'), c.delete(at(2))]
    const after = room.send('after')
    const frames = script.connection.take()
    expect(frames).toMatchObject([
      { type: 'edit_message', message: 'a' },
      { type: 'delete_message', target: at(2) },
      { type: 'chat_message', client_id: after.clientId, after: before.clientId },
    ])
    for (const frame of frames.slice(0, 2)) expect(frame).not.toHaveProperty('after')
    await script.connection.says(ackFrame(a?.clientId, 4))
    expect(script.connection.take()).toMatchObject([{ type: 'edit_message', message: 'b' }])
  })

  it('a newer edit replaces one that was not transmitted, and both have its outcome', async () => {
    const { script, room, c, first } = await live()
    await script.connection.closes(1006)
    const [a, b] = [c.edit(first, 'a'), c.edit(first, 'ab')]
    expect(shown(room)).toEqual(['ab sent pending'])
    await reconnect(script)
    const frames = amendments(script)
    expect(frames).toMatchObject([{ message: 'ab' }])
    await script.connection.says(ackFrame(frames[0]?.client_id, 2))
    expect([await a, await b]).toMatchObject([{ offset: 2 }, { offset: 2 }])
    expect(shown(room)).toEqual(['ab sent'])
  })

  it('a deletion replaces an edit that was not transmitted, and is sent again as what it is', async () => {
    const { script, c, first } = await live()
    await script.connection.closes(1006)
    c.edit(first, 'a')
    const deletion = c.delete(first)
    await reconnect(script)
    const [frame] = amendments(script)
    expect(frame).toEqual({
      type: 'delete_message',
      room_id: 'r',
      target: first,
      client_id: deletion.clientId,
    })
    await script.connection.says(errorFrame('forbidden', { client_id: frame?.client_id, room_id: 'r' }))
    deletion.retry()
    expect(amendments(script)).toMatchObject([{ type: 'delete_message' }])
  })

  it('the newest of several edits is shown, whatever becomes of those before it', async () => {
    const { script, room, c, first } = await live()
    const [a, b] = [c.edit(first, 'a'), c.edit(first, 'b')]
    await script.connection.says(errorFrame('internal', { client_id: a.clientId, room_id: 'r' }))
    expect(shown(room)).toEqual(['b sent pending'])
    await script.connection.closes(1006)
    await reconnect(script)
    const again = amendments(script)
    expect(again).toMatchObject([{ message: 'a' }])
    await script.connection.says(ackFrame(a.clientId, 2))
    expect(amendments(script)).toMatchObject([{ message: 'b', client_id: b.clientId }])
  })

  it('a newer edit replaces the last one that waits, behind one that was refused for now', async () => {
    const { script, room, c, first } = await live()
    const [a] = [c.edit(first, 'a'), c.edit(first, 'b')]
    await script.connection.says(
      errorFrame('rate_limited', { client_id: a.clientId, room_id: 'r', retry_after_ms: 1_000 }),
    )
    c.edit(first, 'c')
    expect(shown(room)).toEqual(['c sent pending'])
    script.connection.take()
    await script.clock.advance(1_000)
    expect(amendments(script)).toMatchObject([{ message: 'a' }])
    await script.connection.says(ackFrame(a.clientId, 2))
    expect(amendments(script)).toMatchObject([{ message: 'c' }])
  })

  it('[D9] an amendment that is rate limited holds up neither messages nor amendments of other messages', async () => {
    const { script, room, c, first } = await live(
      {},
      { limits: { messages_per_second: 10, messages_burst: 10 } },
    )
    await script.connection.says(chatFrame(2, { user_id: 'me' }))
    const limited = c.edit(first, 'a')
    script.connection.take()
    await script.connection.says(
      errorFrame('rate_limited', { client_id: limited.clientId, room_id: 'r', retry_after_ms: 5_000 }),
    )
    room.send('message')
    c.edit(at(2), 'other')
    expect(script.connection.take()).toMatchObject([{ message: 'message' }, { message: 'other' }])
    await script.clock.advance(4_900)
    expect(amendments(script)).toEqual([])
    await script.clock.advance(200)
    expect(amendments(script)).toMatchObject([{ message: 'a' }])
  })
})

describe('an amendment of a message that has no position yet', () => {
  it('an amendment changes a message that was not transmitted, in its place', async () => {
    const { script, room, c } = await live()
    await script.connection.closes(1006)
    const [a, b] = [room.send('a', { replyTo: at(1) }), room.send('b')]
    const edit = c.edit(entryOf(room, 1).message, 'A')
    expect(edit).toBe(a)
    expect(shown(room)).toEqual(['one sent', 'A pending', 'b pending'])
    await reconnect(script)
    expect(script.connection.take()).toMatchObject([
      { type: 'chat_message', message: 'A', client_id: a.clientId, reply_to: at(1) },
      { type: 'chat_message', message: 'b', client_id: b.clientId, after: a.clientId },
    ])
    await script.connection.says(errorFrame('spam', { client_id: a.clientId, room_id: 'r' }))
    a.retry()
    expect(shown(room)).toEqual(['one sent', 'b pending', 'A pending'])
  })

  it('an amendment of a message in flight follows its ack, with the position from there', async () => {
    const { script, room, c } = await live()
    const message = room.send('typo')
    script.connection.take()
    const edit = c.edit(entryOf(room, 1).message, 'fixed')
    expect(shown(room)).toEqual(['one sent', 'fixed pending pending'])
    expect(script.connection.take()).toEqual([])
    await script.connection.says(ackFrame(message.clientId, 2))
    expect(shown(room)).toEqual(['one sent', 'fixed sent pending'])
    expect(amendments(script)).toMatchObject([{ target: at(2), message: 'fixed', client_id: edit.clientId }])
    await script.connection.says(ackFrame(edit.clientId, 3))
    expect(shown(room)).toEqual(['one sent', 'fixed sent'])
    await script.connection.says(
      chatFrame(2, { client_id: message.clientId, user_id: 'me', message: 'typo' }),
      editFrame(3, 2, { client_id: edit.clientId, user_id: 'me', message: 'fixed' }),
    )
    expect(shown(room)).toEqual(['one sent', 'fixed sent'])
  })

  it('a second edit takes the place of the first also if the broadcast of its message came before the ack', async () => {
    const { script, room, c } = await live()
    const message = room.send('typo')
    script.connection.take()
    const first = c.edit(entryOf(room, 1).message, 'fixed')
    await script.connection.says(
      chatFrame(2, { client_id: message.clientId, user_id: 'me', message: 'typo' }),
    )
    const second = c.edit(entryOf(room, 1).message, 'better')
    expect(second).toBe(first)
    expect(amendments(script)).toEqual([])
    await script.connection.says(ackFrame(message.clientId, 2))
    expect(amendments(script)).toMatchObject([{ target: at(2), message: 'better' }])
  })

  it('what send returns names the message before it has a position', async () => {
    const { script, room, c } = await live()
    const message = room.send('typo')
    script.connection.take()
    c.edit(message, 'fixed')
    expect(shown(room)).toEqual(['one sent', 'fixed pending pending'])
    await script.connection.says(ackFrame(message.clientId, 2))
    expect(amendments(script)).toMatchObject([{ target: at(2), message: 'fixed' }])
    c.delete(message)
    expect(shown(room)).toEqual(['one sent', '(deleted) sent pending'])
  })

  it('an amendment of a message in doubt follows the repeat', async () => {
    const { script, room, c } = await live()
    const message = room.send('typo')
    await script.connection.closes(1006)
    const deletion = c.delete(entryOf(room, 1).message)
    expect(shown(room)).toEqual(['one sent', '(deleted) pending pending'])
    await reconnect(script)
    expect(script.connection.take()).toMatchObject([{ type: 'chat_message', client_id: message.clientId }])
    await script.connection.says(ackFrame(message.clientId, 2, { duplicate: true }))
    expect(amendments(script)).toMatchObject([{ type: 'delete_message', target: at(2) }])
    await script.connection.says(ackFrame(deletion.clientId, 3))
    expect(shown(room)).toEqual(['one sent', '(deleted) sent'])
  })

  it('an amendment is cancelled if its message fails', async () => {
    const { script, room, c } = await live()
    const message = room.send('spam')
    const edit = c.edit(entryOf(room, 1).message, 'no spam')
    await script.connection.says(errorFrame('spam', { client_id: message.clientId, room_id: 'r' }))
    await expect(edit).rejects.toMatchObject({ code: 'cancelled' })
    expect(shown(room)).toEqual(['one sent', 'spam failed spam'])
  })

  it('an amendment names a message that was acknowledged since the application got it', async () => {
    const { script, room, c } = await live()
    const message = room.send('typo')
    const { message: kept } = entryOf(room, 1)
    await script.connection.says(ackFrame(message.clientId, 2))
    script.connection.take()
    c.edit(kept, 'fixed')
    expect(amendments(script)).toMatchObject([{ target: at(2) }])
    const result = await message
    c.edit(result, 'again')
    expect(shown(room)).toEqual(['one sent', 'again sent pending'])
  })

  it('an amendment that failed before its message had a position is sent again with it', async () => {
    const { script, room, c } = await live({ outbox: { maxMessages: 1 } })
    const message = room.send('typo')
    const edit = c.edit(entryOf(room, 1).message, 'fixed')
    await expect(edit).rejects.toMatchObject({ code: 'outbox_full' })
    expect(shown(room)).toEqual(['one sent', 'typo pending failed outbox_full'])
    await script.connection.says(ackFrame(message.clientId, 2))
    script.connection.take()
    const again = edit.retry()
    expect(amendments(script)).toMatchObject([{ target: at(2), message: 'fixed' }])
    await script.connection.says(ackFrame(again.clientId, 3))
    expect(shown(room)).toEqual(['one sent', 'fixed sent'])
  })

  it('an amendment of a message that nobody knows is refused', async () => {
    const { c } = await live()
    await expect(c.edit({ client_id: 'unheard of' }, 'x')).rejects.toMatchObject({ code: 'not_found' })
    await expect(c.delete({})).rejects.toMatchObject({ code: 'not_found' })
    await expect(c.edit({ offset: 1 }, 'x')).rejects.toMatchObject({ code: 'not_found' })
    for (const message of [undefined, null, 'id'])
      expect(() => c.delete(message as never)).toThrow(
        new TypeError('chat.delete: pass a message of the timeline, of a handler or of a page'),
      )
  })
})

describe('an amendment in the place of another', () => {
  it('a deletion that waits is not replaced by an edit, which is refused as it would be after the deletion', async () => {
    const { script, room, c, first } = await live()
    await script.connection.closes(1006)
    const deletion = c.delete(first)
    await expect(c.edit(first, 'too late')).rejects.toMatchObject({ code: 'deleted' })
    await reconnect(script)
    expect(amendments(script)).toMatchObject([{ type: 'delete_message', client_id: deletion.clientId }])
    await script.connection.says(ackFrame(deletion.clientId, 2))
    expect(shown(room)).toEqual(['(deleted) sent'])
  })

  it('an edit that is too large has its outcome, and that in whose place it was', async () => {
    const protocol = defineProtocol({ chat: z.looseObject({}) })
    const { script, c, first } = await live({ protocol } as never, { limits: { frame_bytes: 2_000 } })
    c.edit(at(1), 'in flight')
    const [edit, large] = [
      c.edit(first, 'waits'),
      c.edit(first, 'large', { data: { big: 'x'.repeat(3_000) } } as never),
    ]
    await script.connection.says(ackFrame(String(amendments(script)[0]?.client_id), 2))
    await expect(large).rejects.toMatchObject({ code: 'too_large' })
    await expect(edit).rejects.toMatchObject({ code: 'too_large' })
  })

  it('[H15] an amendment that was acknowledged and then lost by the log is not shown after the next join', async () => {
    const { script, room, c, first } = await live()
    await script.connection.says(chatFrame(2, { user_id: 'bob', message: 'two' }))
    const edit = c.edit(first, 'fixed')
    await script.connection.says(ackFrame(edit.clientId, 3))
    expect(shown(room)).toEqual(['fixed sent', 'two sent'])
    await script.connection.closes(1006)
    await reconnect(script, 2)
    const page = script.connection.take().find(({ type }) => type === 'history')
    const one = chatFrame(1, { user_id: 'me', message: 'one' })
    const two = chatFrame(2, { user_id: 'bob', message: 'two' })
    await script.connection.says({
      ...{
        type: 'history',
        room_id: 'r',
        ref: page?.ref,
        epoch: 'e1',
        more: false,
        truncated: false,
        oldest_offset: 1,
      },
      ...{ messages: [one, two], covers: { from: 1, to: 2 } },
    })
    await script.clock.advance(0)
    expect(shown(room)).toEqual(['one sent', 'two sent'])
  })
})

describe('an amendment in doubt', () => {
  it.each([
    ['an edit', (c: ReturnType<typeof chat>, first: object) => c.edit(first, 'gone'), 'gone sent'],
    ['a deletion', (c: ReturnType<typeof chat>, first: object) => c.delete(first), '(deleted) sent'],
  ])(
    '[H15] [D10] %s that was acknowledged and is lost with the end of the log is taken back',
    async (_, amend, then) => {
      const { script, room, c, first } = await live()
      const sent = amend(c, first)
      await script.connection.says(ackFrame(sent.clientId, 2))
      expect(shown(room)).toEqual([then])
      script.connection.take()
      await script.connection.closes(1006)
      await reconnect(script)
      const request = script.connection.take().find(({ type }) => type === 'history')
      expect(request).toMatchObject({ before: 2, limit: 1 })
      const page = { messages: [chatFrame(1, { user_id: 'me', message: 'one' })], covers: { from: 1, to: 1 } }
      const answer = { type: 'history', room_id: 'r', epoch: 'e1', more: false, truncated: false }
      await script.connection.says({ ...answer, ...page, ref: request?.ref, oldest_offset: 1 })
      expect(shown(room)).toEqual(['one sent'])
    },
  )

  it('[M7] [M13] an amendment is repeated with the same id and what was known, and its first ack settles it', async () => {
    const { script, room, c, first } = await live()
    const edit = c.edit(first, 'fixed')
    expect(edit.cancel()).toBe(false)
    await script.connection.closes(1006)
    await reconnect(script)
    expect(amendments(script)).toMatchObject([{ client_id: edit.clientId, seen: 1, message: 'fixed' }])
    await script.connection.says(ackFrame(edit.clientId, 2, { duplicate: true }))
    expect(await edit).toMatchObject({ offset: 2 })
    expect(shown(room)).toEqual(['fixed sent'])
  })

  it('[M12] an amendment whose outcome the server no longer knows is not repeated', async () => {
    const { script, room, c, first } = await live({}, { limits: { dedupe_window_ms: 10_000 } })
    const edit = c.edit(first, 'fixed')
    await script.connection.closes(1006)
    await reconnect(script)
    await script.clock.advance(0)
    // The server's hello says nothing of its memory this time, so the default holds.
    expect(amendments(script)).toHaveLength(1)
    await script.connection.says(errorFrame('outcome_unknown', { client_id: edit.clientId, room_id: 'r' }))
    await expect(edit).rejects.toMatchObject({ code: 'outcome_unknown' })
    expect(shown(room)).toEqual(['one sent failed outcome_unknown'])
  })

  it('an amendment that was not transmitted can be taken back', async () => {
    const { script, room, c, first } = await live()
    await script.connection.closes(1006)
    const edit = c.edit(first, 'fixed')
    expect(entryOf(room).cancel()).toBe(true)
    await expect(edit).rejects.toMatchObject({ code: 'cancelled' })
    expect(shown(room)).toEqual(['one sent'])
  })

  it('[B5] an amendment is refused by a base server', async () => {
    const { script, c, first } = await live()
    await script.connection.closes(1006)
    const edit = c.edit(first, 'fixed')
    await script.clock.advance(20_000)
    await script.connection.opens()
    await script.connection.says({ type: 'system', message: '', timestamp: '' })
    await script.connection.says({ type: 'joined', room_id: 'r', message: '', timestamp: '' })
    await expect(edit).rejects.toMatchObject({ code: 'unsupported' })
  })
})

/** A storage in memory, shared by several clients as localStorage is by several pages. */
function memoryStorage(kept = new Map<string, StoredMessage>()): OutboxStorage & { kept: typeof kept } {
  return {
    kept,
    open(_name, opened) {
      opened([...kept.values()].map((one) => structuredClone(one)).sort((a, b) => a.sequence - b.sequence))
      return () => {}
    },
    put: (_name, message) => void kept.set(message.clientId, structuredClone(message)),
    remove: (_name, clientId) => void kept.delete(clientId),
  }
}

describe('a stored amendment', () => {
  it('a stored amendment outlives the page: the next one shows and sends it', async () => {
    const storage = memoryStorage()
    const before = await live({ storage: storedOutbox(storage) })
    await before.script.connection.closes(1006)
    const edit = before.c.edit(before.first, 'fixed')
    expect(storage.kept.size).toBe(1)
    const { script, room } = await live({ storage: storedOutbox(memoryStorage(storage.kept)) })
    expect(shown(room)).toEqual(['fixed sent pending'])
    expect(amendments(script)).toMatchObject([{ client_id: edit.clientId, target: at(1), message: 'fixed' }])
    await script.connection.says(ackFrame(edit.clientId, 2))
    expect(shown(room)).toEqual(['fixed sent'])
    expect(storage.kept.size).toBe(0)
  })

  it('a stored amendment waits for its stored message in the next page too', async () => {
    const storage = memoryStorage()
    const before = await live({ storage: storedOutbox(storage) })
    const message = before.room.send('typo')
    const edit = before.c.edit({ client_id: message.clientId }, 'fixed')
    expect(storage.kept.size).toBe(2)
    const { script, room } = await live({ storage: storedOutbox(memoryStorage(storage.kept)) })
    expect(shown(room)).toEqual(['one sent', 'fixed pending pending'])
    expect(script.connection.take()).toMatchObject([{ type: 'chat_message', client_id: message.clientId }])
    await script.connection.says(ackFrame(message.clientId, 2))
    expect(storage.kept.get(edit.clientId)).toMatchObject({ fields: { target: at(2) } })
    expect(amendments(script)).toMatchObject([{ client_id: edit.clientId, target: at(2) }])
  })

  it('a stored amendment is sent by a page without chat() too, and never as a message', async () => {
    const storage = memoryStorage()
    const before = await live({ storage: storedOutbox(storage) })
    await before.script.connection.closes(1006)
    before.c.edit(before.first, 'fixed')
    const script = new ScriptedServer({ storage: storedOutbox(memoryStorage(storage.kept)) })
    await script.connection.welcomes('me')
    const room = script.client.room('r')
    void room.join()
    await script.connection.says(joinedFrame(script.connection.take().at(-1)))
    expect(shown(room)).toEqual([])
    expect(script.connection.take()).toMatchObject([{ type: 'edit_message', target: at(1) }])
  })

  it('a stored amendment of a message in doubt follows that message in a page without chat() too', async () => {
    const storage = memoryStorage()
    const before = await live({ storage: storedOutbox(storage) })
    const message = before.room.send('typo')
    before.c.delete({ client_id: message.clientId })
    const script = new ScriptedServer({ storage: storedOutbox(memoryStorage(storage.kept)) })
    await script.connection.welcomes('me')
    const room = script.client.room('r')
    void room.join()
    await script.connection.says(joinedFrame(script.connection.take().at(-1)))
    expect(script.connection.take()).toMatchObject([{ type: 'chat_message', client_id: message.clientId }])
    await script.connection.says(ackFrame(message.clientId, 2))
    expect(script.connection.take()).toMatchObject([{ type: 'delete_message', target: at(2) }])
  })

  it('a stored amendment whose message is gone is given up', async () => {
    const storage = memoryStorage()
    const before = await live({ storage: storedOutbox(storage) })
    const message = before.room.send('typo')
    before.c.edit({ client_id: message.clientId }, 'fixed')
    storage.kept.delete(message.clientId)
    await live({ storage: storedOutbox(memoryStorage(storage.kept)) })
    expect(storage.kept.size).toBe(0)
  })

  it('a stored amendment is gone after log-out, and shown to nobody else', async () => {
    const storage = memoryStorage()
    const { script, room, c, first } = await live({ storage: storedOutbox(storage) })
    await script.connection.closes(1006)
    const edit = c.edit(first, 'secret')
    script.client.forget()
    await expect(edit).rejects.toMatchObject({ code: 'cancelled' })
    expect(storage.kept.size).toBe(0)
    expect(room.timeline.get()).toEqual([])
  })
})

describe('chat()', () => {
  it('a room that the hooks have wrapped gives the chat of the room', async () => {
    const { room, c, first } = await live()
    const initial = { messages: [], count: 1, cursor: { epoch: 'e1', ...first } }
    expect(chat(renderedRoom(room, initial))).toBe(c)
  })

  it('the same room gives the same chat', async () => {
    const { room, c } = await live()
    expect(chat(room)).toBe(c)
  })

  it('[M16] an answer to a message that has no position yet fails at once, and says why', async () => {
    const { script, room } = await live()
    await script.connection.closes(1006)
    room.send('later')
    const answer = room.send('hi', { replyTo: entryOf(room, 1).message })
    await expect(answer).rejects.toMatchObject({
      code: 'invalid_message',
      message: 'replyTo: the message to answer has no position in the log yet; answer it once it is sent',
    })
    expect(shown(room)).toEqual(['one sent', 'later pending', 'hi failed invalid_message'])
  })

  it('[M16] [M17] a message carries what it answers and whom it mentions', async () => {
    const { script, room, first } = await live()
    script.connection.take()
    const sent = room.send('hi', { replyTo: { ...first, more: 1 } as typeof first, mentions: ['ada'] })
    expect(script.connection.take()).toEqual([
      {
        type: 'chat_message',
        room_id: 'r',
        message: 'hi',
        client_id: sent.clientId,
        reply_to: first,
        mentions: ['ada'],
      },
    ])
    expect(entryOf(room, 1).message).toMatchObject({ reply_to: first, mentions: ['ada'] })
    expect(() => room.send('hi', { mentions: 'ada' as never })).toThrow(
      'mentions must be an array of user ids',
    )
  })
})
