import { createClient } from '@roomful/client'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { protocol, remove, serverOf } from './moderators.js'
import { expel, server } from './private-rooms.js'

let url: string
beforeAll(async () => {
  url = (await server.listen({ port: 0 })).url
})
afterAll(() => server.close())

function enter(user: string, roomId: string) {
  const client = createClient({ url, token: user, WebSocket, session: 'memory' })
  onTestFinished(() => client.close())
  const room = client.room(roomId)
  const joined = room.join().then(
    () => 'joined',
    (error) => error.code,
  )
  return { room, joined }
}

it('docs/authorization.md: members enter their room, and others are refused', async () => {
  expect(await enter('ana', 'team').joined).toBe('joined')
  expect(await enter('eve', 'team').joined).toBe('forbidden')
})

it('docs/authorization.md: an eleventh person finds a room of ten full, and gets the seat of who leaves', async () => {
  const ten = Array.from({ length: 10 }, (_, n) => enter(`user ${n}`, 'public-table'))
  for (const { joined } of ten) expect(await joined).toBe('joined')
  expect(await enter('late', 'public-table').joined).toBe('room_full')
  expect(await enter('user 3', 'public-table').joined).toBe('joined')
  await ten[7]?.room.leave()
  expect(await enter('late', 'public-table').joined).toBe('joined')
})

it('docs/authorization.md: who is expelled is out of the room, and stays out', async () => {
  const bob = enter('bob', 'team')
  expect(await bob.joined).toBe('joined')
  expel('team', 'bob')
  await expect.poll(() => bob.room.status.get().state, { timeout: 10_000 }).not.toBe('live')
  expect(await enter('bob', 'team').joined).toBe('forbidden')
})

it('docs/authorization.md: moderators delete what others wrote, and members do not', async () => {
  const [ana, eve] = [enter('ana', 'public-wall'), enter('eve', 'public-wall')]
  await ana.joined
  await eve.joined
  const { chat } = await import('@roomful/client/chat')
  const message = await ana.room.send('Hello')
  await expect(chat(eve.room).delete(message)).rejects.toMatchObject({ code: 'forbidden' })
  const eva = enter('eva', 'public-wall')
  await eva.joined
  await chat(eva.room).delete(message)
})

it("docs/authorization.md: a moderator's button removes somebody for ten minutes, and nobody else's does", async () => {
  const moderated = serverOf(new Set(['eva']))
  const { url } = await moderated.listen({ port: 0 })
  onTestFinished(() => moderated.close())
  const [eva, bob] = ['eva', 'bob'].map((token) => {
    const client = createClient({ url, token, protocol, WebSocket, session: 'memory' })
    onTestFinished(() => client.close())
    return client.room('general')
  })
  if (!eva || !bob) throw new Error('Nobody is there')
  await Promise.all([eva.join(), bob.join()])
  await expect(remove(bob, 'eva')).rejects.toMatchObject({ code: 'forbidden' })
  await remove(eva, 'bob')
  await expect.poll(() => bob.status.get().state, { timeout: 10_000 }).toBe('denied')
  await expect(bob.join()).rejects.toMatchObject({ code: 'banned' })
})
