import { defineProtocol } from '@roomful/protocol'
import type { Authentication } from '@roomful/server'
import { createTestServer } from '@roomful/server/testing'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'

const byToken = ({ token }: { readonly token: string | undefined }): Authentication =>
  token ? { userId: token } : null

describe('user ids of any characters', () => {
  it('[M7] [M8] user ids of any characters keep messages apart whose ids, read together, are the same text', async () => {
    const { connect } = await createTestServer({ authenticate: byToken, authorize: () => true })
    const [one, two] = [await connect({ token: 'b c' }), await connect({ token: 'c' })]
    await one.join('r')
    await two.join('r')
    one.send({ type: 'chat_message', room_id: 'r', message: 'from one', client_id: 'a' })
    expect(await one.next('ack')).toMatchObject({ duplicate: false })
    two.send({ type: 'chat_message', room_id: 'r', message: 'from two', client_id: 'a b' })
    expect(await two.next('ack')).toMatchObject({ duplicate: false, offset: 2 })
  })

  it('[P1] user ids of any characters work as members, whatever they hold', async () => {
    const { connect } = await createTestServer({ authenticate: byToken, authorize: () => true })
    const ids = ['__proto__', 'constructor', 'Ana Müller', '\u0000', 'user@x', '😀'.repeat(256)]
    for (const token of ids) {
      const client = await connect({ token })
      const { members } = await client.join('r')
      expect(members).toContainEqual({ user_id: token })
      client.send({ type: 'presence', room_id: 'r', state: { at: token.length } })
      expect(await client.next('presence')).toMatchObject({ members: [{ user_id: token }] })
      client.send({ type: 'typing_start', room_id: 'r' })
    }
  })
})

describe('what authenticate may not return', () => {
  const long: Authentication = { userId: 'x'.repeat(257) }
  const banned = { refused: 'banned' } as unknown as Authentication
  const undecided = { userId: 'ana', refused: undefined } as unknown as Authentication
  it.each([
    ['a user id of more than 256 characters', long],
    ['another refusal than expired', banned],
    ['an undefined refusal beside a user', undecided],
  ])('[C8] %s is a fault of authenticate, and lets nobody in', async (_, answer) => {
    const { connect } = await createTestServer({ authenticate: () => answer, authorize: () => true })
    const eve = await connect({ auth: false })
    eve.authenticate({ token: 'x' })
    expect(await eve.next('error')).toMatchObject({ code: 'unavailable' })
    expect(eve.closed?.code).toBe(1013)
  })
})

describe('a user id that begins with @', () => {
  it('[M3] a user id that begins with @ is a fault of authenticate: its user could write as the server does', async () => {
    const { connect } = await createTestServer({ authenticate: byToken, authorize: () => true })
    const eve = await connect({ auth: false })
    eve.authenticate({ token: '@server' })
    expect(await eve.next('error')).toMatchObject({ code: 'unavailable' })
    expect(eve.closed?.code).toBe(1013)
  })
})

describe('a profile that is no JSON object', () => {
  const loop: Record<string, unknown> = {}
  loop.self = loop
  const profiles = { 'a big integer': { id: 1n }, 'a loop': loop, 'a text': 'Ana', 'a list': [1] }
  for (const [what, profile] of Object.entries(profiles)) {
    it(`[C8] a profile that is no JSON object is a fault of authenticate, and spoils no room (${what})`, async () => {
      const { connect } = await createTestServer({
        authenticate: ({ token }) =>
          ({ userId: token, ...(token === 'bad' && { profile }) }) as unknown as Authentication,
        authorize: () => true,
      })
      const bad = await connect({ auth: false })
      bad.authenticate({ token: 'bad' })
      expect(await bad.next('error')).toMatchObject({ code: 'unavailable' })
      const ana = await connect({ token: 'ana' })
      expect(await ana.join('r')).toMatchObject({ members: [{ user_id: 'ana' }] })
    })
  }

  it('[J15] a profile that is no JSON object is shown as it was when its user authenticated, whatever the application does to it later', async () => {
    const profile = { name: 'Ana' }
    const { connect } = await createTestServer({
      authenticate: () => ({ userId: 'ana', profile }),
      authorize: () => true,
    })
    const ana = await connect({ token: 'x' })
    profile.name = 'Bob'
    expect(await ana.join('r')).toMatchObject({ members: [{ user_id: 'ana', profile: { name: 'Ana' } }] })
  })
})

it('[J13] a handler batch of a user’s own stream holds nobody else’s messages', async () => {
  const batches: string[][] = []
  const { connect, clock } = await createTestServer({
    protocol: defineProtocol({ client: { mark: z.object({ id: z.string() }) } }),
    authenticate: byToken,
    authorize: () => true,
    handle: {
      mark: {
        size: 10,
        ms: 100,
        handle: (items) => void batches.push(items.map(({ context }) => context.user.id)),
      },
    },
  })
  for (const token of ['ana', 'bob']) {
    const client = await connect({ token })
    await client.join('@me')
    client.send({ type: 'mark', room_id: '@me', id: '1' })
  }
  await clock.advance(200)
  expect(batches).toEqual([['ana'], ['bob']])
})
