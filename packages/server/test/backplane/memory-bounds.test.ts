import { type Backplane, memory, silentLogger } from '@roomful/server'
import { VirtualClock } from '@roomful/server/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { RoomLog } from '../../src/backplane/log/log.js'
import { Streams } from '../../src/backplane/memory/memory-streams.js'

const KIB = 1024
const newest = { before: undefined, limit: 1_000, maxBytes: 1_000_000 }
let ids = 0
const newId = () => `id-${ids++}`

async function started(options: Parameters<typeof memory>[0], clock = new VirtualClock()) {
  const backplane = memory(options)
  await backplane.start({ clock, logger: silentLogger, graceMs: 100, listedMembers: 9, newId, receive() {} })
  return backplane
}

function publish(backplane: Backplane, stream: string, account: string, length = 10) {
  const message = { type: 'chat_message', message: 'x'.repeat(length) }
  return backplane.publish(stream, { id: newId(), message, timestampMs: 0, account })
}

async function kept(backplane: Backplane, stream: string) {
  return (await backplane.read(stream, newest)).entries.length
}

function streams(bounds: { readonly streams?: number; readonly totalBytes?: number } = {}) {
  const retention = { count: 1_000, entries: 1_000, bytes: 64 * KIB, ageMs: 1_000 }
  const window = { count: 1_000, ms: 1_000 }
  return new Streams(
    {
      retention,
      window,
      marks: { count: 10, ms: 1_000 },
      streams: 1_000,
      totalBytes: 1_000 * KIB,
      idleMs: 1_000,
      ...bounds,
    },
    newId,
  )
}

function used(all: Streams, name: string, account: string) {
  const stream = all.open(name)
  stream.log.append(newId(), '{', 0)
  all.charge(stream, account)
  all.settle(stream)
  return stream
}

