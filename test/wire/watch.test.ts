import { type Backplane, type MarkStore, memory, RoomfulError } from '@roomful/server'
import { describe, expect, it } from 'vitest'
import { AMENDING_STORES } from '../support/amending-stores.js'
import { connect } from '../support/connect.js'
import type { WireClient } from '../support/wire-client.js'
import { gate, serve, until, WireClock } from '../support/wire-server.js'

const users = {
  authenticate: ({ token }: { readonly token: string | undefined }) => ({ userId: token ?? 'nobody' }),
}

async function device(url: string, token: string): Promise<WireClient> {
  const client = await connect(url)
  await client.authenticate({ token })
  return client
}

const watch = (client: WireClient, ...room_ids: string[]) =>
  client.ask({ type: 'watch_rooms', room_ids, ref: 'w' }, 'room_heads')

/** The rooms of a frame, with what is unread in each. */
const unreadIn = ({
  rooms,
}: {
  readonly rooms: readonly { readonly room_id: string; readonly unread: number }[]
}) => rooms.map(({ room_id, unread }) => `${room_id} ${unread}`).sort()

describe.each(AMENDING_STORES)('on %s, a watched room', (_, make) => {
  it('[W1] [W2] watch_rooms is answered with the heads of all rooms, and followed by those that change', async () => {
    const { url, server } = await serve({ ...users, authorize: () => true, backplane: await make() })
    const rooms = ['a', 'b', 'c'].map((id) => server.room(id))
    const [a, b] = rooms as [(typeof rooms)[0], (typeof rooms)[0]]
    for (const room of rooms) await room.chat.send('hello', { as: 'eve' })
    await a.chat.send('you', { as: 'eve', mentions: ['bob'] })
    const bob = await device(url, 'bob')
    const first = await watch(bob, 'a', 'b', 'c', 'a')
    expect([first.ref, unreadIn(first)]).toEqual(['w', ['a 2', 'b 1', 'c 1']])
    const { head } = await a.info()
    expect(first.rooms.find(({ room_id }) => room_id === 'a')).toEqual({
      room_id: 'a',
      epoch: head.epoch,
      offset: 2,
      unread: 2,
      mentions: 1,
    })
    const sent = await b.chat.send('more', { as: 'eve' })
    await b.chat.send('and more', { as: 'eve' })
    expect(await bob.next('room_heads')).toMatchObject({ rooms: [{ room_id: 'b', offset: 3, unread: 3 }] })
    await b.chat.delete(sent)
    expect(await bob.next('room_heads')).toMatchObject({ rooms: [{ room_id: 'b', offset: 4, unread: 2 }] })
    expect(bob.all('room_heads').filter(({ ref }) => ref !== undefined)).toHaveLength(1)
    await b.chat.send('mine', { as: 'bob' })
    expect(await bob.next('room_heads')).toMatchObject({ rooms: [{ room_id: 'b', unread: 0 }] })
    for (let n = 0; n < 120; n++) await b.chat.send('many', { as: 'eve' })
    const isAll = () => bob.all('room_heads').find((frame) => JSON.stringify(frame).includes('"more":true'))
    const { rooms: full } = (await bob.until(isAll, 'a hundred')) as unknown as typeof first
    expect(full[0]).toMatchObject({ room_id: 'b', unread: 100, more: true })
  })

  it('[W2] a mark that another device moves, and a log that ends, are news', async () => {
    const { url, server } = await serve({ ...users, authorize: () => true, backplane: await make() })
    const { epoch, offset, id } = await server.room('a').chat.send('hello', { as: 'eve' })
    const [bob, phone] = [await device(url, 'bob'), await device(url, 'bob')]
    expect(unreadIn(await watch(bob, 'a'))).toEqual(['a 1'])
    await phone.join('a')
    await phone.ask({ type: 'mark_read', room_id: 'a', epoch, offset, id }, 'read_marked')
    expect(unreadIn(await bob.next('room_heads'))).toEqual(['a 0'])
    await server.room('a').delete()
    const gone = await bob.next('room_heads')
    expect(gone).toMatchObject({ rooms: [{ room_id: 'a', offset: 0, unread: 0 }] })
    expect(gone.rooms[0]?.epoch).not.toBe(epoch)
  })
})

/** A server in virtual time, in whose rooms nobody is. */
async function stage(options: object = {}) {
  const clock = new WireClock()
  const { url, server } = await serve({
    ...users,
    authorize: () => true,
    clock,
    backplane: memory(),
    ...options,
  })
  const say = (room: string) => server.room(room).chat.send('hello', { as: 'eve' })
  return { clock, url, server, say }
}

