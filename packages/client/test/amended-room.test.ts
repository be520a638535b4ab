import { RoomfulError } from '@roomful/protocol/wire'
import { describe, expect, it } from 'vitest'
import type { Loggable } from '../src/room/loggable.js'
import { Timeline } from '../src/room/timeline.js'
import {
  ackFrame,
  chatFrame,
  deletionFrame,
  editFrame,
  joinedFrame,
  ScriptedServer,
} from './support/scripted-server.js'

/** A client that is live in room `r`, with what its join brought. */
async function live(joined: Record<string, unknown> = {}) {
  const script = new ScriptedServer()
  const room = script.client.room('r')
  await script.connection.welcomes()
  void room.join({ history: 10 })
  await script.connection.says(joinedFrame(script.connection.take().at(-1), joined))
  await script.clock.advance(0)
  const says = (...frames: Parameters<typeof script.connection.says>) => script.connection.says(...frames)
  return { script, room, says, shown: () => shownIn(room.timeline) }
}

function shownIn(timeline: { get(): readonly { kind: string }[] }): unknown[] {
  return timeline.get().map((entry) => {
    if (!('message' in entry)) return `-${(entry as { reason?: string }).reason}-`
    const { message, deleted } = entry.message as { message?: string; deleted?: boolean }
    return deleted ? '(deleted)' : message
  })
}

/** The answer to the last request for history. */
function historyFrame(
  script: ScriptedServer,
  messages: unknown[],
  covers: object,
  rest: Record<string, unknown> = {},
) {
  const ref = script.connection.take().findLast(({ type }) => type === 'history')?.ref
  const base = {
    type: 'history',
    room_id: 'r',
    ref,
    epoch: 'e1',
    more: false,
    truncated: false,
    oldest_offset: 1,
  }
  return { ...base, messages, covers, ...rest }
}

