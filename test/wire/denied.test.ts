import { defineProtocol, request } from '@roomful/protocol'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { connect, connectExtended } from '../support/connect.js'
import { gate, serve, until, WireClock } from '../support/wire-server.js'

const protocol = defineProtocol({
  client: {
    move: request(z.object({ to: z.string() }), z.object({ legal: z.boolean() })),
    wave: z.object({ at: z.string() }),
  },
})

const MESSAGES = [
  { type: 'join' },
  { type: 'chat_message', message: 'x', client_id: 'c' },
  { type: 'presence', state: { mood: 'bright' } },
  { type: 'history' },
  { type: 'move', to: 'e4', ref: 'r' },
  { type: 'wave', at: 'you' },
]
const ANSWERS = ['joined', 'ack', 'chat_message', 'presence', 'history', 'reply']

/** A member whose next message is held back in `authorize` until `decide` is called, for better or worse. */
async function memberAsking() {
  const clock = new WireClock()
  const asked = gate()
  const decided = gate()
  const handled: string[] = []
  let isHeld = false
  let answer = true
  const { url, server } = await serve({
    protocol,
    clock,
    limits: { handlerMs: 1_000_000 },
    authenticate: ({ token }) => (token ? { userId: token, expiresAt: clock.wallTime() + 60_000 } : null),
    authorize: async () => {
      if (!isHeld) return true
      asked.open()
      await decided.opened
      return answer
    },
    handle: {
      move: () => {
        handled.push('move')
        return { legal: true }
      },
      wave: () => void handled.push('wave'),
      chat_message: (_, chat) => {
        handled.push('chat_message')
        return chat
      },
    },
  })
  const ana = await connectExtended(url, { token: 'ana' })
  await ana.join('lobby')
  const room = server.room('lobby')

  return {
    clock,
    server,
    ana,
    room,
    /** Sends a message, and waits until the application is asked about it. */
    async hold(message: object) {
      isHeld = true
      ana.send({ ...message, room_id: 'lobby' })
      await asked.opened
    },
    decide(isAllowed: boolean) {
      isHeld = false
      answer = isAllowed
      decided.open()
    },
    async expectNothingDone(isStillMember: boolean) {
      expect(handled).toEqual([])
      expect((await room.history()).messages).toEqual([])
      const { members, connections } = await room.info()
      expect(members?.filter(({ state }) => state !== undefined)).toEqual([])
      expect(connections).toBe(isStillMember ? 1 : 0)
      expect(ana.frames.slice(3).filter(({ type }) => ANSWERS.includes(type))).toEqual([])
    },
  }
}

describe.each(MESSAGES)('$type', (message) => {
  it('[C7] a message of a stranger is denied', async () => {
    const { url } = await serve({
      protocol,
      authenticate: () => null,
      authorize: () => true,
      handle: { move: () => ({ legal: true }) },
    })
    const stranger = await connect(url)
    expect(await stranger.refusal({ ...message, room_id: 'lobby' })).toBe('not_authenticated')
  })

  it('[J7] a message that the application denies is forbidden', async () => {
    const { ana, hold, decide, expectNothingDone } = await memberAsking()
    await hold(message)
    decide(false)
    expect(await ana.next('error')).toMatchObject({ code: 'forbidden', room_id: 'lobby' })
    await expectNothingDone(message.type !== 'join' && message.type !== 'history')
  })

  it('[J12] a message of someone who is kicked while the application is asked is denied', async () => {
    const { ana, room, hold, decide, expectNothingDone } = await memberAsking()
    await hold(message)
    room.kick('ana')
    decide(true)
    expect(['not_in_room', 'forbidden']).toContain((await ana.next('error')).code)
    await expectNothingDone(false)
  })

  it('[C19] a message of someone who is disconnected while the application is asked has no effect', async () => {
    const { ana, server, hold, decide, expectNothingDone } = await memberAsking()
    await hold(message)
    server.user('ana').disconnect()
    decide(true)
    expect((await ana.closed).code).toBe(4501)
    await until(() => server.stats().connections === 0)
    await expectNothingDone(false)
  })

  it('[C12] a message of someone whose token expires while the application is asked has no effect', async () => {
    const { ana, server, clock, hold, decide, expectNothingDone } = await memberAsking()
    await hold(message)
    await clock.advance(60_000)
    decide(true)
    expect((await ana.closed).code).toBe(4004)
    await until(() => server.stats().connections === 0)
    await expectNothingDone(false)
  })
})
