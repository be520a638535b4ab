import { defineProtocol, RoomfulError, request } from '@roomful/protocol'
import { type Hooks, type Logger, refuse } from '@roomful/server'
import { createTestServer } from '@roomful/server/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import * as z from 'zod/mini'

/** What JavaScript lets an application throw. */
const ODD_VALUES: Record<string, () => unknown> = {
  null: () => null,
  undefined: () => undefined,
  'an object without a prototype': () => Object.create(null),
  'an object whose toString throws': () => ({
    toString() {
      throw 1
    },
  }),
  'an error whose stack throws': () =>
    Object.defineProperty(new Error('x'), 'stack', {
      get() {
        throw 1
      },
    }),
  'a proxy whose traps throw': () => new Proxy({}, { get: fail, has: fail, getPrototypeOf: fail }),
  'an error of ours that JSON cannot hold': () =>
    new RoomfulError('game_full', { issues: [1n] as unknown as [] }),
  'an error of ours with a code that is no text': () => new RoomfulError(1n as unknown as string),
}

function fail(): never {
  throw Object.create(null)
}

/** A thenable that does all that a promise may not. */
const badThenable = (value: unknown): PromiseLike<void> => ({
  // biome-ignore lint/suspicious/noThenProperty: the point of the test
  then(_: unknown, reject?: ((reason: unknown) => unknown) | null) {
    reject?.(value)
    throw value
  },
})

const WAYS: Record<string, (value: unknown) => void | Promise<void>> = {
  thrown(value) {
    throw value
  },
  rejected: (value) => Promise.reject(value),
  'rejected by a thenable': (value) => badThenable(value) as Promise<void>,
}

const any = z.object({ id: z.optional(z.string()) })
const protocol = defineProtocol({ client: { act: any, note: any, ask: request(any, any) } })

const broken: Logger = { debug: fail, info: fail, warn: fail, error: fail }

describe('nothing thrown ends the process, also where the logger fails,', () => {
  for (const [way, raise] of Object.entries(WAYS)) {
    for (const [what, make] of Object.entries(ODD_VALUES)) {
      it(`[E15] nothing thrown ends the process, also where the logger fails: ${what}, ${way} by each hook and handler: others are served`, async () => {
        const console = vi.spyOn(globalThis.console, 'error').mockImplementation(() => {})
        onTestFinished(() => console.mockRestore())
        const uncaught: unknown[] = []
        const note = (error: unknown) => void uncaught.push(error)
        process.on('uncaughtException', note).on('unhandledRejection', note)
        onTestFinished(() => void process.off('uncaughtException', note).off('unhandledRejection', note))

        const raiseForEve = ({ user }: { readonly user: { readonly id: string } | undefined }) =>
          user?.id === 'eve' ? raise(make()) : undefined
        const on: Hooks<typeof protocol> = {
          join: raiseForEve,
          leave: raiseForEve,
          message: raiseForEve,
          binary: raiseForEve,
          pong: raiseForEve,
          close: raiseForEve,
          error: () => raise(make()),
        }
        const { connect, clock } = await createTestServer({
          protocol,
          logger: broken,
          authenticate: ({ token }) => ({ userId: token ?? '' }),
          authorize: () => true,
          on,
          handle: {
            chat_message: async (context, message) => {
              await raiseForEve(context)
              return message
            },
            act: (context) => raiseForEve(context),
            note: { size: 1, ms: 10, handle: () => raise(make()) },
            ask: () => raise(make()) as never,
          },
        })
        const [eve, ana] = [await connect({ token: 'eve' }), await connect({ token: 'ana' })]
        await ana.join('r')
        ana.send({ type: 'note', room_id: 'r' })
        ana.send({ type: 'ask', room_id: 'r', ref: 'a' })
        expect(await ana.next('error')).toMatchObject({ ref: 'a', code: 'internal' })
        eve.send({ type: 'join', room_id: 'r' })
        eve.send({ type: 'act', room_id: 'r' })
        await eve.next('error')
        eve.close()
        ana.send({ type: 'chat_message', room_id: 'r', message: 'still here', client_id: 'c1' })
        expect(await ana.next('ack')).toMatchObject({ client_id: 'c1' })
        await clock.advance(100)
        await new Promise(setImmediate)
        expect(uncaught).toEqual([])
      })
    }
  }
})

it('refuse() takes a code and a text that can be sent, and nothing else', () => {
  expect(() => refuse(1n as unknown as string, 'The game is full')).toThrow(/refuse: code must be a string/)
  expect(() => refuse('game_full', undefined as unknown as string)).toThrow(
    /refuse: message must be a string/,
  )
  for (const code of ['', 'x'.repeat(65)]) expect(() => refuse(code, 'Full')).toThrow(/of 1 to 64 characters/)
  expect(() => refuse('game_full', '')).toThrow(/refuse: message must be a string/)
  for (const retryAfterMs of ['5', Number.NaN, -1, Number.POSITIVE_INFINITY, null, undefined])
    expect(() => refuse('game_full', 'Full', { retryAfterMs: retryAfterMs as number })).toThrow(
      /refuse: retryAfterMs/,
    )
  expect(() => refuse('game_full', 'Full', { retryMs: 5 } as object)).toThrow(/did you mean 'retryAfterMs'/)
  expect(refuse('x'.repeat(64), '😀'.repeat(2_000)).message).toBe('😀'.repeat(1_000))
})

it('an error of an odd code or time, made without refuse(), is a fault, and answered as one', async () => {
  const odd = [
    new RoomfulError('', { message: 'Full' }),
    new RoomfulError('x'.repeat(65)),
    new RoomfulError('game_full', { retryAfterMs: Number.NaN }),
    new RoomfulError('game_full', { retryAfterMs: -1 }),
  ]
  let next: RoomfulError | undefined
  const { connect } = await createTestServer({
    on: {
      join() {
        if (next) throw next
      },
    },
  })
  const ana = await connect()
  for (next of odd) {
    ana.send({ type: 'join', room_id: 'r' })
    expect(await ana.next('error')).toMatchObject({ code: 'internal' })
  }
})