describe('a room with amendments', () => {
  it('[D1] [D6] shows live edits and deletions, and tells handlers of them', async () => {
    const { room, says, shown } = await live()
    const told: unknown[] = []
    room.on('message_edited', ({ target, message }) => told.push([target.offset, message]))
    room.on('message_deleted', ({ target, user_id }) => told.push([target.offset, user_id]))
    await says(chatFrame(1), chatFrame(2), editFrame(3, 1, { message: 'fixed' }), deletionFrame(4, 2))
    expect(shown()).toEqual(['fixed', '(deleted)'])
    expect(room.timeline.get()).toMatchObject([
      { state: 'sent', message: { edited_at: 'time 3', version: 3 } },
      { state: 'sent', message: { message: '', deleted: true, version: 4 } },
    ])
    expect(told).toEqual([
      [1, 'fixed'],
      [2, 'other'],
    ])
    await says(editFrame(5, 1, { user_id: 'moderator' }))
    expect(room.timeline.get()[0]).toMatchObject({ message: { edited_by: 'moderator' } })
  })

  it('[H16] shows no gap where a page has folded amendments in, and adjoins what is live', async () => {
    const { script, room, says, shown } = await live({
      ...{ messages: [chatFrame(4), chatFrame(6)], covers: { from: 4, to: 9 } },
      ...{ offset: 9, id: 'id-9' },
    })
    expect(shown()).toEqual(['m4', 'm6'])
    await says(editFrame(10, 2), chatFrame(11))
    const page = room.history({ before: 4 })
    await says(historyFrame(script, [chatFrame(1, { message: 'first' })], { from: 1, to: 3 }))
    await page
    expect(shown()).toEqual(['first', 'm4', 'm6', 'm11'])
  })

  it('[H16] does not show a page that covers less than what lies between', async () => {
    const { script, room, says, shown } = await live({
      ...{ messages: [chatFrame(6)], covers: { from: 5, to: 6 }, offset: 6, id: 'id-6' },
    })
    const page = room.history({ before: 4 })
    await says(historyFrame(script, [chatFrame(1)], { from: 1, to: 3 }))
    expect((await page).messages).toHaveLength(1)
    expect(shown()).toEqual(['m6'])
  })

  it('[D8] does not bring back a text from a page that was read before an edit and arrives after it', async () => {
    const { script, room, says, shown } = await live({
      ...{ messages: [chatFrame(2)], covers: { from: 2, to: 2 }, offset: 2, id: 'id-2' },
    })
    const page = room.history()
    const answer = historyFrame(script, [chatFrame(1), chatFrame(2)], { from: 1, to: 2 })
    await says(editFrame(3, 2, { message: 'new' }), deletionFrame(4, 1), answer)
    await page
    expect(shown()).toEqual(['(deleted)', 'new'])
  })

  it('[D7] takes a text out that is gone from the edits of a resume', async () => {
    const { script, says, shown } = await live()
    await says(chatFrame(1), chatFrame(2))
    await script.connection.closes(1006)
    await script.clock.advance(20_000)
    await script.connection.welcomes()
    const join = script.connection.take().find(({ type }) => type === 'join')
    const gone = editFrame(3, 1, { message: '', deleted: true })
    const messages = [gone, deletionFrame(4, 1), editFrame(5, 2, { message: 'fixed' })]
    await says(joinedFrame(join, { messages, offset: 5, id: 'id-5', covers: { from: 3, to: 5 } }))
    expect(shown()).toEqual(['(deleted)', 'fixed'])
  })

  it('[B2] shows no gap for an entry of a type that it does not know, and does not show it', async () => {
    const { room, says, shown } = await live()
    const unknown = {
      type: 'waved',
      room_id: 'r',
      epoch: 'e1',
      offset: 2,
      id: 'id-2',
    }
    await says(chatFrame(1), unknown, chatFrame(3))
    expect(shown()).toEqual(['m1', 'm3'])
    expect(room.status.get().state).toBe('live')
  })

  it('does not disturb listeners for amendments of messages that it does not show', async () => {
    const { room, says } = await live({ offset: 5, id: 'id-5' })
    await says(chatFrame(6))
    const before = room.timeline.get()
    let calls = 0
    room.timeline.subscribe(() => calls++)
    await says(editFrame(7, 1), deletionFrame(8, 2))
    expect([calls, room.timeline.get() === before]).toEqual([0, true])
    await says(editFrame(9, 6))
    expect(calls).toBe(1)
  })

  it('[D8] tells of what was amended while it was left after the result of the join, which may be of before', async () => {
    const { script, room, says } = await live()
    const texts = new Map<number | undefined, string>()
    const told: (number | undefined)[] = []
    room.on('message_edited', ({ target, offset, message }) => {
      told.push(offset)
      if (texts.has(target.offset)) texts.set(target.offset, message)
    })
    void room.leave()
    void room.join().then(({ messages }) => {
      for (const entry of messages) if (entry.type === 'chat_message') texts.set(entry.offset, entry.message)
    })
    const left = script.connection.take()
    await says({ type: 'left', room_id: 'r', ref: left[0]?.ref })
    const position = (offset: number) => ({ offset, id: `id-${offset}`, recovered: true })
    await says(joinedFrame(left[1], { ...position(2), messages: [chatFrame(1), chatFrame(2)], more: true }))
    // Edited after the first page was read.
    await says(joinedFrame(script.connection.take()[0], { ...position(3), messages: [editFrame(3, 2)] }))
    await script.clock.advance(0)
    expect(told).toEqual([3])
    expect(texts.get(2)).toBe(editFrame(3, 2).message)
  })

  it('[D10] reads an own message again whose ack says that the log was beyond it before', async () => {
    const { script, room, says, shown } = await live({ offset: 5, id: 'id-5' })
    const sent = room.send('as first sent')
    const [frame] = script.connection.take()
    await says(ackFrame(sent.clientId, 3, { duplicate: true }))
    expect(frame?.client_id).toBe(sent.clientId)
    const edited = chatFrame(3, { client_id: sent.clientId, message: 'fixed', version: 4 })
    await says(historyFrame(script, [edited], { from: 3, to: 4 }, { more: true }))
    expect(shown()).toEqual(['fixed'])
    expect(script.connection.take()).toEqual([])
  })

  it('[D10] reads what it shows again after a break, and shows what was edited and deleted meanwhile', async () => {
    const { script, says, shown } = await live()
    await says(chatFrame(1), chatFrame(2), chatFrame(3, { message: 'same' }))
    await script.connection.closes(1006)
    await script.clock.advance(20_000)
    await script.connection.welcomes()
    const join = script.connection.take().find(({ type }) => type === 'join')
    const broken = { recovered: false, reason: 'expired', offset: 9, id: 'id-9', messages: [] }
    await says(joinedFrame(join, broken))
    expect(shown()).toEqual(['m1', 'm2', 'same', '-expired-'])
    const [request] = script.connection.take()
    expect(request).toMatchObject({ type: 'history', before: 4 })
    const pages = [
      [chatFrame(2, { message: '', deleted: true, version: 7 }), chatFrame(3, { message: 'same' })],
      [chatFrame(1, { message: 'fixed', version: 8 })],
    ]
    const answer = { type: 'history', room_id: 'r', epoch: 'e1', truncated: false, oldest_offset: 1 }
    await says({ ...answer, ref: request?.ref, messages: pages[0], covers: { from: 2, to: 3 }, more: true })
    const [next] = script.connection.take()
    expect(next).toMatchObject({ type: 'history', before: 2 })
    await says({ ...answer, ref: next?.ref, messages: pages[1], covers: { from: 1, to: 1 }, more: false })
    expect(shown()).toEqual(['fixed', '(deleted)', 'same', '-expired-'])
    await says(chatFrame(10))
    expect(shown()).toEqual(['fixed', '(deleted)', 'same', '-expired-', 'm10'])
  })

  it('[H7] hands out nothing twice when its resume has expired and the page begins below its place, and shows that as it is now', async () => {
    const { script, room, says, shown } = await live()
    const told: unknown[] = []
    room.on('chat_message', ({ message }) => told.push(message))
    await says(chatFrame(1), chatFrame(2))
    await script.connection.closes(1006)
    await script.clock.advance(20_000)
    await script.connection.welcomes()
    const join = script.connection.take().find(({ type }) => type === 'join')
    const messages = [chatFrame(2, { message: 'fixed', version: 4 }), chatFrame(9)]
    const expired = { recovered: false, reason: 'expired', offset: 9, id: 'id-9', covers: { from: 2, to: 9 } }
    await says(joinedFrame(join, { ...expired, messages }))
    expect(told).toEqual(['m1', 'm2', 'm9'])
    expect(shown()).toEqual(['m1', 'fixed', '-expired-', 'm9'])
  })

  it('[D10] tries to read again when the connection broke meanwhile', async () => {
    const { script, says } = await live()
    await says(chatFrame(1))
    script.connection.take()
    await says({ type: 'resync', room_id: 'r', reason: 'gap', epoch: 'e1', offset: 5, id: 'id-5' })
    expect(script.connection.take()).toMatchObject([{ type: 'history', before: 2 }])
    const rejoin = async () => {
      await script.connection.closes(1006)
      await script.clock.advance(2_000)
      await script.connection.welcomes()
      const join = script.connection.take().find(({ type }) => type === 'join')
      await says(joinedFrame(join, { offset: 5, id: 'id-5' }))
      return script.connection.take().filter(({ type }) => type === 'history')
    }
    expect(await rejoin()).toMatchObject([{ before: 2 }])
    const [again] = await rejoin()
    expect(again).toMatchObject({ before: 2 })
    const page = { messages: [chatFrame(1)], covers: { from: 1, to: 1 }, more: false, truncated: false }
    await says({ type: 'history', room_id: 'r', ref: again?.ref, epoch: 'e1', oldest_offset: 1, ...page })
    expect(await rejoin()).toEqual([])
  })

  it.each([
    ['when the server says', 500, { code: 'unavailable', retry_after_ms: 500 }],
    ['a second later', 1_000, { code: 'internal' }],
  ])(
    '[D10] reads again %s what the server could not give, from where it had come',
    async (_, ms, refusal) => {
      const { script, says, shown } = await live()
      await says(chatFrame(1), chatFrame(2))
      await says({ type: 'resync', room_id: 'r', reason: 'gap', epoch: 'e1', offset: 5, id: 'id-5' })
      const second = chatFrame(2, { message: 'second', version: 4 })
      await says(historyFrame(script, [second], { from: 2, to: 2 }, { more: true }))
      const [next] = script.connection.take()
      expect(next).toMatchObject({ type: 'history', before: 2 })
      await says({ type: 'error', message: 'Not now', timestamp: '', ref: next?.ref, ...refusal })
      await script.clock.advance(ms - 1)
      expect(script.connection.take()).toEqual([])
      await script.clock.advance(1)
      const first = chatFrame(1, { message: 'first', version: 5 })
      await says(historyFrame(script, [first], { from: 1, to: 1 }))
      expect(shown()).toEqual(['first', 'second', '-gap-'])
      await script.clock.advance(10_000)
      expect(script.connection.take()).toEqual([])
    },
  )
})

