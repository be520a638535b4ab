import { defineProtocol, request } from '@roomful/protocol'
import { createServer, type User } from '@roomful/server'
import { createTestServer } from '@roomful/server/testing'
import { expectTypeOf, it } from 'vitest'
import * as z from 'zod/mini'

const protocol = defineProtocol({
  client: { move: request(z.object({ from: z.string() }), z.object({ legal: z.boolean() })) },
})
interface Account {
  readonly admin: boolean
}
const account: Account = { admin: true }

// Checked by the compiler alone: nothing here runs.
function uses() {
  const isAdmin = ({ data }: User<Account>) => expectTypeOf(data).toEqualTypeOf<Account>()

  createServer({
    authenticate: async ({ token }) => (token ? { userId: token, data: account } : null),
    authorize: ({ user }) => user.data.admin,
    on: {
      join: ({ user }) => void isAdmin(user),
      close({ user }, code) {
        expectTypeOf(user).toEqualTypeOf<User<Account> | undefined>()
        expectTypeOf(code).toEqualTypeOf<number>()
      },
    },
    handle: {
      chat_message({ user }, message) {
        isAdmin(user)
        expectTypeOf(message.message).toEqualTypeOf<string>()
        expectTypeOf(message.clientId).toEqualTypeOf<string | undefined>()
        return message
      },
    },
  })
  createServer({
    protocol,
    authenticate: ({ token }) => (token ? { userId: token, data: account } : { refused: 'expired' }),
    handle: {
      move({ user }, { from }) {
        isAdmin(user)
        expectTypeOf(from).toEqualTypeOf<string>()
        return { legal: true }
      },
    },
  })
  createServer({
    handle: {
      chat_message({ user }, message) {
        expectTypeOf(user.data).toBeUnknown()
        return message
      },
    },
  })
  createServer<typeof protocol, Account>({
    protocol,
    authenticate: ({ token = '' }) => ({ userId: token, data: account }),
    handle: { move: ({ user }) => ({ legal: user.data.admin }) },
  })
  void createTestServer({
    authenticate: ({ token = '' }) => ({ userId: token, data: account }),
    on: { join: ({ user }) => void isAdmin(user) },
  })
  // @ts-expect-error: no such hook
  createServer({ on: { joinn: () => {} } })
  // @ts-expect-error: there is no protocol that declares it
  createServer({ handle: { move: () => ({ legal: true }) } })
  // @ts-expect-error: the protocol declares no such message
  createServer({ protocol, handle: { move: () => ({ legal: true }), moove: () => {} } })
}

it('what authenticate returns types the data of the user in hooks and handlers', () => {
  expectTypeOf(uses).toBeFunction()
})
