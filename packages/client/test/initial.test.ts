import { memory } from '@roomful/server'
import { createTestServer, Device } from '@roomful/server/testing'
import { describe, expect, it } from 'vitest'
import { createClient as createCoreClient } from '../src/core.js'
import { type Client, createClient, type Room } from '../src/index.js'
import { joinedFrame, ScriptedServer } from './support/scripted-server.js'
import { snapshotOf } from './support/snapshot.js'

const KEPT = 5

/** A server that keeps few messages, and what renders of its room `r`. */
async function serve(historyCount = 1_000) {
  const { server, network, clock } = await createTestServer({ backplane: memory({ historyCount }) })
  const settled = async <T>(promise: Promise<T>): Promise<T> => {
    await clock.settle()
    return promise
  }
  const say = async (...texts: string[]) => {
    for (const text of texts) await settled(server.room('r').chat.send(text, { as: 'writer' }))
  }
  const device = new Device(network)
  const client = createClient({ url: 'ws://test', session: 'memory' }, device.runtime)
  return { server, network, clock, say, device, client, render: () => settled(snapshotOf(server, 'r')) }
}

/** What is shown, breaks by their reasons. */
function shown({ timeline }: Pick<Room, 'timeline'>): string[] {
  return timeline.get().map((entry) => (entry.kind === 'break' ? `-${entry.reason}-` : entry.message.message))
}

describe('a room that begins with what a server rendered', () => {
  it('[H6] shows it at once and continues after it: nothing is missed, nothing shown twice, no handler is called', async () => {
    const { say, render, client, clock } = await serve()
    await say('1', '2')
    const initial = await render()
    await say('3')
    const room = client.room('r')
    const heard: string[] = []
    room.on('chat_message', ({ message }) => heard.push(message))
    const joined = room.join({ initial })
    expect(shown(room)).toEqual(['1', '2'])
    expect(room.status.get().state).toBe('recovering')
    await clock.settle()
    expect(shown(room)).toEqual(['1', '2', '3'])
    expect(room.status.get()).toMatchObject({ state: 'live', recovered: true })
    expect((await joined).messages.map((message) => 'message' in message && message.message)).toEqual(['3'])
    await say('4')
    expect(shown(room)).toEqual(['1', '2', '3', '4'])
    expect(heard).toEqual(['4'])
  })

  it('[H2] continues an empty room from the beginning of its log', async () => {
    const { say, render, client, clock } = await serve()
    const initial = await render()
    expect(initial).toMatchObject({ messages: [], cursor: { offset: 0 } })
    await say('1')
    void client.room('r').join({ initial })
    await clock.settle()
    expect(shown(client.room('r'))).toEqual(['1'])
  })

  it('[H7] shows a break where the log was trimmed meanwhile, and then the past that it asked for', async () => {
    const { say, render, client, clock } = await serve(KEPT)
    await say('1')
    const initial = await render()
    await say('2', '3', '4', '5', '6', '7')
    const room = client.room('r')
    const breaks: string[] = []
    room.on('resync', ({ reason }) => breaks.push(reason))
    void room.join({ initial, history: 2 })
    await clock.settle()
    expect(shown(room)).toEqual(['1', '-expired-', '6', '7'])
    expect(breaks).toEqual(['expired'])
    expect(room.status.get()).toMatchObject({ recovered: false })
  })

  it('[H7] shows a break where the log began anew meanwhile', async () => {
    const { server, say, render, client, clock } = await serve()
    await say('old')
    const initial = await render()
    await server.room('r').delete()
    await say('new')
    void client.room('r').join({ initial, history: 10 })
    await clock.settle()
    expect(shown(client.room('r'))).toEqual(['old', '-epoch_changed-', 'new'])
  })

  it('a room that was left continues from its own position, and shows what a later page holds', async () => {
    const { say, render, client, clock } = await serve()
    await say('1')
    const room = client.room('r')
    void room.join({ initial: await render() })
    await clock.settle()
    await say('2')
    void room.leave()
    await clock.settle()
    await say('3')
    const initial = await render()
    await say('4')
    void room.join({ initial })
    expect(shown(room)).toEqual(['1', '2', '3'])
    await clock.settle()
    expect(shown(room)).toEqual(['1', '2', '3', '4'])
    expect(room.status.get()).toMatchObject({ state: 'live', recovered: true })
  })

  it('a live room wins over an older page, which may hold what was erased since', async () => {
    const { server, say, render, client, clock } = await serve()
    await say('secret')
    const initial = await render()
    const room = client.room('r')
    void room.join({ initial })
    await clock.settle()
    void server.user('writer').erase()
    await clock.settle()
    expect(shown(room)).toEqual([''])
    void room.join({ initial })
    expect(shown(room)).toEqual([''])
  })

  it('[H8] a join that was sent before without it loses nothing: another component joins the room first', async () => {
    const { server, say, render, client, clock } = await serve()
    await say('1')
    const initial = await render()
    await say('2')
    client.connect()
    await clock.settle()
    const room = client.room('r')
    const [first, second] = [room.join(), room.join({ initial })]
    expect(shown(room)).toEqual(['1'])
    await clock.settle()
    expect(shown(room)).toEqual(['1', '2'])
    expect((await first).members).toHaveLength(1)
    expect((await second).recovered).toBe(true)
    expect((await server.room('r').info()).count).toBe(1)
    await say('3')
    expect(shown(room)).toEqual(['1', '2', '3'])
  })

  it('[H8] a server that forgets to say whether it continued is not asked without end', async () => {
    const { client, clock, ...script } = new ScriptedServer()
    client.connect()
    await clock.settle()
    const connection = script.connections[0] as (typeof script.connections)[0]
    await connection.welcomes()
    connection.take()
    const cursor = { epoch: 'e1', offset: 1, id: 'id-1' }
    void client.room('r').join({ initial: { messages: [], count: 0, cursor } })
    let joins = 0
    for (let round = 0; round < 20; round++) {
      await clock.settle()
      for (const join of connection.take()) {
        joins++
        await connection.says(joinedFrame(join, { offset: 1, id: 'id-1', recovered: undefined }))
      }
    }
    expect(joins).toBeLessThan(10)
  })

  it('an entry that the protocol does not know is passed over, like one of a page', async () => {
    const { say, render, client, clock } = await serve()
    await say('1')
    const initial = await render()
    const [message] = initial.messages
    if (!message) throw new Error('nothing was rendered')
    const odd = { type: 'unheard_of', room_id: 'r', epoch: message.epoch, offset: 0, id: 'odd' }
    void client.room('r').join({ initial: { ...initial, messages: [odd, message] } })
    await clock.settle()
    expect(shown(client.room('r'))).toEqual(['1'])
  })

  it('the core, which shows nothing, gets what was logged since', async () => {
    const { say, render, device, clock } = await serve()
    await say('1')
    const initial = await render()
    await say('2')
    const client = createCoreClient({ url: 'ws://test', session: 'memory' }, device.runtime)
    const joined = client.room('r').join({ initial })
    await clock.settle()
    expect((await joined).messages).toMatchObject([{ message: '2' }])
  })

  it('something else than a snapshot is refused in words', async () => {
    const { client } = await serve()
    const join = client.room('r').join as (options: unknown) => ReturnType<Client['me']['join']>
    await expect(join.call(client.room('r'), { initial: [] })).rejects.toThrow(
      /room\.join: initial must be the result of snapshot\(\)/,
    )
  })
})