describe('a resume that was broken off', () => {
  /** The first page of a resume has folded an edit at 9 into its message, and the connection broke before the second. */
  async function resumed(state: object = { message: 'edited' }) {
    const { script, room, says, shown } = await live()
    await says(chatFrame(1))
    const told: unknown[] = []
    room.on('resync', ({ reason }) => told.push(reason))
    const rejoin = async () => {
      await script.connection.closes(1006)
      await script.clock.advance(20_000)
      await script.connection.welcomes()
      return script.connection.take().find(({ type }) => type === 'join')
    }
    const messages = [chatFrame(2, { ...state, version: 9 })]
    const page = { messages, offset: 2, id: 'id-2', more: true, covers: { from: 2, to: 2 } }
    await says(joinedFrame(await rejoin(), page))
    return { script, says, shown, told, join: await rejoin() }
  }

  const upTo = (offset: number, ...entries: object[]) => {
    const places = Array.from({ length: offset - 2 }, (_, index) => chatFrame(index + 3))
    const messages = [...places.slice(0, places.length - entries.length), ...entries]
    return { messages, offset, id: `id-${offset}`, covers: { from: 3, to: offset } }
  }

  it.each([
    ['ends before the edit', undefined, { offset: 2, id: 'id-2' }],
    ['has another entry there', undefined, upTo(9)],
    ['has an edit of another message there', undefined, upTo(9, editFrame(9, 1))],
    ['ends before the deletion', { message: '', deleted: true }, { offset: 2, id: 'id-2' }],
  ])('[M11] [D10] is a fork if what its page had folded in is lost: the log %s', async (_, state, rest) => {
    const { script, says, shown, told, join } = await resumed(state)
    expect(join).toMatchObject({ since: { offset: 2 } })
    await says(joinedFrame(join, rest))
    expect(told).toEqual(['forked'])
    const again = script.connection.take().find(({ type }) => type === 'join')
    expect(again).toMatchObject({ history: 10 })
    expect(again?.since).toBeUndefined()
    const { offset, id } = rest
    const page = { messages: [chatFrame(2)], offset, id, covers: { from: 2, to: offset } }
    await says(joinedFrame(again, page))
    expect(shown()).toEqual(['m1', 'm2', '-forked-'])
  })

  it('[H6] goes on if the log has what its page had folded in', async () => {
    const { says, shown, told, join } = await resumed()
    await says(joinedFrame(join, upTo(9, editFrame(9, 2, { message: 'edited' }))))
    expect(shown()).toEqual(['m1', 'edited', 'm3', 'm4', 'm5', 'm6', 'm7', 'm8'])
    expect(told).toEqual([])
  })
})

