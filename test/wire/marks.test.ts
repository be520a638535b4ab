import { defineProtocol, volatile } from '@roomful/protocol'
import { type Backplane, memory } from '@roomful/server'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { AMENDING_STORES } from '../support/amending-stores.js'
import { connect, connectExtended } from '../support/connect.js'
import type { WireClient } from '../support/wire-client.js'
import { serve, WireClock } from '../support/wire-server.js'

interface Place {
  readonly epoch: string
  readonly offset: number
  readonly id: string
}

const placeOf = ({ epoch, offset, id }: Place): Place => ({ epoch, offset, id })
const markOf = (place: Place, fields: object = {}) => ({
  type: 'mark_read',
  room_id: 'lobby',
  ...placeOf(place),
  ...fields,
})

/** By their names: two devices may be of one user. */
const byName = {
  authenticate: ({ token }: { readonly token: string | undefined }) => ({ userId: token ?? 'nobody' }),
  authorize: () => true,
}

async function device(url: string, token: string, history?: number) {
  const client = await connect(url)
  await client.authenticate({ token })
  return { client, joined: await client.join('lobby', history === undefined ? {} : { history }) }
}

async function devices<const T extends readonly string[]>(url: string, ...users: T) {
  const clients: WireClient[] = []
  for (const user of users) clients.push((await device(url, user)).client)
  return clients as { [K in keyof T]: WireClient }
}

const protocol = defineProtocol({
  server: { ordered: z.object({ what: z.string() }), moved: z.object({}), seen: volatile(z.object({})) },
  counts: ['ordered'],
})

