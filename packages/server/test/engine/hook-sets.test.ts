import { defineHooks, type Hooks, refuse, silentLogger } from '@roomful/server'
import { createTestServer } from '@roomful/server/testing'
import { expect, it } from 'vitest'

/** Hooks that write down what they are called for. */
function noting(told: string[], who: string): Hooks {
  const note = (what: string) => void told.push(`${who} ${what}`)
  return {
    connect: () => note('connect'),
    message: (_, { type }) => note(`message ${type}`),
    binary: () => note('binary'),
    join: ({ room }) => note(`join ${room.id}`),
    leave: ({ room }) => note(`leave ${room.id}`),
    close: () => note('close'),
  }
}

function fail(): never {
  throw new Error('the hook is broken')
}

function loggerTo(events: string[]) {
  return { ...silentLogger, error: (_: unknown, event: string) => void events.push(event) }
}

it('hook sets run in the order of the list, each when the one before it is done', async () => {
  const told: string[] = []
  const waiting = defineHooks({
    async join({ room }) {
      await Promise.resolve()
      told.push(`asynchronous join ${room.id}`)
    },
  })
  const { connect, clock } = await createTestServer({
    on: [noting(told, 'first'), waiting, noting(told, 'last')],
  })
  const ana = await connect({ auth: false })
  await ana.join('lobby')
  ana.sendBinary(Buffer.alloc(1))
  await clock.settle()
  ana.close()
  await clock.settle()
  expect(told).toEqual([
    'first connect',
    'last connect',
    'first message join',
    'last message join',
    'first join lobby',
    'asynchronous join lobby',
    'last join lobby',
    'first binary',
    'last binary',
    'first leave lobby',
    'last leave lobby',
    'first close',
    'last close',
  ])
})

it.each(['connect', 'message', 'join', 'binary'] as const)(
  'the first hook set whose %s throws refuses, and the sets after it are not asked',
  async (hook) => {
    const told: string[] = []
    const no = () => {
      throw refuse('no_entry', 'Not you')
    }
    const { connect } = await createTestServer({
      on: [noting(told, 'before'), { [hook]: no }, noting(told, 'after')],
    })
    const ana = await connect({ auth: false })
    ana.send({ type: 'join', room_id: 'lobby' })
    ana.sendBinary(Buffer.alloc(1))
    expect(await ana.next('error')).toMatchObject({ code: 'no_entry', message: 'Not you' })
    const asked = (who: string) => told.some((what) => what.startsWith(`${who} ${hook}`))
    expect([asked('before'), asked('after')]).toEqual([true, false])
  },
)

it('every hook set is told that a member left and why a hook failed, even if the set before it fails at that', async () => {
  const told: string[] = []
  const heard: unknown[] = []
  const events: string[] = []
  const { connect, clock } = await createTestServer({
    logger: loggerTo(events),
    on: [
      { leave: fail, close: fail, error: fail },
      noting(told, 'second'),
      { error: (error) => void heard.push(error) },
    ],
  })
  const ana = await connect({ auth: false })
  await ana.join('lobby')
  ana.close()
  await clock.settle()
  expect(told.slice(-2)).toEqual(['second leave lobby', 'second close'])
  expect(heard).toEqual([new Error('the hook is broken'), new Error('the hook is broken')])
  expect(events.sort()).toEqual(['on.close failed', 'on.error failed', 'on.error failed', 'on.leave failed'])
})

it('each hook set has limits.handlerMs for itself', async () => {
  const { connect, clock } = await createTestServer({
    limits: { handlerMs: 1_000 },
    on: Array.from({ length: 3 }, () => ({
      join: () => new Promise<void>((resolve) => clock.after(900, resolve)),
    })),
  })
  const ana = await connect()
  ana.send({ type: 'join', room_id: 'lobby' })
  await clock.advance(2_699)
  expect(ana.frames.map(({ type }) => type)).not.toContain('joined')
  await clock.advance(1)
  expect(await ana.next('joined')).toMatchObject({ room_id: 'lobby' })
})
