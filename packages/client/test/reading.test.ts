import { defineProtocol } from '@roomful/protocol/define'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { chat } from '../src/chat.js'
import {
  chatFrame,
  deletionFrame,
  errorFrame,
  joinedFrame,
  ScriptedServer,
} from './support/scripted-server.js'

const at = (offset: number, epoch = 'e1') => ({ epoch, offset, id: offset === 0 ? epoch : `id-${offset}` })
const said = (offset: number, fields: Record<string, unknown> = {}) =>
  chatFrame(offset, { user_id: 'eve', ...fields })

/** A client that is live in room `r`, of which the server has counted what is unread. */
async function live(joined: Record<string, unknown> = { unread: 0 }) {
  const script = new ScriptedServer()
  const room = script.client.room('r')
  const c = chat(room)
  const shows = () => [c.unread.get(), c.mentions.get(), c.mark.get()?.offset]
  await script.connection.welcomes('me')
  const enter = async (fields: Record<string, unknown>) => {
    const join = script.connection.take().findLast(({ type }) => type === 'join')
    await script.connection.says(joinedFrame(join, { offset: 10, id: 'id-10', ...fields }))
    await script.clock.advance(0)
  }
  void room.join()
  shows()
  await enter(joined)
  const sent = () => script.connection.take().filter(({ type }) => type === 'mark_read')
  const answers = async (frame: Record<string, unknown>, fields: Record<string, unknown>) => {
    const { room_id, epoch, offset, id, ref } = frame
    const marked = { type: 'read_marked', user_id: 'me', room_id, epoch, offset, id, ref }
    await script.connection.says({ ...marked, counted: 10, unread: 0, ...fields } as never)
  }
  return { script, room, c, shows, enter, sent, answers }
}

it('[U4] marks of others that came before anybody asked are shown, and not as what a server has rendered', async () => {
  const { script, room } = await live({ unread: 0, marks: [{ user_id: 'eve', ...at(7) }] })
  const late = script.client.room('late')
  await script.connection.says()
  void late.join()
  const join = script.connection.take().findLast(({ type }) => type === 'join')
  await script.connection.says(
    joinedFrame(join, { room_id: 'late', offset: 10, id: 'id-10', marks: [{ user_id: 'eve', ...at(7) }] }),
  )
  for (const { marks } of [chat(room), chat(late)]) {
    expect(marks.get().get('eve')?.offset).toBe(7)
    expect(marks.getInitial?.().size).toBe(0)
  }
})

describe('what is unread', () => {
  it('[U3] [U4] is what the server counted at the join, and what came since', async () => {
    const { script, shows } = await live({ unread: 3, mentions: 1, mark: at(6) })
    expect(shows()).toEqual([3, 1, 6])
    await script.connection.says(said(11), said(12, { mentions: ['me', 'ada'] }))
    expect(shows()).toEqual([5, 2, 6])
  })

  it('[U3] stops at a hundred, and is none after an own message', async () => {
    const { script, shows } = await live({ unread: 99 })
    await script.connection.says(said(11), said(12))
    expect(shows()).toEqual([100, 0, undefined])
    await script.connection.says(said(13, { user_id: 'me' }), said(14))
    expect(shows()).toEqual([1, 0, 13])
  })

  it('[U3] loses what is deleted: what came since by itself, what was counted by asking the server', async () => {
    const { script, shows, sent, answers } = await live({ unread: 2, mark: at(5) })
    await script.connection.says(said(11), said(12), deletionFrame(13, 12))
    expect([shows(), sent()]).toEqual([[3, 0, 5], []])
    await script.connection.says(deletionFrame(14, 3), deletionFrame(15, 8))
    const [asked = {}] = sent()
    expect(asked).toMatchObject({ type: 'mark_read', ...at(0) })
    await answers(asked, { ...at(5), counted: 15, unread: 2 })
    expect(shows()).toEqual([2, 0, 5])
  })

  it('[U3] counts types that the protocol names', async () => {
    const protocol = defineProtocol({
      server: { ordered: z.object({}), moved: z.object({}) },
      counts: ['ordered'],
    })
    const script = new ScriptedServer({ protocol: protocol as never })
    const room = script.client.room('r')
    const { unread } = chat(room)
    await script.connection.welcomes('me')
    void room.join()
    await script.connection.says(joinedFrame(script.connection.take().at(-1), { unread: 0 }))
    await script.clock.advance(0)
    await script.connection.says(
      { type: 'ordered', room_id: 'r', ...at(1) },
      { type: 'moved', room_id: 'r', ...at(2) },
    )
    expect(unread.get()).toBe(1)
  })
})