describe.each(AMENDING_STORES)('on %s, a mark', (_, make) => {
  it('[U1] [U2] mark_read is answered by read_marked with what is unread above it, and all devices of the user hear', async () => {
    const { url } = await serve({ ...byName, backplane: await make() })
    const [ana, bob, phone] = await devices(url, 'ana', 'bob', 'bob')
    const [first, second, third] = [
      await ana.chat('lobby', 'one'),
      await ana.chat('lobby', 'two', { mentions: ['bob'] }),
      await ana.chat('lobby', '3'),
    ]
    const answer = await bob.ask(markOf(first, { ref: 'r' }), 'read_marked')
    const told = { type: 'read_marked', room_id: 'lobby', user_id: 'bob', ...placeOf(first) }
    const count = { counted: 3, unread: 2, mentions: 1 }
    expect(answer).toEqual({ ...told, ...count, ref: 'r' })
    expect(await phone.next('read_marked')).toEqual({ ...told, ...count })
    for (const wrong of [
      { ...third, id: second.id },
      { ...third, epoch: 'other' },
      { ...third, offset: 9 },
    ])
      expect(await bob.ask(markOf(wrong), 'read_marked')).toEqual({ ...told, ...count })
    expect(await phone.ask(markOf(third), 'read_marked')).toMatchObject({ offset: 3, counted: 3, unread: 0 })
    expect(await bob.next('read_marked')).toMatchObject({ offset: 3, unread: 0 })
    expect(await bob.ask(markOf(second), 'read_marked')).toMatchObject({ offset: 3, unread: 0 })
    await phone.never('read_marked')
  })

  it('[U3] [U4] joined has the mark, what is unread and what of it mentions the user', async () => {
    const { url, server } = await serve({ ...byName, protocol, backplane: await make() })
    const [ana] = await devices(url, 'ana')
    const places: Place[] = []
    for (const text of ['one', 'two', 'three', 'four'])
      places.push(await ana.chat('lobby', text, { mentions: ['bob'] }))
    await server.room('lobby').publish({ type: 'moved' })
    await server.room('lobby').publish({ type: 'ordered', what: 'tea' })
    const { client: bob, joined: fresh } = await device(url, 'bob')
    expect(fresh).toMatchObject({ unread: 5, mentions: 4 })
    expect(fresh).not.toHaveProperty('mark')
    const [, second = {} as Place, third = {} as Place] = places
    await bob.ask(markOf(second), 'read_marked')
    const target = { offset: third.offset, id: third.id }
    await ana.ask({ type: 'delete_message', room_id: 'lobby', target, client_id: 'd' }, 'ack')
    const { joined } = await device(url, 'bob', 10)
    expect(joined).toMatchObject({ mark: placeOf(second), unread: 2, mentions: 1 })
    expect((await device(url, 'ana')).joined).toMatchObject({ mark: placeOf(places[3] as Place), unread: 1 })
  })

  it('[U6] a chat message moves the mark of its author, also one that the server sends in their name', async () => {
    const { url, server } = await serve({ ...byName, backplane: await make() })
    const [ana, bob] = await devices(url, 'ana', 'bob')
    await ana.chat('lobby', 'one')
    const mine = await bob.chat('lobby', 'two')
    await bob.never('read_marked')
    await ana.chat('lobby', 'three')
    expect((await device(url, 'bob')).joined).toMatchObject({ mark: placeOf(mine), unread: 1 })
    const sent = await server.room('lobby').chat.send('four', { as: 'bob' })
    await server.room('lobby').chat.send('five')
    expect((await device(url, 'bob')).joined).toMatchObject({ mark: placeOf(sent), unread: 1 })
  })

  it('[U3] [U6] reactions do not count, move no mark, and take nothing from the count when they are erased', async () => {
    const { url, server } = await serve({ ...byName, backplane: await make() })
    const [ana, bob, cat] = await devices(url, 'ana', 'bob', 'cat')
    const place = await ana.chat('lobby', 'one', { mentions: ['bob'] })
    const target = { offset: place.offset, id: place.id }
    const reacts = { room_id: 'lobby', target, reaction: '👍' }
    for (const member of [bob, cat])
      await member.ask({ type: 'add_reaction', ...reacts, client_id: 'r1' }, 'ack')
    await cat.ask({ type: 'remove_reaction', ...reacts, client_id: 'r2' }, 'ack')
    const { joined } = await device(url, 'bob')
    expect(joined).toMatchObject({ offset: 4, unread: 1, mentions: 1 })
    expect(joined).not.toHaveProperty('mark')
    await cat.ask({ type: 'add_reaction', ...reacts, client_id: 'r3' }, 'ack')
    await server.user('cat').erase()
    await bob.next('reactions_erased')
    const nowhere = { epoch: place.epoch, offset: 0, id: place.epoch }
    const counted = await bob.ask(markOf(nowhere), 'read_marked')
    expect(counted).toMatchObject({ offset: 0, unread: 1, mentions: 1 })
    expect(await bob.ask(markOf(place), 'read_marked')).toMatchObject({ offset: place.offset, unread: 0 })
  })

  it('[U1] [S1] a muted user marks what they have read', async () => {
    const { url, server } = await serve({ ...byName, backplane: await make() })
    const [ana, bob] = await devices(url, 'ana', 'bob')
    const place = await ana.chat('lobby', 'one')
    await server.room('lobby').mute('bob', { forMs: 60_000 })
    expect(await bob.ask(markOf(place), 'read_marked')).toMatchObject({ ...placeOf(place), unread: 0 })
  })

  it('[U7] a mark ends with its log', async () => {
    const { url, server } = await serve({ ...byName, backplane: await make() })
    const [ana, bob] = await devices(url, 'ana', 'bob')
    const place = await ana.chat('lobby', 'one')
    await bob.ask(markOf(place), 'read_marked')
    await server.room('lobby').delete()
    const { epoch } = await bob.next('resync')
    const start = { epoch, offset: 0, id: epoch }
    expect(await bob.ask(markOf(place), 'read_marked')).toMatchObject({ ...start, counted: 0, unread: 0 })
    const { joined } = await device(url, 'bob')
    expect(joined).not.toHaveProperty('mark')
    expect(joined.unread).toBe(0)
  })

  it('[U8] @me has a mark of its own, and what counts there is what the protocol says', async () => {
    const { url, server } = await serve({ ...byName, protocol, backplane: await make() })
    await server.user('bob').publish({ type: 'ordered', what: 'tea' })
    const second = await server.user('bob').publish({ type: 'ordered', what: 'cake' })
    await server.user('bob').publish({ type: 'ordered', what: 'milk' })
    const [bob, phone] = [await connect(url), await connect(url)]
    for (const one of [bob, phone]) {
      await one.authenticate({ token: 'bob' })
      expect(await one.join('@me')).toMatchObject({ unread: 3 })
    }
    const told = { room_id: '@me', user_id: 'bob', offset: 2, unread: 1 }
    expect(await bob.ask(markOf(second, { room_id: '@me' }), 'read_marked')).toMatchObject(told)
    expect(await phone.next('read_marked')).toMatchObject(told)
  })
})

