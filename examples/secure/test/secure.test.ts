import { once } from 'node:events'
import { type ClientOptions, createClient } from '@roomful/client'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { AccessList } from '../access.js'
import { certificate } from '../certificate.js'
import { createSecureServer } from '../server.js'
import { playStory } from '../story.js'
import { Tokens } from '../tokens.js'

const tokens = new Tokens('a secret of the test')
const token = (userId: string, lifetimeSeconds = 60) => tokens.issue(userId, userId, lifetimeSeconds)
const tls = await certificate()

/** Trusts the server's certificate, as a browser does with one that an authority signed. */
class TrustingWebSocket extends WebSocket {
  constructor(url: string) {
    super(url, { ca: tls.cert })
  }
}

async function serve() {
  const access = new AccessList()
  access.grant('board', 'ana', 'write')
  access.grant('board', 'bob', 'read')
  const written: string[] = []
  const secure = createSecureServer(tokens, access, (line) => written.push(line))
  onTestFinished(() => secure.server.close())
  const { url } = await secure.server.listen({ port: 0, tls })
  const connect = (token: NonNullable<ClientOptions<never>['token']>) => {
    const client = createClient({ url, token, WebSocket: TrustingWebSocket })
    onTestFinished(() => client.close())
    const errors: string[] = []
    client.on('error', ({ code }) => errors.push(code))
    return { client, board: client.room('board'), errors }
  }
  return { ...secure, access, url, connect, written }
}

it('[C12] [J12] [C19] the story in the terminal tells what happens to a writer and a reader', async () => {
  const { server, access, url, withdraw, ban, written } = await serve()
  const told: string[] = []
  const tell = (line: string) => told.push(line)
  const secure = { server, withdraw, ban }
  await playStory({ url, secure, tokens, access, WebSocket: TrustingWebSocket, tell })
  expect(told).toEqual([
    'ana writes, and bob reads "Good morning"',
    'bob may only read: forbidden',
    "ana's token was about to expire: the client fetched another, and message 2 went out",
    "bob's access is withdrawn: he is out of the room and still online",
    "ana's client reports: forbidden",
    'and she is banned, so that it does not come back: Forbidden',
  ])
  await expect
    .poll(() => written.toSorted())
    .toEqual(['ana joins board', 'ana leaves board', 'bob joins board', 'bob leaves board'])
})

describe('authentication', () => {
  it('[C5] a token in the first frame says who the user is, over wss', async () => {
    const { url, connect } = await serve()
    const { client, board } = connect(await token('ana'))
    expect(url).toMatch(/^wss:/)
    const { members } = await board.join()
    expect(client.user.get()).toBe('ana')
    expect(members).toMatchObject([{ user_id: 'ana', profile: { name: 'ana' } }])
    expect(await board.send('hello')).toMatchObject({ offset: 1 })
  })

  it('[C5] a token in the query does so as well', async () => {
    const { url } = await serve()
    const socket = new TrustingWebSocket(`${url}?token=${await token('ana')}`)
    onTestFinished(() => socket.terminate())
    const frames: { type: string; user_id?: string }[] = []
    socket.on('message', (data) => frames.push(JSON.parse(String(data))))
    await expect
      .poll(() => frames)
      .toMatchObject([{ type: 'system' }, { type: 'authenticated', user_id: 'ana' }])
  })

  it.each([
    ['forged', 'invalid_token', 4500, () => new Tokens('another secret').issue('ana', 'Ana', 60)],
    ['expired', 'token_expired', 4004, () => token('ana', -60)],
  ])('[C8] a token that is %s gets an error and a close code', async (_, error, code, issue) => {
    const { url } = await serve()
    const socket = new TrustingWebSocket(`${url}?token=${await issue()}`)
    const frames: { type: string; code?: string }[] = []
    socket.on('message', (data) => frames.push(JSON.parse(String(data))))
    expect((await once(socket, 'close'))[0]).toBe(code)
    expect(frames).toMatchObject([{ type: 'system' }, { type: 'error', code: error }])
  })

  it('[C12] [C13] a client that fetches another token stays; one that cannot is put out at the end', async () => {
    const { connect } = await serve()
    const reasons: string[] = []
    const refreshing = connect(({ reason }) => {
      reasons.push(reason)
      return token('ana', reason === 'connect' ? 5 : 60)
    })
    const fixed = connect(await token('bob', 5))
    await Promise.all([refreshing.board.join(), fixed.board.join()])
    const changes: string[] = []
    refreshing.client.on('status', ({ to }) => changes.push(to.state))
    await expect
      .poll(() => fixed.client.status.get(), { timeout: 15_000 })
      .toMatchObject({ state: 'failed', code: 4004 })
    expect(fixed.errors).toEqual(['token_expired'])
    expect(reasons).toEqual(['connect', 'expiring'])
    expect(await refreshing.board.send('still here')).toMatchObject({ offset: 1 })
    expect(changes).toEqual([])
  })
})

describe('authorization', () => {
  it('a reader hears and cannot write, until it may', async () => {
    const { access, connect } = await serve()
    const [ana, bob] = [connect(await token('ana')), connect(await token('bob'))]
    const heard = new Promise((resolve) => bob.board.on('chat_message', resolve))
    await Promise.all([ana.board.join(), bob.board.join()])
    await ana.board.send('hello')
    expect(await heard).toMatchObject({ message: 'hello', user_id: 'ana' })
    await expect(bob.board.send('hello ana')).rejects.toMatchObject({ code: 'forbidden', roomId: 'board' })
    access.grant('board', 'bob', 'write')
    expect(await bob.board.send('hello ana')).toMatchObject({ offset: 2 })
  })

  it('a third member is refused with the code of the hook set that counts seats, and is not written down', async () => {
    const { access, connect, written } = await serve()
    access.grant('board', 'cleo', 'read')
    for (const userId of ['ana', 'bob']) await connect(await token(userId)).board.join()
    const cleo = connect(await token('cleo')).board
    await expect(cleo.join()).rejects.toMatchObject({ code: 'room_full' })
    expect(written).toEqual(['ana joins board', 'bob joins board'])
  })

  it('[J7] a room that is not for a user reads the same as one that does not exist', async () => {
    const { connect } = await serve()
    const { client } = connect(await token('cleo'))
    const refusals = await Promise.all(['board', 'nowhere'].map((id) => client.room(id).join().catch(String)))
    expect(refusals[0]).toBe(refusals[1])
    expect(refusals[0]).toBe('RoomfulError: Forbidden')
  })
})

describe('revocation', () => {
  it('[J12] a user whose access is withdrawn leaves the room and keeps the connection', async () => {
    const { connect, withdraw } = await serve()
    const { client, board } = connect(await token('ana'))
    await board.join()
    withdraw('board', 'ana')
    await expect
      .poll(() => board.status.get())
      .toMatchObject({ state: 'denied', error: { code: 'forbidden' } })
    await expect(board.join()).rejects.toMatchObject({ code: 'forbidden' })
    expect(client.status.get().state).toBe('online')
  })

  it('[C19] a banned user is disconnected for good, whatever the token says', async () => {
    const { connect, ban } = await serve()
    const valid = await token('ana')
    const { client, board } = connect(valid)
    await board.join()
    ban('ana')
    await expect.poll(() => client.status.get()).toMatchObject({ state: 'failed', code: 4501 })
    const again = connect(valid)
    await expect(again.board.join()).rejects.toMatchObject({ code: 'invalid_token' })
    expect(again.client.status.get()).toMatchObject({ state: 'failed', code: 4500 })
  })
})
