import { createTestServer, Device } from '@roomful/server/testing'
import { describe, expect, it } from 'vitest'
import { createClient } from '../../src/index.js'
import { initialRoom, type RoomEvent, roomStep } from '../../src/room/room-state.js'
import { Timeline } from '../../src/room/timeline.js'
import { chatFrame, joinedFrame, ScriptedServer } from '../support/scripted-server.js'

const at = (offset: number, epoch = 'e') => ({ epoch, offset, id: `id-${offset}` })
const message = (offset: number, epoch = 'e') => ({
  type: 'chat_message',
  room_id: 'r',
  ...at(offset, epoch),
})
const joined = { type: 'joined', message: '', room_id: 'r', timestamp: '', more: false } as const

describe('what a join brings', () => {
  it('[H13] what a join brings belongs to the next join if this one was given up in the middle', async () => {
    const { network, clock, connect } = await createTestServer({ limits: { pageBytes: 600 } })
    const device = new Device(network)
    const room = createClient({ url: 'ws://test', session: 'memory' }, device.runtime).room('r')
    const heard: number[] = []
    room.on('chat_message', ({ offset = 0 }) => heard.push(offset))
    await clock.settle()
    room.join()
    await clock.settle()
    void room.leave()
    await clock.settle()
    const writer = await connect()
    await writer.join('r')
    for (let i = 0; i < 20; i++) writer.send({ type: 'chat_message', message: `${i}`, client_id: `c${i}` })
    await clock.settle()
    device.link?.delay(100)
    room.join()
    await clock.advance(250)
    void room.leave()
    await clock.advance(1_000)
    const again = room.join()
    await clock.advance(10_000)
    const { messages, recovered } = await again
    expect(recovered).toBe(true)
    expect([...heard, ...messages.map(({ offset }) => offset)]).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 1),
    )
  })

  it.each(['forked', 'epoch_changed'])(
    '[H7] what a join brings is nothing of a log that turns out to be gone (%s)',
    async (reason) => {
      const script = new ScriptedServer()
      const room = script.client.room('r')
      await script.connection.welcomes()
      void room.join()
      await script.connection.says(joinedFrame(script.connection.take().at(-1), at(1, 'e1')))
      void room.leave()
      const joining = room.join()
      const [, join] = script.connection.take()
      const page = { recovered: true, more: true, messages: [chatFrame(2)], ...at(2, 'e1') }
      await script.connection.says(joinedFrame(join, page))
      await script.connection.closes(1006)
      await script.clock.advance(2_000)
      await script.connection.welcomes()
      const again = script.connection.take().find(({ type }) => type === 'join')
      const head = { epoch: reason === 'forked' ? 'e1' : 'e2', offset: 1, id: 'new-1' }
      const broken = { recovered: false, reason, messages: [chatFrame(1, head)], ...head }
      await script.connection.says(joinedFrame(again, broken))
      const { messages, recovered } = await joining
      expect([messages.map(({ id }) => id), recovered]).toEqual([['new-1'], false])
    },
  )

  it('[H7] what a join brings is no break if live frames have reached the place that the log no longer knows', () => {
    const events: RoomEvent[] = [
      { type: 'up' },
      { type: 'join', history: 10 },
      { type: 'joined', since: undefined, frame: { ...joined, ...at(1), messages: [] } },
      { type: 'members_gap' },
      { type: 'entry', at: at(2) },
      { type: 'entry', at: at(3) },
    ]
    const machine = events.reduce((m, event) => roomStep(m, event).machine, initialRoom)
    const frame = {
      ...joined,
      ...at(3),
      messages: [message(2), message(3)],
      recovered: false,
      reason: 'expired',
    }
    const step = roomStep(machine, { type: 'joined', since: at(1), frame })
    expect(step.machine.status).toMatchObject({ state: 'live', recovered: true })
    expect(step.effects).toMatchObject([{ type: 'deliver_page', entries: [] }, { type: 'live' }])
  })

  it('[H7] what a join brings is a break if the log has dropped amendments, though a page still has the message before', () => {
    const events: RoomEvent[] = [
      { type: 'up' },
      { type: 'join', history: 10 },
      { type: 'joined', since: undefined, frame: { ...joined, ...at(1), messages: [] } },
      { type: 'down', reason: '' },
      { type: 'up' },
    ]
    const machine = events.reduce((m, event) => roomStep(m, event).machine, initialRoom)
    const page = { messages: [message(1), message(3)], covers: { from: 1, to: 3 } }
    const frame = { ...joined, ...at(3), ...page, recovered: false, reason: 'expired' }
    const { effects } = roomStep(machine, { type: 'joined', since: machine.cursor, frame })
    expect(effects).toMatchObject([{ type: 'break' }, { entries: page.messages }, { type: 'live' }])
  })

  it('[J12] what a join brings continues after a kick, or says that it does not', () => {
    const expelled = Object.assign(new Error('kicked'), { code: 'forbidden' }) as never
    const events: RoomEvent[] = [
      { type: 'up' },
      { type: 'join', history: 10 },
      { type: 'joined', since: undefined, frame: { ...joined, ...at(4), messages: [] } },
      { type: 'expelled', error: expelled },
    ]
    const machine = events.reduce((m, event) => roomStep(m, event).machine, initialRoom)
    const { effects } = roomStep(machine, { type: 'join', history: 10 })
    expect(effects).toMatchObject([{ type: 'send_join', since: at(4) }])
  })
})