it('[W2] news come at most once a second, in one frame for all rooms', async () => {
  const { clock, url, say } = await stage()
  const bob = await device(url, 'bob')
  await watch(bob, 'a', 'b', 'c')
  for (const room of ['a', 'b', 'a', 'a']) await say(room)
  await bob.never('room_heads')
  await clock.advance(1_000)
  expect(unreadIn(await bob.next('room_heads'))).toEqual(['a 3', 'b 1'])
  await clock.advance(10_000)
  await bob.never('room_heads')
})

it('[W1] a list replaces the one before', async () => {
  const { clock, url, say } = await stage()
  const bob = await device(url, 'bob')
  await watch(bob, 'a', 'b')
  for (const room of ['a', 'b', 'c']) await say(room)
  await clock.advance(1_000)
  expect(unreadIn(await bob.next('room_heads'))).toEqual(['a 1', 'b 1'])
  expect(unreadIn(await watch(bob, 'b', 'c'))).toEqual(['b 1', 'c 1'])
  await say('a')
  await clock.advance(2_000)
  await bob.never('room_heads')
  expect(await watch(bob)).toMatchObject({ rooms: [] })
  await say('b')
  await clock.advance(2_000)
  await bob.never('room_heads')
})

it('[W3] what messages lose by their age is counted anew within two minutes', async () => {
  const { clock, url, say } = await stage({ backplane: memory({ historyMs: 60_000 }) })
  await say('a')
  const bob = await device(url, 'bob')
  expect(unreadIn(await watch(bob, 'a'))).toEqual(['a 1'])
  await clock.advance(59_000)
  for (let n = 0; n < 125; n++) {
    await clock.advance(1_000)
    await bob.settled()
  }
  expect(unreadIn(await bob.next('room_heads'))).toEqual(['a 0'])
})

it('[W3] whoever is mentioned hears of it, even with a hundred unread messages', async () => {
  const { clock, url, server, say } = await stage()
  for (let n = 0; n < 101; n++) await say('a')
  const bob = await device(url, 'bob')
  const others = Array.from({ length: 100 }, (_, n) => `other${n}`)
  expect(unreadIn(await watch(bob, 'a', ...others))).toContain('a 100')
  // After it was its turn to be counted anew.
  for (let n = 0; n < 3; n++) {
    await clock.advance(1_000)
    await bob.settled()
  }
  await server.room('a').chat.send('hello', { as: 'eve', mentions: ['bob'] })
  await clock.advance(1_000)
  expect(await bob.next('room_heads')).toMatchObject({ rooms: [{ unread: 100, mentions: 1 }] })
})

it('[W4] the application is asked about each room of the list, and again after five minutes', async () => {
  const asked: string[] = []
  const forbidden = new Set(['secret'])
  const authorize = ({ user, action, roomId }: { user: { id: string }; action: string; roomId: string }) => {
    if (action === 'watch') asked.push(`${user.id} ${roomId}`)
    return !forbidden.has(roomId)
  }
  const { clock, url, say } = await stage({ authorize })
  for (const room of ['a', 'b', 'secret']) await say(room)
  const bob = await device(url, 'bob')
  const first = await watch(bob, 'a', 'b', 'secret')
  expect([unreadIn(first), first.denied, asked.sort()]).toEqual([
    ['a 1', 'b 1'],
    ['secret'],
    ['bob a', 'bob b', 'bob secret'],
  ])
  asked.length = 0
  forbidden.add('b')
  await clock.advance(299_000)
  expect(asked).toEqual([])
  await clock.advance(2_000)
  await bob.settled()
  expect(await bob.next('room_heads')).toMatchObject({ rooms: [], denied: ['b'] })
  await say('b')
  await clock.advance(2_000)
  await bob.never('room_heads')
})

it('[W4] a room from which somebody was kicked is watched again once they have joined it, and after a ban within five minutes', async () => {
  const { clock, url, server, say } = await stage()
  const bob = await device(url, 'bob')
  await watch(bob, 'a')
  server.room('a').kick('bob')
  expect(await bob.next('room_heads')).toMatchObject({ rooms: [], denied: ['a'] })
  await bob.join('a')
  await bob.ask({ type: 'leave', room_id: 'a' }, 'left')
  await say('a')
  await clock.advance(2_000)
  expect(unreadIn(await bob.next('room_heads'))).toEqual(['a 1'])

  await server.room('a').ban('bob', { forMs: 1_000 })
  expect(await bob.next('room_heads')).toMatchObject({ rooms: [], denied: ['a'] })
  await say('a')
  await clock.advance(301_000)
  await bob.settled()
  await clock.advance(2_000)
  expect(unreadIn(await bob.next('room_heads'))).toEqual(['a 2'])
})

