import { describe, expect, it } from 'vitest'
import { type Head, watch } from '../src/chat.js'
import { Value } from '../src/runtime/observable.js'
import { errorFrame, joinedFrame, ScriptedServer } from './support/scripted-server.js'

type Heads = ReadonlyMap<string, Head>

const head = (room_id: string, unread: number, fields: object = {}) => ({
  room_id,
  epoch: 'e1',
  offset: 10 + unread,
  unread,
  ...fields,
})
const unreadIn = (heads: Heads) => [...heads].map(([id, { unread }]) => `${id} ${unread}`)
const nothing = () => {}

async function online() {
  const script = new ScriptedServer()
  script.client.connect()
  await script.connection.welcomes('me')
  const requests = () => script.connection.take().filter(({ type }) => type === 'watch_rooms')
  const request = async () => {
    await script.clock.advance(0)
    const [only, ...others] = requests()
    expect(others).toEqual([])
    return only
  }
  const answer = async (...rooms: object[]) =>
    script.connection.says({ type: 'room_heads', rooms, ref: (await request())?.ref })
  return { script, requests, request, answer }
}

describe('watch', () => {
  it('[W1] [W2] asks for the rooms once somebody subscribes, and shows their heads and what is new', async () => {
    const { script, request, answer, requests } = await online()
    const heads = watch(script.client, ['a', 'b'])
    await script.clock.advance(0)
    expect(requests()).toEqual([])
    const shown: string[][] = []
    heads.subscribe((now) => shown.push(unreadIn(now)))
    await answer(head('a', 2, { mentions: 1 }), head('b', 100, { more: true }))
    expect(heads.get().get('a')).toEqual({ epoch: 'e1', offset: 12, unread: 2, mentions: 1, more: false })
    expect(heads.get().get('b')?.more).toBe(true)
    await script.connection.says({ type: 'room_heads', rooms: [head('b', 3)] })
    await script.connection.says({ type: 'room_heads', rooms: [], denied: ['a'] })
    expect(shown).toEqual([['a 2', 'b 100'], ['a 2', 'b 3'], ['b 3']])
    expect(await request()).toBeUndefined()
  })

  it('[W1] all lists of a client are one request, and each shows its own rooms', async () => {
    const { script, request, answer } = await online()
    const [first, second] = [watch(script.client, ['a', 'b']), watch(script.client, ['b', 'c'])]
    const [endFirst, endSecond] = [first.subscribe(nothing), second.subscribe(nothing)]
    await answer(head('a', 1), head('b', 2), head('c', 3))
    expect([unreadIn(first.get()), unreadIn(second.get())]).toEqual([
      ['a 1', 'b 2'],
      ['b 2', 'c 3'],
    ])
    endFirst()
    endFirst()
    expect((await request())?.room_ids).toEqual(['b', 'c'])
    endSecond()
    expect((await request())?.room_ids).toEqual([])
  })

  it('[W1] follows ids that change', async () => {
    const { script, request, answer } = await online()
    const ids = new Value<readonly string[]>(['a'], nothing)
    const heads = watch(script.client, ids)
    heads.subscribe(nothing)
    await answer(head('a', 1))
    ids.set(['a', 'b'])
    ids.set(['b'])
    expect(unreadIn(heads.get())).toEqual([])
    const asked = await request()
    expect(asked?.room_ids).toEqual(['b'])
    await script.connection.says({ type: 'room_heads', rooms: [head('b', 5)], ref: asked?.ref })
    expect(unreadIn(heads.get())).toEqual(['b 5'])
  })

  it('[W6] asks again after a reconnect, and shows what it knows until then', async () => {
    const { script, answer } = await online()
    const heads = watch(script.client, ['a', 'b'])
    heads.subscribe(nothing)
    await answer(head('a', 1), head('b', 1))
    await script.connection.closes(1006)
    expect(unreadIn(heads.get())).toEqual(['a 1', 'b 1'])
    await script.clock.advance(20_000)
    await script.connection.welcomes('me')
    await answer(head('a', 4))
    expect(unreadIn(heads.get())).toEqual(['a 4'])
  })

  it('[W4] [W5] tries again later if the server cannot say now, and reports what cannot be repaired', async () => {
    const { script, request, requests } = await online()
    const codes: string[] = []
    script.client.on('error', ({ code }) => codes.push(code))
    watch(script.client, ['a']).subscribe(nothing)
    const refused = async (code: string, fields: object) =>
      script.connection.says(errorFrame(code, { ref: (await request())?.ref, ...fields }))
    await refused('unavailable', { retry_after_ms: 3_000 })
    await script.clock.advance(2_900)
    expect(requests()).toEqual([])
    await script.clock.advance(100)
    await refused('room_limit', {})
    await script.clock.advance(60_000)
    expect([codes, requests()]).toEqual([['room_limit'], []])
  })

  it('connects a client that no room has connected, and keeps it connected until nobody watches', async () => {
    const script = new ScriptedServer({ autoConnect: undefined as never })
    const { client } = script
    const room = client.room('r')
    const end = watch(client, ['a']).subscribe(nothing)
    await script.connection.welcomes('me')
    void room.join()
    await script.connection.says(
      joinedFrame(script.connection.take().findLast(({ type }) => type === 'join')),
    )
    void room.leave()
    client.rest()
    expect(client.status.get().state).toBe('online')
    end()
    expect(client.status.get().state).toBe('idle')
  })

  it('forgets what one user saw', async () => {
    const { script, answer } = await online()
    const heads = watch(script.client, ['a'])
    heads.subscribe(nothing)
    await answer(head('a', 1))
    script.client.forget()
    expect(unreadIn(heads.get())).toEqual([])
  })
})