describe('markRead', () => {
  it('[U1] shows the mark at once, and sends at most one a second, the latest', async () => {
    const { script, c, shows, sent, answers } = await live({ unread: 4, mark: at(6) })
    c.markRead()
    expect(shows()).toEqual([0, 0, 10])
    const [first = {}, ...others] = sent()
    expect([first, others]).toMatchObject([{ type: 'mark_read', room_id: 'r', ...at(10) }, []])
    await script.connection.says(said(11), said(12), said(13))
    expect(shows()).toEqual([3, 0, 10])
    c.markRead({ offset: 11, id: 'id-11' })
    c.markRead({ offset: 12, id: 'id-12' })
    c.markRead({ offset: 11, id: 'id-11' })
    await answers(first, { counted: 12, unread: 2 })
    expect([shows(), sent()]).toEqual([[1, 0, 12], []])
    await script.clock.advance(1_000)
    const [second = {}, ...more] = sent()
    expect([second, more]).toMatchObject([at(12), []])
    await answers(second, { counted: 13, unread: 1 })
    await script.clock.advance(5_000)
    expect([shows(), sent()]).toEqual([[1, 0, 12], []])
  })

  it('[U1] takes what the server says instead, if it does not accept the mark', async () => {
    const { c, shows, sent, answers } = await live({ unread: 4, mark: at(6) })
    c.markRead({ offset: 9, id: 'of another fork' })
    expect(shows()).toEqual([4, 0, 9])
    const [asked = {}] = sent()
    await answers(asked, { ...at(6), unread: 4 })
    expect(shows()).toEqual([4, 0, 6])
  })

  it('[U2] is sent again after a reconnect, once the room is joined', async () => {
    const { script, c, shows, enter, sent, answers } = await live({ unread: 4 })
    c.markRead()
    expect(sent()).toHaveLength(1)
    await script.connection.closes(1006)
    expect(shows()).toEqual([0, 0, 10])
    await script.clock.advance(20_000)
    await script.connection.welcomes('me')
    expect(sent()).toEqual([])
    await script.clock.advance(10_000)
    await script.connection.closes(1006)
    await script.clock.advance(20_000)
    await script.connection.welcomes('me')
    await enter({ recovered: true, unread: 4 })
    const [again = {}, ...others] = sent()
    expect([again, others]).toMatchObject([at(10), []])
    await answers(again, {})
    expect(shows()).toEqual([0, 0, 10])
  })

  it('[U2] follows the marks of other devices, and no older one that comes late', async () => {
    const { script, shows } = await live({ unread: 4, mark: at(2) })
    const marked = { type: 'read_marked', room_id: 'r', user_id: 'me' }
    await script.connection.says({ ...marked, ...at(8), counted: 10, unread: 1 })
    await script.connection.says({ ...marked, ...at(5), counted: 10, unread: 3 })
    expect(shows()).toEqual([1, 0, 8])
  })

  it('[U7] after a resync the server says where the mark is', async () => {
    const { script, shows, sent, answers } = await live({ unread: 4, mark: at(9) })
    await script.connection.says({ type: 'resync', room_id: 'r', reason: 'forked', ...at(7) })
    const [asked = {}] = sent()
    await answers(asked, { ...at(7), counted: 7, unread: 0 })
    expect(shows()).toEqual([0, 0, 7])
    await script.connection.says({ type: 'resync', room_id: 'r', reason: 'epoch_changed', ...at(0, 'e2') })
    await script.clock.advance(1_000)
    const [again = {}] = sent()
    expect(again).toMatchObject(at(0, 'e2'))
    await answers(again, { ...at(0, 'e2'), counted: 0 })
    expect(shows()).toEqual([0, 0, undefined])
  })

  it('[U3] [U7] what came beyond the break of a fork is not counted, and its offsets count anew', async () => {
    const { script, c, shows, sent, answers } = await live({ unread: 0, mark: at(10) })
    await script.connection.says(said(11), said(12))
    expect(shows()).toEqual([2, 0, 10])
    await script.connection.says({ type: 'resync', room_id: 'r', reason: 'forked', ...at(10) })
    const [asked] = sent()
    await answers(asked ?? {}, { ...at(10), counted: 10, unread: 0 })
    expect(c.unread.get()).toBe(0)
    await script.connection.says(said(11, { id: 'another' }))
    expect(c.unread.get()).toBe(1)
  })

  it('[U9] sends nothing where the server keeps no marks', async () => {
    const { c, sent, shows } = await live({})
    c.markRead()
    expect([sent(), shows()]).toEqual([[], [0, 0, undefined]])
  })

  it('a refusal that cannot be repaired ends the attempt', async () => {
    const { script, c, shows, sent } = await live({ unread: 1 })
    c.markRead()
    const [asked] = sent()
    await script.connection.says(errorFrame('forbidden', { ref: asked?.ref }))
    expect(shows()).toEqual([1, 0, undefined])
    await script.clock.advance(10_000)
    expect(sent()).toEqual([])
  })
})