describe('a timeline with amendments', () => {
  const entry = (frame: object) => frame as Loggable
  const timeline = (...frames: object[]) => {
    const list = new Timeline(3, () => {})
    list.received(frames.map(entry))
    return list
  }
  const forked = { epoch: 'e1', offset: 9, id: 'new-9' }

  it('counts messages alone towards its limit, and merges what it only covers', () => {
    const list = timeline(chatFrame(1))
    for (let offset = 2; offset <= 100_000; offset++) list.received([entry(editFrame(offset, 1))])
    list.received([entry(chatFrame(100_001)), entry(chatFrame(100_002))])
    expect(shownIn(list)).toEqual(['edit 100000', 'm100001', 'm100002'])
  })

  it('lets no page adjoin what it has forgotten', () => {
    const list = timeline(...[1, 2, 3, 4, 5, 6].map((offset) => chatFrame(offset)))
    const actions = { retry() {}, cancel: () => false }
    list.pending(
      'own',
      entry({ type: 'chat_message', client_id: 'own', user_id: 'me', message: 'x' }),
      actions,
    )
    list.failed('own', new RoomfulError('spam'), 6)
    list.removed('own')
    expect(shownIn(list)).toEqual(['m5', 'm6'])
    list.prepended([entry(chatFrame(2))], { epoch: 'e1', covers: { from: 1, to: 2 } })
    expect(shownIn(list)).toEqual(['m5', 'm6'])
    list.prepended([entry(chatFrame(4))], { epoch: 'e1', covers: { from: 4, to: 4 } })
    expect(shownIn(list)).toEqual(['m4', 'm5', 'm6'])
  })

  it('[D10] shows a message that an old backup brings back as that has it', () => {
    const list = timeline(chatFrame(10), editFrame(11, 10, { message: 'lost' }))
    list.broke('forked', forked)
    list.received([entry(chatFrame(10))])
    expect(shownIn(list)).toEqual(['m10', '-forked-'])
  })

  it.each([
    ['an edit', editFrame(5, 1, { message: 'lost' })],
    ['a deletion', deletionFrame(5, 1)],
  ])('[D10] takes any state after a fork that lost %s', (_, lost) => {
    const list = timeline(chatFrame(1), lost)
    list.broke('forked', forked)
    list.expectPage()([entry(chatFrame(1))], { epoch: 'e1', covers: { from: 1, to: 4 } })
    expect(shownIn(list)).toEqual(['m1', '-forked-'])
    list.received([entry(editFrame(10, 1, { message: 'anew' }))])
    expect(shownIn(list)).toEqual(['anew', '-forked-'])
  })

  it('[D10] takes any state of a message that a fork seemed to have taken, which the pages after it bring again', () => {
    const list = timeline(chatFrame(1), chatFrame(2), editFrame(3, 2, { message: 'lost' }))
    list.broke('forked', { epoch: 'e1', offset: 1, id: 'id-1' })
    list.received([entry(chatFrame(2))])
    expect(shownIn(list)).toEqual(['m1', 'm2', '-forked-'])
  })

  it('[D10] shows nothing of a page that was requested before a break', () => {
    const list = timeline(chatFrame(1))
    const show = list.expectPage()
    list.broke('forked', forked)
    show([entry(chatFrame(1, { message: 'of the old log', version: 5 }))])
    expect(shownIn(list)).toEqual(['m1', '-forked-'])
  })

  it('[H13] shows a message as lost if an amendment has its place', () => {
    const list = timeline(chatFrame(1))
    const actions = { retry() {}, cancel: () => false }
    list.pending(
      'own',
      entry({ type: 'chat_message', client_id: 'own', user_id: 'me', message: 'x' }),
      actions,
    )
    list.placed('own', { epoch: 'e1', offset: 2, id: 'other' })
    list.received([entry(editFrame(2, 1))])
    expect(list.get()).toMatchObject([{ state: 'sent' }, { state: 'lost', key: 'own' }])
  })

  it('amends a message that only its ack has placed', () => {
    const list = timeline(chatFrame(1))
    const actions = { retry() {}, cancel: () => false }
    list.pending(
      'own',
      entry({ type: 'chat_message', client_id: 'own', user_id: 'me', message: 'x' }),
      actions,
    )
    list.placed('own', { epoch: 'e1', offset: 2, id: 'id-2' })
    list.received([entry(editFrame(3, 2, { message: 'fixed' }))])
    expect(shownIn(list)).toEqual(['m1', 'fixed'])
    // Its ack may also be a repeat of one that came long before.
    list.pending(
      'own',
      entry({ type: 'chat_message', client_id: 'own', user_id: 'me', message: 'x' }),
      actions,
    )
    list.placed('own', { epoch: 'e1', offset: 2, id: 'id-2' })
    expect(shownIn(list)).toEqual(['m1', 'fixed'])
  })

  it('leaves failed messages alone', () => {
    const list = timeline(chatFrame(1))
    const actions = { retry() {}, cancel: () => false }
    list.pending(
      'own',
      entry({ type: 'chat_message', client_id: 'own', user_id: 'me', message: 'x' }),
      actions,
    )
    list.failed('own', new RoomfulError('spam'), 1)
    list.received([entry(deletionFrame(2, 1))])
    expect(list.get()).toMatchObject([{ state: 'sent', message: { deleted: true } }, { state: 'failed' }])
  })
})