describe('what a node remembers of rooms', () => {
  it('who reacted to messages counts in what a node remembers, and makes the largest room lose its oldest messages', async () => {
    const backplane = await started({ totalBytes: 200 * KIB })
    const userId = 'x'.repeat(200)
    for (let n = 0; n < 3; n++) {
      const result = await publish(backplane, 'r', 'ada')
      if (result.status !== 'accepted') throw new Error(result.status)
      const { offset, id } = result.position
      for (let user = 0; user < 150; user++) {
        const target = { offset, id }
        const reacting = {
          kind: 'react',
          target,
          userId: `${userId}${user}`,
          moderates: false,
          reaction: '👍',
        } as const
        const amends = { ...reacting, most: { kinds: 20, users: 10_000 } }
        const frame = { type: 'reaction_added', target, reaction: '👍' }
        await backplane.publish('r', { id: newId(), message: frame, timestampMs: 0, amends, account: 'ada' })
      }
    }
    const { entries } = await backplane.read('r', { ...newest, messagesOnly: true })
    expect(entries.length).toBeLessThan(3)
    expect(entries.length).toBeGreaterThan(0)
  })

  it('what a node remembers of rooms holds nothing of a room that nobody wrote into, once the last one has gone', () => {
    const all = streams()
    const listener = () => {}
    const stream = all.open('r')
    stream.listeners.add(listener)
    all.presenceOf(stream).enter({ userId: 'ada' }, 'c1')
    all.settle(stream)
    expect(all.size).toBe(1)
    expect(all.bytes).toBeGreaterThan(1_000)
    stream.listeners.delete(listener)
    all.settle(stream)
    expect(all.size).toBe(1)
    stream.presence?.leave('ada', 'c1')
    all.settle(stream)
    expect([all.size, all.bytes]).toEqual([0, 0])
  })

  it('[H6] what a node remembers of rooms grants a resume in a room that was forgotten empty, unless a log was forgotten since', async () => {
    const clock = new VirtualClock()
    const backplane = await started({ idleMs: 1_000, historyMs: 1_000, dedupeMs: 1_000 }, clock)
    const visit = async () => {
      const subscription = await backplane.subscribe('r', () => {})
      const { head } = await backplane.read('r', newest)
      subscription.close()
      return head
    }
    const first = await visit()
    await publish(backplane, 'r', 'ada')
    expect((await backplane.read('r', { ...newest, after: 0 }, first)).fault).toBeUndefined()
    await clock.advance(10_000)
    expect(await visit()).toMatchObject({ offset: 0 })
    expect((await backplane.read('r', { ...newest, after: 0 }, first)).fault).toBe('epoch_changed')
  })

  it('what a node remembers of rooms opens one room more than it may by forgetting an unused one of the user who left the most behind', () => {
    const all = streams({ streams: 4 })
    for (const name of ['ada', 'mal1', 'mal2', 'mal3']) used(all, name, name.slice(0, 3))
    used(all, 'mal4', 'mal')
    expect(['ada', 'mal1', 'mal2', 'mal3', 'mal4'].filter((name) => all.get(name))).toEqual([
      'ada',
      'mal2',
      'mal3',
      'mal4',
    ])
  })

  it('what a node remembers of rooms refuses a new room, for now, where all that it may know are in use', async () => {
    const backplane = await started({ streams: 2 })
    const [first] = await Promise.all(['a', 'b'].map((name) => backplane.subscribe(name, () => {})))
    const refusal = expect.objectContaining({ code: 'unavailable', retryAfterMs: 5_000 })
    await expect(backplane.subscribe('c', () => {})).rejects.toEqual(refusal)
    expect(() => publish(backplane, 'c', 'ada')).toThrow(refusal)
    first?.close()
    await backplane.subscribe('c', () => {})
  })

  it('what a node remembers of rooms counts rooms that hold nothing yet towards its bytes', async () => {
    const backplane = await started({ totalBytes: 64 * KIB })
    const opened = Array.from({ length: 100 }, (_, index) => backplane.subscribe(`r${index}`, () => {}))
    const outcomes = await Promise.allSettled(opened)
    const refused = outcomes.filter(({ status }) => status === 'rejected').length
    expect(refused).toBeGreaterThan(60)
    expect(refused).toBeLessThan(80)
  })

  it('what a node remembers of rooms takes what is too much from the largest rooms: the quiet ones keep their history', async () => {
    const backplane = await started({ totalBytes: 512 * KIB })
    for (let count = 0; count < 30; count++) await publish(backplane, 'quiet', 'same')
    for (let count = 0; count < 2_000; count++) await publish(backplane, `loud${count % 20}`, 'same', 4_000)
    expect(await kept(backplane, 'quiet')).toBe(30)
    expect(await kept(backplane, 'loud0')).toBeLessThan(10)
  })

  it('what a node remembers of rooms takes what is too much from the users with the most, though each of their rooms is small', async () => {
    const backplane = await started({ totalBytes: 512 * KIB })
    for (let count = 0; count < 100; count++) await publish(backplane, 'room', 'ada', 300)
    for (let count = 0; count < 2_000; count++) await publish(backplane, `r${count}`, 'mal', 300)
    expect(await kept(backplane, 'room')).toBe(100)
  })

  it('what a node remembers of rooms looks at as many rooms to make room for a message, however many there are', async () => {
    const looks = vi.spyOn(RoomLog.prototype, 'memory', 'get')
    onTestFinished(() => looks.mockRestore())
    const counts: number[] = []
    for (const rooms of [100, 10_000]) {
      const backplane = await started({ totalBytes: rooms * 2_500 })
      for (let index = 0; index < rooms; index++) await publish(backplane, `r${index}`, `u${index % 7}`)
      looks.mockClear()
      for (let count = 0; count < 100; count++) await publish(backplane, 'busy', 'ada', 500)
      counts.push(looks.mock.calls.length)
    }
    const [few = 0, many = 0] = counts
    expect(few).toBeGreaterThan(100)
    expect(many).toBeLessThan(2 * few)
  })

  it('what a node remembers of rooms looks through many rooms bit by bit for what has become too old, and misses none', () => {
    const all = streams({ streams: 10_000, totalBytes: 100_000 * KIB })
    const looks = vi.spyOn(RoomLog.prototype, 'expire')
    onTestFinished(() => looks.mockRestore())
    for (let index = 0; index < 6_400; index++) used(all, `r${index}`, 'ada')
    looks.mockClear()
    all.sweep(10_000)
    expect(looks.mock.calls.length).toBeLessThanOrEqual(200)
    for (let sweep = 0; sweep < 200; sweep++) all.sweep(20_000 + 1_000 * sweep)
    expect([all.size, all.bytes]).toEqual([0, 0])
  })

  it('what a node remembers of rooms counts who is present, and each state by the memory that it takes: one too many is unavailable until somebody leaves', async () => {
    const backplane = await started({ totalBytes: 1_000 * KIB })
    // In JSON 2 KB, in V8's heap nearly 40.
    const state = { list: Array.from({ length: 600 }, () => ({})) }
    const unavailable = expect.objectContaining({ code: 'unavailable', retryAfterMs: 5_000 })
    const enter = (user: number) => backplane.enter('r', { userId: `u${user}` }, `c${user}`)
    const users = Array.from({ length: 100 }, (_, user) => user)
    await Promise.all(users.map(enter))
    const outcomes = await Promise.allSettled(users.map((user) => backplane.update('r', `u${user}`, state)))
    const refused = outcomes.filter(({ status }) => status === 'rejected')
    expect(refused.length).toBeGreaterThan(70)
    expect(refused.length).toBeLessThan(80)
    expect(refused[0]).toMatchObject({ reason: unavailable })
    await expect(backplane.enter('r', { userId: 'late', profile: state }, 'late')).rejects.toEqual(
      unavailable,
    )
    await backplane.update('r', 'u0', { list: [] })
    await backplane.update('r', 'u99', state)
    for (const user of users) await backplane.leave('r', `u${user}`, `c${user}`, false)
    await backplane.enter('r', { userId: 'late', profile: state }, 'late')
  })

  it('what a node remembers of rooms gives history up for who is present', async () => {
    const backplane = await started({ totalBytes: 512 * KIB })
    for (let count = 0; count < 200; count++) await publish(backplane, 'r', 'ada', 2_000)
    await backplane.enter('r', { userId: 'ada' }, 'c')
    await backplane.update('r', 'ada', { list: Array.from({ length: 5_000 }, () => ({})) })
    expect(await kept(backplane, 'r')).toBeLessThan(100)
    expect((await backplane.present('r')).users).toHaveLength(1)
  })
})
