import { type MarkStore, RoomfulError } from '@roomful/server'
import { redis } from '@roomful/server/redis'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { Keys } from '../../packages/server/src/backplane/redis/keys.js'
import { connect } from '../support/connect.js'
import { RedisServer } from '../support/redis.js'
import { TcpProxy } from '../support/tcp-proxy.js'
import { serve } from '../support/wire-server.js'

let store: RedisServer
beforeAll(async () => {
  store = await RedisServer.start()
})
afterAll(() => store.remove())

const options = {
  authenticate: ({ token }: { readonly token: string | undefined }) => ({ userId: token ?? 'nobody' }),
  authorize: () => true,
}

async function device(url: string, token: string) {
  const client = await connect(url)
  await client.authenticate({ token })
  const joined = await client.join('lobby')
  return { client, joined }
}

it('[U2] [U5] marks go from node to node: at once to the own devices, and to others within a second', async () => {
  const [one, two] = [
    await serve({ ...options, backplane: redis({ url: store.url, prefix: 'a' }) }),
    await serve({ ...options, backplane: redis({ url: store.url, prefix: 'a' }) }),
  ]
  const [{ client: ana }, { client: bob }] = [await device(one.url, 'ana'), await device(one.url, 'bob')]
  const { client: phone } = await device(two.url, 'bob')
  const { client: eve } = await device(two.url, 'eve')
  const { epoch, offset, id } = await ana.chat('lobby', 'hello')
  const mark = { type: 'mark_read', room_id: 'lobby', epoch, offset, id }
  expect(await bob.ask(mark, 'read_marked')).toMatchObject({ offset: 1, unread: 0 })
  expect(await phone.next('read_marked')).toMatchObject({ user_id: 'bob', offset: 1, unread: 0, counted: 1 })
  for (const other of [ana, eve]) {
    const told = await other.next('read_marked')
    expect(told).toEqual({ type: 'read_marked', room_id: 'lobby', user_id: 'bob', epoch, offset, id })
  }
  const { joined } = await device(two.url, 'dan')
  expect(joined.marks).toContainEqual({ user_id: 'bob', epoch, offset, id })
})

it('[U2] a node whose subscriptions were broken tells its devices the marks that it has missed', async () => {
  const [one, two] = [
    await serve({ ...options, backplane: redis({ url: store.url, prefix: 'b' }) }),
    await serve({ ...options, backplane: redis({ url: store.url, prefix: 'b' }) }),
  ]
  const [{ client: ana }, { client: bob }] = [await device(one.url, 'ana'), await device(one.url, 'bob')]
  const { client: phone } = await device(two.url, 'bob')
  const { epoch, offset, id } = await ana.chat('lobby', 'hello')
  await store.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await bob.ask({ type: 'mark_read', room_id: 'lobby', epoch, offset, id }, 'read_marked')
  expect(await phone.next('read_marked')).toMatchObject({ user_id: 'bob', offset: 1, unread: 0 })
})

it('[U2] a node that cannot read at once the marks that it has missed reads them again until it can', async () => {
  const address = await TcpProxy.to(store.port)
  onTestFinished(() => address.close())
  const backplane = redis({ url: address.redisUrl, prefix: 'e' })
  const [one, two] = [
    await serve({ ...options, backplane: redis({ url: store.url, prefix: 'e' }) }),
    await serve({ ...options, backplane }),
  ]
  const [{ client: ana }, { client: bob }] = [await device(one.url, 'ana'), await device(one.url, 'bob')]
  const { client: phone } = await device(two.url, 'bob')
  const { epoch, offset, id } = await ana.chat('lobby', 'hello')
  await phone.next('chat_message')
  const reading = backplane.marks?.reading.bind(backplane.marks) as MarkStore['reading']
  let failures = 0
  const failing: MarkStore['reading'] = async (...of) => {
    if (failures++ < 2) throw new RoomfulError('unavailable')
    return reading(...of)
  }
  Object.assign(backplane.marks ?? {}, { reading: failing })
  address.shut()
  await bob.ask({ type: 'mark_read', room_id: 'lobby', epoch, offset, id }, 'read_marked')
  address.open()
  expect(await phone.next('read_marked')).toMatchObject({ user_id: 'bob', offset: 1, unread: 0 })
})

it('[W2] a node hears of what rooms have logged through another one, and of marks, without a subscription to them', async () => {
  const [one, two] = [
    await serve({ ...options, backplane: redis({ url: store.url, prefix: 'c' }) }),
    await serve({ ...options, backplane: redis({ url: store.url, prefix: 'c' }) }),
  ]
  const { client: bob } = await device(one.url, 'bob')
  const phone = await connect(two.url)
  await phone.authenticate({ token: 'bob' })
  const list = { type: 'watch_rooms', room_ids: ['lobby', 'new', 'other'] }
  expect(await phone.ask(list, 'room_heads')).toMatchObject({ rooms: [{ room_id: 'lobby', unread: 0 }] })
  const { epoch, offset, id } = await one.server.room('lobby').chat.send('hello', { as: 'ana' })
  await one.server.room('new').chat.send('hello', { as: 'ana', mentions: ['bob'] })
  const heads = new Map<string, unknown>()
  const knows = (room_id: string, expected: object) =>
    phone.until(
      () => {
        for (const { rooms } of phone.all('room_heads') as unknown as { rooms: { room_id: string }[] }[])
          for (const head of rooms) heads.set(head.room_id, head)
        const head = heads.get(room_id) as Record<string, unknown> | undefined
        return head && Object.entries(expected).every(([name, value]) => head[name] === value)
      },
      `${room_id} with ${JSON.stringify(expected)}`,
    )
  await knows('lobby', { offset: 1, unread: 1 })
  await knows('new', { offset: 1, unread: 1, mentions: 1 })
  await bob.ask({ type: 'mark_read', room_id: 'lobby', epoch, offset, id }, 'read_marked')
  await knows('lobby', { offset: 1, unread: 0 })
  expect(two.server.stats().rooms).toBe(0)
})

it('[W3] a room whose log lost its newest entries is counted anew, for who watches it and for who comes later', async () => {
  const { url, server } = await serve({ ...options, backplane: redis({ url: store.url, prefix: 'd' }) })
  for (let n = 0; n < 5; n++) await server.room('lobby').chat.send('hello', { as: 'ana' })
  const watching = async (token: string) => {
    const client = await connect(url)
    await client.authenticate({ token })
    const answer = await client.ask({ type: 'watch_rooms', room_ids: ['lobby'] }, 'room_heads')
    return { client, answer }
  }
  const bob = await watching('bob')
  expect(bob.answer).toMatchObject({ rooms: [{ offset: 5, unread: 5 }] })
  await store.command('HDEL', new Keys('d', 0).log('lobby'), '4', '5')
  expect(await bob.client.next('room_heads')).toMatchObject({ rooms: [{ offset: 3, unread: 3 }] })
  expect((await watching('eve')).answer).toMatchObject({ rooms: [{ offset: 3, unread: 3 }] })
  await server.room('lobby').chat.send('hello', { as: 'ana' })
  expect(await bob.client.next('room_heads')).toMatchObject({ rooms: [{ offset: 4, unread: 4 }] })
})
