import { createTestServer } from '@roomful/server/testing'
import { describe, expect, it } from 'vitest'
import { connect, connectExtended } from '../support/connect.js'
import { serveApi } from '../support/http-api.js'
import { serve, until } from '../support/wire-server.js'

/** Users are who they say they are. */
const byName = {
  authenticate: ({ token = 'nobody' }: { token?: string | undefined }) => ({ userId: token }),
  authorize: () => true,
}

/** Ana in `a` and `b` with two devices, Bob in `b` and `10`. */
async function serveCrowd() {
  const served = await serveApi(byName)
  const [phone, laptop, bob] = [
    await connectExtended(served.url, { token: 'ana' }),
    await connectExtended(served.url, { token: 'ana' }),
    await connectExtended(served.url, { token: 'bob' }),
  ]
  for (const device of [phone, laptop]) for (const room of ['a', 'b', '@me']) await device.join(room)
  for (const room of ['b', '10']) await bob.join(room)
  return { ...served, phone, laptop, bob }
}

describe('listing rooms', () => {
  it('rooms with members are listed with their users and connections, and the users’ own streams are not', async () => {
    const { server, phone, laptop } = await serveCrowd()
    expect(await server.listRooms()).toEqual({
      rooms: [
        { roomId: '10', count: 1, connections: 1 },
        { roomId: 'a', count: 1, connections: 2 },
        { roomId: 'b', count: 2, connections: 3 },
      ],
      more: false,
    })
    for (const device of [phone, laptop]) await device.ask({ type: 'leave', room_id: 'a' }, 'left')
    expect((await server.listRooms()).rooms.map(({ roomId }) => roomId)).toEqual(['10', 'b'])
  })

  it('rooms are listed page by page, by HTTP as well', async () => {
    const { server, call } = await serveCrowd()
    const first = await server.listRooms({ limit: 2 })
    expect([first.rooms.map(({ roomId }) => roomId), first.more]).toEqual([['10', 'a'], true])
    expect(await server.listRooms({ after: 'a', limit: 2 })).toMatchObject({
      rooms: [{ roomId: 'b' }],
      more: false,
    })
    expect(await call('GET', '/rooms?limit=1')).toMatchObject({
      status: 200,
      body: { rooms: [{ room_id: '10', count: 1, connections: 1 }], more: true },
    })
    expect((await call('GET', '/rooms?after=10&limit=1')).body).toMatchObject({ rooms: [{ room_id: 'a' }] })
  })

  it.each([
    ['?limit=0', /limit/],
    ['?limit=1001', /limit/],
    ['?after=', /after/],
    ['?before=a', /There is no such field/],
  ])('rooms asked for by %j get 400 in words', async (query, words) => {
    const { call } = await serveApi()
    expect(await call('GET', `/rooms${query}`)).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', detail: expect.stringMatching(words) },
    })
  })
})

describe('listing connections', () => {
  it('connections are listed with their user, their address, their rooms, and since when they are open', async () => {
    const { server, clock, connect: connectFake } = await createTestServer(byName)
    const connectedAt = Math.round(clock.wallTime())
    const ana = await connectFake({ token: 'ana' })
    await ana.join('a')
    await clock.advance(5_000)
    const { connections, more } = await server.listConnections()
    const [{ connection_id }] = ana.frames as unknown as [{ connection_id: string }]
    const { remoteAddress } = connections[0] ?? {}
    expect({ connections, more }).toEqual({
      connections: [{ id: connection_id, userId: 'ana', remoteAddress, connectedAt, rooms: 1 }],
      more: false,
    })
    expect(remoteAddress).toBeTruthy()
  })

  it('connections that have not authenticated have no user, and those that are gone are not listed', async () => {
    const { server, url } = await serve(byName)
    const stranger = await connect(url)
    expect((await server.listConnections()).connections).toMatchObject([
      { userId: undefined, rooms: 0, remoteAddress: '127.0.0.1' },
    ])
    await stranger.vanish()
    await until(() => server.stats().connections === 0)
    expect(await server.listConnections()).toEqual({ connections: [], more: false })
  })

  it('connections are listed page by page, each once', async () => {
    const { server } = await serveCrowd()
    const ids: string[] = []
    for (let more = true; more; ) {
      const after = ids.at(-1)
      const page = await server.listConnections({ limit: 2, ...(after !== undefined && { after }) })
      ids.push(...page.connections.map(({ id }) => id))
      more = page.more
    }
    expect(new Set(ids).size).toBe(3)
    expect(ids).toHaveLength(3)
  })
})

describe.each(['listRooms', 'listConnections'] as const)('%s', (list) => {
  it.each([
    [{ after: '' }, /after must be a non-empty string/],
    [{ after: 7 }, /after must be a non-empty string/],
    [{ limit: 0 }, /limit must be a whole number from 1 to 1,000/],
    [{ limit: 1_001 }, /from 1 to 1,000/],
    [{ limit: 1.5 }, /whole number/],
    [{ before: 'x' }, /no option 'before'/],
  ])('refuses %j with a TypeError', async (options, says) => {
    const { server } = await serve()
    const error: unknown = await server[list](options as never).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(TypeError)
    expect(String(error)).toMatch(says)
  })

  it('rejects with closed once the server is closed', async () => {
    const { server } = await serve()
    await server.close()
    await expect(server[list]()).rejects.toMatchObject({ code: 'closed' })
  })
})