describe('marks of others', () => {
  it('[U5] come with the join, one by one, and with what they write', async () => {
    const { script, c } = await live({
      unread: 0,
      marks: [
        { user_id: 'ada', ...at(4) },
        { user_id: 'eve', ...at(5) },
      ],
    })
    const shown = () => [...c.marks.get()].map(([user, { offset }]) => `${user} ${offset}`).sort()
    expect(shown()).toEqual(['ada 4', 'eve 5'])
    await script.connection.says({ type: 'read_marked', room_id: 'r', user_id: 'ada', ...at(9) })
    await script.connection.says({ type: 'read_marked', room_id: 'r', user_id: 'ada', ...at(7) })
    await script.connection.says(said(11))
    expect(shown()).toEqual(['ada 9', 'eve 11'])
  })

  it('a chat() that is created in a joined room asks for what it missed', async () => {
    const script = new ScriptedServer()
    const room = script.client.room('r')
    await script.connection.welcomes('me')
    void room.join()
    const marks = [{ user_id: 'ada', ...at(4) }]
    await script.connection.says(
      joinedFrame(script.connection.take().at(-1), { unread: 2, marks, ...at(10) }),
    )
    await script.clock.advance(0)
    const c = chat(room)
    expect(script.connection.take()).toEqual([])
    expect([c.unread.get(), c.marks.get().get('ada')?.offset]).toEqual([0, 4])
    const [asked] = script.connection.take()
    const marked = { type: 'read_marked', user_id: 'me', room_id: 'r', ref: asked?.ref, ...at(3) }
    await script.connection.says({ ...marked, counted: 10, unread: 2 })
    expect([c.unread.get(), c.mark.get()?.offset]).toEqual([2, 3])
  })

  /** The client is live in room `r`, and nobody has called `chat()` yet. */
  async function joinedWithout() {
    const script = new ScriptedServer()
    const room = script.client.room('r')
    await script.connection.welcomes('me')
    void room.join()
    const marks = [{ user_id: 'ada', ...at(4) }]
    const fields = { unread: 0, marks, offset: 10, id: 'id-10' }
    await script.connection.says(joinedFrame(script.connection.take().at(-1), fields))
    await script.clock.advance(0)
    return { script, room }
  }

  it('[U5] [U6] are right whenever somebody first asks for them', async () => {
    const { script, room } = await joinedWithout()
    const early = chat(room)
    const [later, older] = [at(9), at(7)].map((place) => ({
      type: 'read_marked',
      room_id: 'r',
      user_id: 'ada',
      ...place,
    }))
    await script.connection.says(later as never, older as never, said(11), said(12, { user_id: 'me' }))
    const shown = [...early.marks.get()].map(([user, { offset }]) => `${user} ${offset}`)
    expect(shown.sort()).toEqual(['ada 9', 'eve 11'])
  })

  it('[U5] are kept of a room whose chat() nobody has called yet, but not for the next user', async () => {
    const { script, room } = await joinedWithout()
    await script.connection.says({ type: 'read_marked', room_id: 'r', user_id: 'ada', ...at(9) }, said(11))
    const { marks } = chat(room)
    expect([...marks.get()].sort()).toEqual([
      ['ada', at(9)],
      ['eve', at(11)],
    ])
    script.client.forget()
    expect(marks.get().size).toBe(0)
  })

  it('[U7] fall back with a log that is cut off, and end with it; the server itself has none', async () => {
    const { script, c } = await live({ unread: 0, marks: [{ user_id: 'ada', ...at(4) }] })
    await script.connection.says(said(11), said(12, { user_id: '@server' }))
    const shown = () => [...c.marks.get()].map(([user, { epoch, offset }]) => `${user} ${epoch} ${offset}`)
    expect(shown()).toEqual(['ada e1 4', 'eve e1 11'])
    await script.connection.says({ type: 'resync', room_id: 'r', reason: 'forked', ...at(7) })
    expect(shown()).toEqual(['ada e1 4', 'eve e1 7'])
    await script.connection.says({ type: 'read_marked', room_id: 'r', user_id: 'eve', ...at(8) })
    expect(shown()).toEqual(['ada e1 4', 'eve e1 8'])
    await script.connection.says({ type: 'resync', room_id: 'r', reason: 'epoch_changed', ...at(0, 'e2') })
    expect(shown()).toEqual([])
  })

  it('[U4] [U6] come from the messages of a page too, which may be newer than the list, and never of another log', async () => {
    const { script, c } = await live({
      unread: 0,
      marks: [
        { user_id: 'ada', ...at(4) },
        { user_id: 'cyd', ...at(9, 'e0') },
      ],
      messages: [
        said(5, { user_id: 'bob' }),
        said(6, { user_id: 'ada' }),
        said(7, { user_id: 'dan', deleted: true }),
      ],
    })
    await script.connection.says({ type: 'read_marked', room_id: 'r', user_id: 'cyd', ...at(9, 'e0') })
    const shown = () =>
      [...c.marks.get()].map(([user, { epoch, offset }]) => `${user} ${epoch} ${offset}`).sort()
    expect(shown()).toEqual(['ada e1 6', 'bob e1 5'])
  })

  it('[U6] come from the messages of a page also where the join has no list of them', async () => {
    const { c } = await live({ unread: 0, messages: [said(5, { user_id: 'bob' })] })
    expect(c.marks.get().get('bob')?.offset).toBe(5)
  })

  it('[M15] end with the erasure of their user', async () => {
    const { script, c } = await live({ unread: 0, marks: [{ user_id: 'ada', ...at(4) }] })
    expect(c.marks.get().size).toBe(1)
    const erased = {
      type: 'messages_erased',
      room_id: 'r',
      user_id: 'ada',
      through: 4,
      timestamp: '',
      ...at(11),
    }
    await script.connection.says(erased as never)
    expect(c.marks.get().size).toBe(0)
  })

  it('are kept of the thousand users whose marks were known last', async () => {
    const { script, room } = await joinedWithout()
    const many = Array.from({ length: 1_001 }, (_, index) => said(11 + index, { user_id: `user ${index}` }))
    await script.connection.says(...many)
    const { marks } = chat(room)
    expect([marks.get().size, marks.get().has('user 1'), marks.get().has('user 1000')]).toEqual([
      1_000,
      true,
      true,
    ])
  })
})