it('[W4] an application that cannot say now fails what is new, and ends nothing that is watched', async () => {
  const broken = { is: true }
  const authorize = () => {
    if (broken.is) throw new Error('no database')
    return true
  }
  const { clock, url, say } = await stage({ authorize })
  const bob = await device(url, 'bob')
  expect(await bob.refusal({ type: 'watch_rooms', room_ids: ['a'], ref: 'w' })).toBe('unavailable')
  broken.is = false
  await watch(bob, 'a')
  broken.is = true
  await clock.advance(302_000)
  await say('a')
  await clock.advance(1_000)
  expect(unreadIn(await bob.next('room_heads'))).toEqual(['a 1'])
})

it('[W4] nothing is told of a room before the application has allowed it', async () => {
  const answer = gate()
  const asked: string[] = []
  const authorize = async ({ action, roomId }: { action: string; roomId: string }) => {
    if (action !== 'watch') return true
    asked.push(roomId)
    await answer.opened
    return roomId !== 'secret'
  }
  const { clock, url, say } = await stage({ authorize })
  for (const room of ['a', 'secret']) await say(room)
  const bob = await device(url, 'bob')
  const first = watch(bob, 'a', 'secret')
  await until(() => asked.length === 2)
  for (let n = 0; n < 5; n++) {
    await say('secret')
    await clock.advance(1_000)
    await bob.settled()
  }
  expect(bob.all('room_heads')).toEqual([])
  answer.open()
  expect(await first).toMatchObject({ rooms: [{ room_id: 'a', unread: 1 }], denied: ['secret'] })
})

it('[W4] a list that fails leaves no room watched that nobody was asked about', async () => {
  const broken = { is: true }
  const authorize = ({ action, roomId }: { action: string; roomId: string }) => {
    if (action === 'watch' && broken.is && roomId !== 'secret') throw new Error('no database')
    return roomId !== 'secret'
  }
  const { clock, url, say } = await stage({ authorize })
  const bob = await device(url, 'bob')
  const rooms = [...Array.from({ length: 40 }, (_, n) => `room${n}`), 'secret']
  expect(await bob.refusal({ type: 'watch_rooms', room_ids: rooms, ref: 'w' })).toBe('unavailable')
  for (const room of rooms) await say(room)
  for (let n = 0; n < 3; n++) {
    await clock.advance(1_000)
    await bob.settled()
  }
  await bob.never('room_heads')
  broken.is = false
  const answer = await watch(bob, ...rooms)
  expect([answer.rooms.length, answer.denied]).toEqual([40, ['secret']])
})

it('[W4] an application that answers slowly delays nobody’s news', async () => {
  const answer = gate()
  const slow = { is: false }
  const authorize = async ({ user }: { user: { id: string } }) => {
    if (slow.is && user.id === 'bob') await answer.opened
    return true
  }
  const { clock, url, say } = await stage({ authorize })
  const [bob, ann] = [await device(url, 'bob'), await device(url, 'ann')]
  for (const one of [bob, ann]) await watch(one, 'a')
  slow.is = true
  await clock.advance(301_000)
  await say('a')
  await clock.advance(1_000)
  expect(unreadIn(await ann.next('room_heads'))).toEqual(['a 1'])
  answer.open()
})

it('[W4] a kick ends the watch, and so does access that is withdrawn from a member', async () => {
  const forbidden = new Set<string>()
  const { clock, url, server, say } = await stage({
    authorize: ({ roomId }: { roomId: string }) => !forbidden.has(roomId),
  })
  const bob = await device(url, 'bob')
  await bob.join('b')
  await watch(bob, 'a', 'b')
  server.room('a').kick('bob')
  expect(await bob.next('room_heads')).toMatchObject({ rooms: [], denied: ['a'] })
  forbidden.add('b')
  await bob.ask({ type: 'history', room_id: 'b' }, 'error')
  expect(await bob.next('room_heads')).toMatchObject({ rooms: [], denied: ['b'] })
  for (const room of ['a', 'b']) await say(room)
  await clock.advance(2_000)
  await bob.never('room_heads')
})