describe('a break in the timeline', () => {
  const timeline = () => new Timeline(100, () => {})
  const actions = { retry() {}, cancel: () => true }
  const shown = (of: Timeline) =>
    of.get().map((entry) => (entry.kind === 'break' ? entry.reason : entry.message.offset))

  it('[H12] a break in the timeline stands before an own message that only its ack has placed', () => {
    const list = timeline()
    list.received([message(1)])
    list.pending('own', { type: 'chat_message', client_id: 'own', user_id: 'me' }, actions)
    list.placed('own', at(5))
    expect(shown(list), 'frames are only late').toEqual([1, 5])
    list.broke('expired', at(7))
    list.received([message(6), message(7)])
    expect(shown(list)).toEqual([1, 'expired', 5, 6, 7])
  })

  it('[H13] a break in the timeline does not double an entry that the page after it brings again', () => {
    const list = timeline()
    list.received([message(1)])
    list.prepended([message(1), message(2), message(3)])
    list.broke('expired', at(4))
    list.received([message(2), message(3), message(4)])
    expect(shown(list)).toEqual([1, 2, 3, 'expired', 4])
  })

  it('[H12] a break in the timeline does not take an own message for lost that its ack has placed ahead of the room', () => {
    const list = timeline()
    list.received([message(1)])
    list.pending('own', { type: 'chat_message', client_id: 'own', user_id: 'me' }, actions)
    list.placed('own', at(5))
    list.broke('gap', at(3))
    expect(list.get()).toMatchObject([{ state: 'sent' }, { reason: 'gap' }, { state: 'sent', key: 'own' }])
    list.received([message(4), { ...message(5), client_id: 'own', user_id: 'me' }])
    expect(shown(list)).toEqual([1, 'gap', 4, 5])
  })

  it('[H12] a break in the timeline ends a log in which an own message was placed', () => {
    const list = timeline()
    list.received([message(1)])
    list.pending('own', { type: 'chat_message', client_id: 'own', user_id: 'me' }, actions)
    list.placed('own', at(5))
    list.broke('epoch_changed', at(1, 'new'))
    list.received([message(1, 'new')])
    expect(shown(list)).toEqual([1, 'gap', 5, 'epoch_changed', 1])
  })

  it('[H12] a break in the timeline is before own messages of a new log, of which their acks told first', () => {
    const list = timeline()
    list.received([4, 5, 6].map((offset) => message(offset)))
    for (const [name, offset] of [
      ['a', 2],
      ['b', 5],
    ] as const) {
      list.pending(name, { type: 'chat_message', client_id: name, user_id: 'me' }, actions)
      list.placed(name, at(offset, 'new'))
    }
    list.broke('epoch_changed', at(0, 'new'))
    expect(shown(list)).toEqual([4, 5, 6, 'epoch_changed', 2, 5])
    list.received([1, 2, 3, 4, 5].map((offset) => message(offset, 'new')))
    expect(shown(list)).toEqual([4, 5, 6, 'epoch_changed', 1, 2, 3, 4, 5])
  })

  it('[H12] a break in the timeline after a fork, shows as lost what the page gives another entry for, and once what was sent again', () => {
    const list = timeline()
    const named = (offset: number, id: string, client_id: string) => ({
      ...message(offset),
      ...{ id, client_id, user_id: 'ada' },
    })
    list.received([message(1), named(2, 'old-2', 'again'), named(3, 'old-3', 'gone')])
    list.broke('forked', at(4))
    list.received([message(1), named(2, 'new-2', 'again'), named(3, 'new-3', 'other'), message(4)])
    const states = list.get().map((entry) => (entry.kind === 'break' ? entry.reason : entry.state))
    expect(shown(list)).toEqual([1, 3, 'forked', 2, 3, 4])
    expect(states).toEqual(['sent', 'lost', 'forked', 'sent', 'sent', 'sent'])
  })

  it('[H12] a break in the timeline is shown where an own message of long ago stands alone, and goes when history fills it', () => {
    const list = timeline()
    list.received([message(8), message(9)])
    list.pending('own', { type: 'chat_message', client_id: 'own', user_id: 'me' }, actions)
    list.placed('own', at(5))
    expect(shown(list)).toEqual([5, 'gap', 8, 9])
    list.prepended([message(6), message(7)])
    expect(shown(list)).toEqual([5, 6, 7, 8, 9])
  })
})