it('[U5] other members hear of marks at most once a second, and get those of all when they join', async () => {
  const clock = new WireClock()
  const { url } = await serve({ ...byName, clock, backplane: memory() })
  const [ana, bob] = await devices(url, 'ana', 'bob')
  const places = [await ana.chat('lobby', 'one'), await ana.chat('lobby', 'two')]
  for (const place of places) await bob.ask(markOf(place), 'read_marked')
  await ana.never('read_marked')
  const marked = { user_id: 'bob', ...placeOf(places[1] as Place) }
  expect((await device(url, 'eve')).joined.marks).toContainEqual(marked)
  await clock.advance(1_000)
  expect(await ana.next('read_marked')).toEqual({ type: 'read_marked', room_id: 'lobby', ...marked })
  await clock.advance(5_000)
  await ana.never('read_marked')
  const { marks } = (await device(url, 'bob')).joined
  expect(marks).toEqual([{ user_id: 'ana', ...placeOf(places[1] as Place) }])
})

it('[U7] marks of a room that was deleted a moment ago are told to nobody', async () => {
  const clock = new WireClock()
  const { url, server } = await serve({ ...byName, clock })
  const [ana, bob] = await devices(url, 'ana', 'bob')
  const sent = await ana.chat('lobby', 'one')
  await bob.ask(markOf(sent), 'read_marked')
  await server.room('lobby').delete()
  await ana.next('resync')
  await ana.chat('lobby', 'two')
  const { joined } = await device(url, 'cyd')
  expect(joined.marks?.map(({ user_id }) => user_id)).not.toContain('bob')
  await clock.advance(3_000)
  await ana.never('read_marked')
})

it('[U5] members of a large room hear of no marks but their own', async () => {
  const clock = new WireClock()
  const { url } = await serve({ ...byName, clock, backplane: memory(), limits: { listedMembers: 2 } })
  const [ana, bob, eve] = await devices(url, 'ana', 'bob', 'eve')
  const place = await ana.chat('lobby', 'one')
  await bob.ask(markOf(place), 'read_marked')
  await clock.advance(2_000)
  for (const one of [ana, eve]) await one.never('read_marked')
  expect((await device(url, 'bob')).joined).not.toHaveProperty('marks')
})

it('[U9] mark_read needs a membership, and a store that keeps marks', async () => {
  const { url } = await serve({ ...byName, backplane: memory() })
  const bob = await connect(url)
  await bob.authenticate({ token: 'bob' })
  expect(await bob.refusal(markOf({ epoch: 'e', offset: 1, id: 'x' }))).toBe('not_in_room')
  expect(await bob.refusal({ type: 'mark_read', room_id: 'lobby' })).toBe('not_in_room')
  await bob.join('lobby')
  expect(await bob.refusal({ type: 'mark_read', room_id: 'lobby', offset: 1 })).toBe('invalid_message')
  const without: Backplane = Object.assign(memory(), { marks: undefined })
  const { url: other } = await serve({ backplane: without })
  const [ana] = [await connectExtended(other)]
  expect(await ana.join('lobby')).not.toHaveProperty('unread')
  const refused = await ana.ask(markOf({ epoch: 'e', offset: 1, id: 'x' }), 'error')
  expect(refused).toMatchObject({ code: 'unknown_type', message: 'Unknown message type: mark_read' })
})

it('[B4] a base member has no mark, and hears of none', async () => {
  const clock = new WireClock()
  const { url } = await serve({ clock, backplane: memory() })
  const base = await connect(url)
  const joined = await base.join('lobby')
  for (const field of ['mark', 'unread', 'marks']) expect(joined).not.toHaveProperty(field)
  const ana = await connectExtended(url)
  await ana.join('lobby')
  const other = await connectExtended(url)
  await other.join('lobby')
  await ana.ask(markOf(await other.chat('lobby', 'hi')), 'read_marked')
  await clock.advance(2_000)
  await base.never('read_marked')
  await other.next('read_marked')
})
