import { type Client, createClient } from '@roomful/client'
import { RoomfulError } from '@roomful/protocol'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { protocol, server } from '../members.js'

let url: string
beforeAll(async () => {
  url = (await server.listen({ port: 0 })).url
})
afterAll(() => server.close())

function clientWith(token?: string): Client<typeof protocol> {
  const client = createClient({ url, protocol, WebSocket, ...(token && { token }) })
  onTestFinished(() => client.close())
  return client
}

const codeOf = (promise: PromiseLike<unknown>) =>
  promise.then(
    () => 'nothing refused it',
    (error) => (error instanceof RoomfulError ? error.code : error),
  )

it('the server of members.ts lets in who brings a token that it knows, under that name, until it expires', async () => {
  const ana = clientWith('token-of-ana')
  await ana.room('general').join()
  expect(ana.user.get()).toBe('ana')
  expect(await codeOf(clientWith('stolen').room('general').join())).toBe('invalid_token')
  expect(await codeOf(clientWith().room('general').join())).toBe('invalid_token')
})

it('the server of members.ts lets everybody read the room of the editors, and editors alone write', async () => {
  const [ana, bob] = [clientWith('token-of-ana').room('editors'), clientWith('token-of-bob').room('editors')]
  await ana.join()
  await bob.join()
  await ana.send('A headline')
  expect(await codeOf(bob.send('Mine'))).toBe('forbidden')
})

it('the server of members.ts answers a request with what its handler returns', async () => {
  const room = clientWith('token-of-ana').room('general')
  await room.join()
  expect(await room.request('roll', { sides: 1 })).toEqual({ rolled: 1 })
})
