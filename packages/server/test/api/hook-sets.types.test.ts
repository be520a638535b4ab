import { type BuiltIn, defineProtocol, volatile } from '@roomful/protocol'
import { createServer, defineHooks, type RoomHandle, type User } from '@roomful/server'
import { createTestServer } from '@roomful/server/testing'
import { expectTypeOf, it } from 'vitest'
import * as z from 'zod/mini'

const chess = defineProtocol({
  client: { move: z.object({ to: z.string() }) },
  server: { moved: z.object({ to: z.string() }), clock: volatile(z.object({ leftMs: z.number() })) },
  chat: z.object({ color: z.string() }),
})
const shop = defineProtocol({ server: { sold: z.object({ item: z.string() }) } })

interface Account {
  readonly admin: boolean
}
const account: Account = { admin: true }

// Checked by the compiler alone: nothing here runs.
function uses() {
  const audit = defineHooks({
    join({ user, room }) {
      expectTypeOf(user).toEqualTypeOf<User<unknown>>()
      expectTypeOf(room).toEqualTypeOf<RoomHandle<BuiltIn>>()
    },
    close: (_, code) => void expectTypeOf(code).toEqualTypeOf<number>(),
  })
  const greeter = defineHooks<typeof chess>({
    async join({ room, connection }) {
      await room.publish({ type: 'moved', to: 'e4' })
      connection.broadcast({ type: 'clock', leftMs: 1 })
      // @ts-expect-error: the protocol has no such message
      room.broadcast({ type: 'sold', item: 'bread' })
    },
  })
  const admins = defineHooks<BuiltIn, Account>({
    join: ({ user }) => void expectTypeOf(user.data).toEqualTypeOf<Account>(),
  })
  const referees = defineHooks<typeof chess, Account>({
    join({ user, room }) {
      if (user.data.admin) room.broadcast({ type: 'clock', leftMs: 1 })
    },
  })

  // A set that needs no protocol fits every server.
  createServer({ on: audit })
  createServer({ on: [audit] })
  createServer({ protocol: shop, on: audit })
  createServer({ protocol: chess, on: [audit] })
  createServer({ protocol: chess, on: [audit, greeter] })
  createServer({ protocol: chess, on: greeter })
  createServer({ on: [] })

  // Beside any sets, and wherever it stands, authenticate types the data of users.
  createServer({
    protocol: chess,
    on: [audit, greeter, admins, referees],
    authenticate: async ({ token }) => (token ? { userId: token, data: account } : null),
    authorize: ({ user }) => user.data.admin,
    handle: { move: ({ user }) => void expectTypeOf(user.data).toEqualTypeOf<Account>() },
  })
  createServer({
    protocol: chess,
    authenticate: ({ token = '' }) => ({ userId: token, data: account }),
    on: [
      admins,
      {
        async join({ user, room }) {
          expectTypeOf(user.data).toEqualTypeOf<Account>()
          await room.publish({ type: 'moved', to: 'e4' })
        },
        close(_, code) {
          expectTypeOf(code).toEqualTypeOf<number>()
        },
      },
    ],
  })
  createServer<typeof chess, Account>({
    protocol: chess,
    authenticate: ({ token = '' }) => ({ userId: token, data: account }),
    on: [audit, referees],
  })
  void createTestServer({
    protocol: chess,
    authenticate: ({ token = '' }) => ({ userId: token, data: account }),
    on: [audit, referees, { join: ({ user }) => void expectTypeOf(user.data).toEqualTypeOf<Account>() }],
  })

  // @ts-expect-error: no such hook
  defineHooks({ joinn: () => {} })
  // @ts-expect-error: no such hook
  createServer({ on: [{ joinn: () => {} }] })
  // @ts-expect-error: no set of hooks
  createServer({ on: [audit, 5] })
  // @ts-expect-error: no set of hooks
  createServer({ on: 'join' })
  // @ts-expect-error: the server has no protocol, and the set sends messages of one
  createServer({ on: [greeter] })
  // @ts-expect-error: the protocols differ
  createServer({ protocol: shop, on: greeter })
  // @ts-expect-error: the data that authenticate returns has no `admin`
  createServer({ authenticate: () => ({ userId: 'ana', data: { plan: 'free' } }), on: [admins] })
}

it('hook sets fit servers that have their protocol and data, and leave the types of all other options as they are', () => {
  expectTypeOf(uses).toBeFunction()
})