it('[W4] who is banned from a room can no longer watch it', async () => {
  const { url, server } = await stage()
  const bob = await device(url, 'bob')
  await watch(bob, 'a', 'b')
  await server.room('a').ban('bob', { forMs: 60_000 })
  expect(await bob.next('room_heads')).toMatchObject({ rooms: [], denied: ['a'] })
  expect(await watch(bob, 'a', 'b')).toMatchObject({ rooms: [{ room_id: 'b' }], denied: ['a'] })
})

it('[W5] watching needs no membership, and has limits of its own', async () => {
  const limits = { watchedRoomsPerConnection: 2, watchedRooms: 3, roomsPerConnection: 1 }
  const { url, say } = await stage({ limits })
  const [bob, eve] = [await device(url, 'bob'), await device(url, 'eve')]
  await say('a')
  expect(unreadIn(await watch(bob, 'a', 'b'))).toEqual(['a 1', 'b 0'])
  await bob.join('c')
  const list = (...room_ids: string[]) => ({ type: 'watch_rooms', room_ids, ref: 'w' })
  expect(await bob.refusal(list('a', 'b', 'c'))).toBe('room_limit')
  const full = await eve.ask(list('a', 'b'), 'error')
  expect([full.code, full.ref, full.retry_after_ms]).toEqual(['unavailable', 'w', 5_000])
  await watch(bob, 'a')
  await watch(eve, 'a', 'b')
  bob.close()
  await bob.closed
  expect(unreadIn(await watch(eve, 'a'))).toEqual(['a 0'])
})

it('[W1] a list that failed when its rooms were counted has all of them when it is sent again', async () => {
  const store = memory()
  const { marks } = store
  const reading = marks?.reading.bind(marks)
  const { url, say } = await stage({ backplane: store })
  await say('a')
  const bob = await device(url, 'bob')
  const broken = async () => {
    throw new RoomfulError('unavailable')
  }
  Object.assign(marks ?? {}, { reading: broken })
  expect(await bob.refusal({ type: 'watch_rooms', room_ids: ['a'], ref: 'w' })).toBe('unavailable')
  Object.assign(marks ?? {}, { reading })
  expect(unreadIn(await watch(bob, 'a'))).toEqual(['a 1'])
})

it('[W1] many who watch a room at once are each counted for once', async () => {
  const store = memory()
  const counting = gate()
  const real = store.marks?.reading.bind(store.marks)
  let readings = 0
  const reading: MarkStore['reading'] = async (...of) => {
    readings++
    await counting.opened
    return (real as MarkStore['reading'])(...of)
  }
  const { url, say } = await stage({ backplane: store })
  await say('a')
  Object.assign(store.marks ?? {}, { reading })
  const devices = await Promise.all(Array.from({ length: 20 }, (_, n) => device(url, `user${n}`)))
  const answers = devices.map((one) => watch(one, 'a'))
  await until(() => readings === 20)
  for (const one of devices) await one.settled()
  counting.open()
  await Promise.all(answers)
  expect(readings).toBe(20)
})

it('[W2] what is logged while the store counts is not missed', async () => {
  const store = memory()
  const real = store.marks?.reading.bind(store.marks) as MarkStore['reading']
  const { clock, url, say } = await stage({ backplane: store })
  await say('a')
  const [ann, bob] = [await device(url, 'ann'), await device(url, 'bob')]
  await watch(ann, 'a')
  const late = gate()
  let isFirst = true
  const reading: MarkStore['reading'] = async (...of) => {
    const counted = await real(...of)
    if (isFirst) {
      isFirst = false
      await late.opened
    }
    return counted
  }
  Object.assign(store.marks ?? {}, { reading })
  bob.send({ type: 'watch_rooms', room_ids: ['a'], ref: 'w' })
  await until(() => !isFirst)
  await say('a')
  await clock.advance(1_000)
  expect(unreadIn(await ann.next('room_heads'))).toEqual(['a 2'])
  late.open()
  const isAnswer = () => bob.all('room_heads').find(({ ref }) => ref === 'w')
  expect(await bob.until(isAnswer, 'the answer')).toMatchObject({ rooms: [{ unread: 2 }] })
})

