import { join } from 'node:path'
import { defineProtocol } from '@roomful/protocol'
import { type Backplane, type Change, memory, type Roomful, RoomfulError } from '@roomful/server'
import { sqlite } from '@roomful/server/sqlite'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { temporaryFolder } from '../durable/disk-stage.js'
import { connectExtended } from '../support/connect.js'
import { serve, WireClock } from '../support/wire-server.js'

const protocol = defineProtocol({ server: { noted: z.object({ text: z.string() }) } })
type Server = Roomful<typeof protocol>

const users = {
  protocol,
  authenticate: ({ token }: { token: string | undefined }) => ({ userId: token ?? '' }),
  authorize: () => true,
}

const note = (server: Server, room: string, text: string) =>
  server.room(room).publish({ type: 'noted', text })
const textOf = ({ message }: Change<typeof protocol>) =>
  message.type === 'noted' ? message.text : message.type === 'chat_message' ? message.message : message.type

async function all(changes: AsyncIterable<Change<typeof protocol>>): Promise<Change<typeof protocol>[]> {
  const found = []
  for await (const change of changes) found.push(change)
  return found
}

describe('changes', () => {
  it('changes bring what clients send and what the server publishes, of all rooms and users, with place and author', async () => {
    const { url, server } = await serve(users)
    const ana = await connectExtended(url, { token: 'ana' })
    await ana.join('a')
    const ack = await ana.chat('a', 'hello')
    const { duplicate: _, ...noted } = await note(server, 'b', 'one')
    const { duplicate: __, ...own } = await server.user('bob').publish({ type: 'noted', text: 'letter' })
    const changes = await all(server.changes({ live: false }))
    expect(changes.map(({ cursor, timestampMs, ...change }) => change)).toEqual([
      {
        roomId: 'a',
        position: { epoch: ack.epoch, offset: 1, id: ack.id },
        message: expect.objectContaining({ type: 'chat_message', message: 'hello', user_id: 'ana' }),
      },
      { roomId: 'b', position: noted, message: { type: 'noted', text: 'one', room_id: 'b', ...noted } },
      {
        roomId: '@me',
        userId: 'bob',
        position: own,
        message: { type: 'noted', text: 'letter', room_id: '@me', ...own },
      },
    ])
  })

  it.each(['memory', 'sqlite'])(
    'changes on %s say when each was logged, however late it is read',
    async (store) => {
      const backplane = store === 'memory' ? memory() : sqlite({ file: join(temporaryFolder(), 'chat.db') })
      const clock = new WireClock()
      const { server } = await serve({ ...users, backplane, clock })
      const start = clock.wallTime()
      await note(server, 'a', 'one')
      clock.sleep(5_000)
      await note(server, 'a', 'two')
      clock.sleep(60_000)
      const changes = await all(server.changes({ live: false }))
      expect(changes.map(({ timestampMs }) => timestampMs)).toEqual([start, start + 5_000])
    },
  )

  it('changes go on live, from the cursor that one has, until they are aborted', async () => {
    const { server } = await serve(users)
    for (const text of ['one', 'two']) await note(server, 'a', text)
    const [first] = await all(server.changes({ limit: 1 }))
    expect(first && textOf(first)).toBe('one')
    const ending = new AbortController()
    const seen: string[] = []
    const reading = (async () => {
      for await (const change of server.changes({ after: first?.cursor ?? '', signal: ending.signal })) {
        seen.push(textOf(change))
        if (seen.length === 3) ending.abort()
      }
    })()
    await note(server, 'b', 'three')
    await note(server, 'a', 'four')
    await note(server, 'a', 'five')
    await reading
    expect(seen).toEqual(['two', 'three', 'four'])
  })

  it('changes from now on leave out what was there', async () => {
    const { server } = await serve(users)
    await note(server, 'a', 'before')
    const reading = server.changes({ from: 'now', limit: 1 })
    const next = reading.next()
    // The reader has to have found the end of the feed by then; it asks at once, and memory answers at once.
    await new Promise((resolve) => setImmediate(resolve))
    await note(server, 'a', 'after')
    expect(textOf((await next).value as Change<typeof protocol>)).toBe('after')
  })

  it('changes end when the server closes, whoever waits for the next', async () => {
    const { server } = await serve(users)
    const reading = all(server.changes())
    await note(server, 'a', 'one')
    await server.close()
    expect((await reading).map(textOf)).toEqual(['one'])
    expect(() => server.changes()).toThrow(expect.objectContaining({ code: 'closed' }))
  })

  it('changes tell a reader that something after the cursor is gone, and begin anew where nothing is missing', async () => {
    const { server } = await serve({ ...users, backplane: memory({ historyCount: 3 }) })
    const [first] = await Promise.all([all(server.changes({ limit: 1 })), note(server, 'quiet', 'zero')])
    for (const text of ['1', '2', '3', '4', '5']) await note(server, 'busy', text)
    const reading = all(server.changes({ after: first[0]?.cursor ?? '' }))
    await expect(reading).rejects.toMatchObject({
      code: 'cursor_gone',
      temporary: false,
      message: 'Entries after the cursor are no longer kept',
    })
    expect((await all(server.changes({ live: false }))).map(textOf)).toEqual(['3', '4', '5'])
  })

  it('changes tell a reader whose cursor is of another server', async () => {
    const [one, other] = await Promise.all([serve(users), serve(users)])
    for (const { server } of [one, other]) await note(server, 'a', 'hello')
    const [change] = await all(one.server.changes({ limit: 1 }))
    const reading = all(other.server.changes({ after: change?.cursor ?? '' }))
    await expect(reading).rejects.toMatchObject({ code: 'cursor_gone', message: /of another store/ })
  })

  it('changes wait while the backplane is away, and miss nothing', async () => {
    const backplane = memory()
    let failures = 0
    const flaky = failing(backplane, () => failures++ < 2)
    const { server } = await serve({ ...users, backplane: flaky })
    await note(server, 'a', 'one')
    const [change] = await all(server.changes({ limit: 1 }))
    expect(change && textOf(change)).toBe('one')
    expect(failures).toBeGreaterThan(2)
  }, 15_000)

  it.each([
    ['a cursor that none is', { after: 'abc' }, /after must be the cursor of a change/],
    ['an offset for a cursor', { after: 5 }, /after must be a non-empty string/],
    ['an undefined cursor', { after: undefined }, /after is undefined; leave it out/],
    ['two places', { after: 'abc', from: 'now' }, /after and from are two places/],
    ['another start', { from: 'start' }, /from must be 'oldest' or 'now'/],
    ['no limit', { limit: 0 }, /limit must be a whole number above 0/],
    ['a signal that is none', { signal: {} }, /signal must be an AbortSignal/],
    ['a misspelt name', { afer: 'abc' }, /did you mean 'after'/],
  ])('changes are refused for %s, at once', async (_, options, says) => {
    const { server } = await serve(users)
    expect(() => server.changes(options as object)).toThrow(TypeError)
    expect(() => server.changes(options as object)).toThrow(says)
  })

  it('changes are refused in words where the backplane keeps no feed', async () => {
    const { server } = await serve({ ...users, backplane: without(memory()) })
    expect(() => server.changes()).toThrow('this backplane keeps no feed')
  })
})

/** A backplane without a feed. */
function without(backplane: Backplane): Backplane {
  return proxied(backplane, 'changes', undefined)
}

/** A backplane whose feed cannot be read while `isAway` says so. */
function failing(backplane: Backplane, isAway: () => boolean): Backplane {
  const feed = backplane.changes
  if (!feed) throw new Error('no feed')
  const read = async (...args: Parameters<typeof feed.read>) => {
    if (isAway()) throw new RoomfulError('unavailable')
    return feed.read(...args)
  }
  return proxied(backplane, 'changes', proxied(feed, 'read', read))
}

function proxied<T extends object>(target: T, name: keyof T, other: unknown): T {
  return new Proxy(target, {
    get(_, property) {
      if (property === name) return other
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