it('[W3] what the store counted before everything is counted anew does not replace what is newer', async () => {
  const store = memory()
  const real = store.marks?.reading.bind(store.marks) as MarkStore['reading']
  const { clock, url, say } = await stage({ backplane: store })
  await say('a')
  const [ann, bob] = [await device(url, 'ann'), await device(url, 'bob')]
  await watch(ann, 'a')
  const [late, anew] = [gate(), gate()]
  const asked: string[] = []
  const reading: MarkStore['reading'] = async (stream, reader) => {
    const counted = await real(stream, reader)
    asked.push(reader.userId)
    if (asked.length === 1) await late.opened
    if (reader.userId === 'ann') await anew.opened
    return counted
  }
  Object.assign(store.marks ?? {}, { reading })
  bob.send({ type: 'watch_rooms', room_ids: ['a'], ref: 'w' })
  await until(() => asked.length === 1)
  await say('a')
  await clock.advance(1_000)
  await until(() => asked.includes('ann'))
  late.open()
  const isAnswer = () => bob.all('room_heads').find(({ ref }) => ref === 'w')
  expect(await bob.until(isAnswer, 'the answer')).toMatchObject({ rooms: [{ offset: 2, unread: 2 }] })
  anew.open()
})

it('[W1] a room that is counted anew while a list is answered is in the answer', async () => {
  const store = memory()
  const real = store.marks?.reading.bind(store.marks) as MarkStore['reading']
  const { clock, url, say } = await stage({ backplane: store })
  await say('a')
  await say('b')
  const bob = await device(url, 'bob')
  const [slow, anew] = [gate(), gate()]
  let [ofA, ofB] = [0, 0]
  const reading: MarkStore['reading'] = async (stream, reader) => {
    const counted = await real(stream, reader)
    if (stream === 'b' && ofB++ === 0) await slow.opened
    if (stream === 'a' && ofA++ === 1) await anew.opened
    return counted
  }
  Object.assign(store.marks ?? {}, { reading })
  bob.send({ type: 'watch_rooms', room_ids: ['a', 'b'], ref: 'w' })
  await until(() => ofA === 1 && ofB === 1)
  await clock.advance(1_000)
  await until(() => ofA === 2)
  slow.open()
  const isAnswer = () => bob.all('room_heads').find(({ ref }) => ref === 'w')
  const answer = (await bob.until(isAnswer, 'the answer')) as unknown as Parameters<typeof unreadIn>[0]
  expect(unreadIn(answer)).toEqual(['a 1', 'b 1'])
  anew.open()
})

it('[W6] a connection that ends while its list is taken counts no longer', async () => {
  const store = memory()
  const { marks } = store
  const [begun, asked] = [gate(), gate()]
  const real = marks?.watch.bind(marks)
  const slow: MarkStore['watch'] = async (changed) => {
    asked.open()
    await begun.opened
    return (real as MarkStore['watch'])(changed)
  }
  Object.assign(marks ?? {}, { watch: slow })
  const { url } = await stage({ backplane: store, limits: { watchedRooms: 1 } })
  const [bob, eve] = [await device(url, 'bob'), await device(url, 'eve')]
  bob.send({ type: 'watch_rooms', room_ids: ['a'], ref: 'w' })
  await asked.opened
  await bob.vanish()
  await eve.settled()
  begun.open()
  await eve.settled()
  expect(unreadIn(await watch(eve, 'a'))).toEqual(['a 0'])
})

it('[W5] watch_rooms is checked, counts as a request for history, and is for extended connections', async () => {
  const { url } = await stage({ limits: { historyPerSecond: 1 } })
  const bob = await device(url, 'bob')
  const wrong = await bob.ask({ type: 'watch_rooms', room_ids: ['a', '@you'] }, 'error')
  expect([wrong.code, wrong.issues?.[0]?.path]).toEqual(['invalid_message', 'room_ids.1'])
  const list = { type: 'watch_rooms', room_ids: 'a' }
  expect([await bob.refusal(list), await bob.refusal(list)]).toEqual(['invalid_message', 'rate_limited'])
  const { url: open } = await serve({ backplane: memory() })
  const base = await connect(open)
  expect(await base.refusal({ type: 'watch_rooms', room_ids: ['a'] })).toBe('forbidden')
  const without: Backplane = Object.assign(memory(), { marks: undefined })
  const { url: other } = await serve({ ...users, authorize: () => true, backplane: without })
  expect(await (await device(other, 'bob')).refusal({ type: 'watch_rooms', room_ids: [] })).toBe(
    'unknown_type',
  )
})

it('[W6] a watch ends with its connection', async () => {
  const { clock, url, server, say } = await stage()
  const bob = await device(url, 'bob')
  await watch(bob, 'a')
  await bob.vanish()
  await say('a')
  await clock.advance(2_000)
  const again = await device(url, 'bob')
  await clock.advance(2_000)
  await again.never('room_heads')
  expect((await server.room('a').info()).connections).toBe(0)
})
