import { type Backplane, memory } from '@roomful/server'
import { describe, expect, it } from 'vitest'
import { AMENDING_STORES } from '../support/amending-stores.js'
import { connect, connectExtended } from '../support/connect.js'
import type { WireClient } from '../support/wire-client.js'
import { gate, serve, WireClock } from '../support/wire-server.js'

interface Place {
  readonly offset: number
  readonly id: string
}

const targetOf = ({ offset, id }: Place): Place => ({ offset, id })

let ids = 0
const newId = () => `c${++ids}`

/** `+👍` adds a reaction, `-👍` takes it back. */
const reactionOf = (target: Place, change: string, fields: object = {}) => ({
  type: change.startsWith('+') ? 'add_reaction' : 'remove_reaction',
  room_id: 'lobby',
  target: targetOf(target),
  reaction: change.slice(1),
  ...fields,
})

const acked = (client: WireClient, message: { readonly type: string }) =>
  client.ask({ client_id: newId(), ...message }, 'ack')

const react = (client: WireClient, target: Place, change: string, fields: object = {}) =>
  acked(client, reactionOf(target, change, fields))

const refused = async (client: WireClient, message: { readonly type: string }) =>
  (await client.ask({ client_id: newId(), ...message }, 'error')).code

const say = (client: WireClient, message: string, fields: object = {}) =>
  acked(client, { type: 'chat_message', room_id: 'lobby', message, ...fields } as { type: string })

const historyOf = (client: WireClient, fields: object = {}) =>
  client.ask({ type: 'history', room_id: 'lobby', ...fields }, 'history')

const usersOf = (client: WireClient, target: Place, reaction: string, fields: object = {}) =>
  client.ask(
    { type: 'reactions', room_id: 'lobby', target: targetOf(target), reaction, ...fields },
    'reactions',
  )

async function joined(url: string, count = 1) {
  const clients = await Promise.all(
    Array.from({ length: count }, async () => {
      const client = await connectExtended(url)
      await client.join('lobby')
      return client
    }),
  )
  return clients as [WireClient, WireClient, WireClient]
}

/** The reactions of each message, as `👍2 🎉1`. */
const counts = (messages: readonly object[] | undefined) =>
  messages?.map((message) =>
    ((message as { reactions?: { reaction: string; count: number }[] }).reactions ?? [])
      .map(({ reaction, count }) => `${reaction}${count}`)
      .join(' '),
  )

describe.each(AMENDING_STORES)('on %s, a reaction', (_, make) => {
  it('[D12] a reaction is an entry of the log: all extended members get it in one order with messages, its sender an ack', async () => {
    const { url } = await serve({ backplane: await make() })
    const [ana, bob] = await joined(url, 2)
    const { epoch, id, offset } = await say(ana, 'hello')
    const ack = await react(bob, { offset, id }, '+👍', { client_id: 'r1', ref: 'r' })
    const place = { ref: 'r', room_id: 'lobby', epoch, offset: 2, duplicate: false }
    expect(ack).toMatchObject({ client_id: 'r1', ...place })
    const removal = await react(bob, { offset, id }, '-👍')
    const about = { target: { offset, id }, reaction: '👍', user_id: bob.userId, room_id: 'lobby', epoch }
    for (const member of [ana, bob]) {
      const added = { ...about, client_id: 'r1', timestamp: ack.timestamp, id: ack.id, offset: 2 }
      expect(await member.next('reaction_added')).toEqual({ type: 'reaction_added', ...added })
      expect(await member.next('reaction_removed')).toMatchObject({ ...about, id: removal.id, offset: 3 })
    }
  })

  it('[D12] [B4] a reaction reaches a base member as nothing, and its pages stay plain chat', async () => {
    const { url } = await serve({ backplane: await make() })
    const base = await connect(url)
    await base.join('lobby')
    const [ana] = await joined(url)
    const message = await say(ana, 'hello')
    await react(ana, message, '+👍')
    await say(ana, 'bye')
    await base.until(() => base.all('chat_message').length >= 2, 'the last message')
    await base.never('reaction_added')
    const page = await historyOf(base)
    expect(page.messages.map(({ type, message }) => [type, message])).toEqual([
      ['chat_message', 'hello'],
      ['chat_message', 'bye'],
    ])
    const { epoch, id } = message
    const resumed = await base.join('lobby', { since: { epoch, id, offset: 1 } })
    expect([resumed.recovered, resumed.messages?.map(({ offset }) => offset)]).toEqual([true, [3]])
    expect(resumed.own_reactions).toBeUndefined()
  })

  it('[D13] a reaction that changes nothing is acknowledged with the entry that made the state, or else the message', async () => {
    const { url } = await serve({ backplane: await make() })
    const [ana, bob] = await joined(url, 2)
    const message = await say(ana, 'hello')
    const first = await react(ana, message, '+👍')
    await react(bob, message, '+👍')
    const again = await react(ana, message, '+👍')
    expect(again).toMatchObject({ duplicate: true, offset: first.offset, id: first.id })
    expect(again.timestamp).toBe(first.timestamp)
    const never = await react(bob, message, '-🎉')
    expect(never).toMatchObject({ duplicate: true, offset: message.offset, id: message.id })
    expect(never.timestamp).toBe(message.timestamp)
    const removal = await react(ana, message, '-👍')
    const repeat = await react(ana, message, '-👍', { client_id: 'another' })
    expect(repeat).toMatchObject({ duplicate: true, offset: removal.offset, client_id: 'another' })
    expect((await say(ana, 'next')).offset).toBe(5)
  })

  it('[D6] [D17] a page counts reactions, and tells each reader the reader’s own', async () => {
    const { url, server } = await serve({ backplane: await make() })
    const [ana, bob] = await joined(url, 2)
    const [first, second] = [await say(ana, 'one'), await say(ana, 'two')]
    await say(ana, 'three')
    for (const change of ['+🎉', '+👍']) await react(bob, first, change)
    const last = await react(ana, first, '+👍')
    await react(ana, second, '+😀')
    const page = await historyOf(bob)
    expect(counts(page.messages)).toEqual(['🎉1 👍2', '😀1', ''])
    expect(page.messages[0]).toMatchObject({ version: last.offset, message: 'one' })
    expect(page.own_reactions).toEqual([{ offset: 1, reactions: ['🎉', '👍'] }])
    const again = await ana.join('lobby', { history: 3 })
    expect(again.covers).toEqual({ from: 1, to: 7 })
    expect(again.own_reactions).toEqual([
      { offset: 1, reactions: ['👍'] },
      { offset: 2, reactions: ['😀'] },
    ])
    const stranger = await connectExtended(url)
    expect((await stranger.join('lobby', { history: 3 })).own_reactions).toBeUndefined()
    const room = server.room('lobby')
    expect(counts((await room.history()).messages)).toEqual(['🎉1 👍2', '😀1', ''])
    const shown = await room.snapshot({ as: String(bob.userId) })
    expect(shown.own_reactions).toEqual(page.own_reactions)
  })

  it('[D8] [H1] a resume replays reactions, whose offsets the present states name as versions', async () => {
    const { url } = await serve({ backplane: await make() })
    const [ana, bob] = await joined(url, 2)
    const first = await say(ana, 'one')
    const second = await say(ana, 'two')
    await react(bob, second, '+👍')
    await react(bob, second, '-👍')
    await react(ana, first, '+🎉')
    const { epoch, id, offset } = first
    const resumed = await bob.join('lobby', { since: { epoch, id, offset } })
    expect(resumed.messages?.map(({ type, offset, version }) => [type, offset, version])).toEqual([
      ['chat_message', 2, 4],
      ['reaction_added', 3, undefined],
      ['reaction_removed', 4, undefined],
      ['reaction_added', 5, undefined],
    ])
  })

  it('[D16] [E7] who reacted in one way is listed in pages, in the order in which they did', async () => {
    const { url, server } = await serve({ backplane: await make() })
    const [ana] = await joined(url)
    const message = await say(ana, 'hello')
    const { chat } = server.room('lobby')
    for (const as of ['eve', 'bob', 'cai']) await chat.react(message, '👍', { as })
    await chat.unreact(message, '👍', { as: 'bob' })
    await chat.react(message, '👍', { as: 'bob' })
    const page = await usersOf(ana, message, '👍', { limit: 2, ref: 'r' })
    const about = { type: 'reactions', room_id: 'lobby', target: targetOf(message), reaction: '👍', ref: 'r' }
    expect(page).toEqual({ ...about, users: ['eve', 'cai'], more: true, next: page.next })
    expect(await usersOf(ana, message, '👍', { after: page.next })).toMatchObject({
      users: ['bob'],
      more: false,
    })
    expect(await usersOf(ana, message, '👎')).toMatchObject({ users: [], more: false })
    const ask = { type: 'reactions', room_id: 'lobby', reaction: '👍' }
    expect(await refused(ana, { ...ask, target: { offset: 1, id: 'x' } } as never)).toBe('not_found')
    await chat.delete(message)
    const error = await ana.ask({ ...ask, target: targetOf(message), ref: 'q' }, 'error')
    expect(error).toMatchObject({ code: 'deleted', ref: 'q', room_id: 'lobby' })
  })

  it('[D15] a deleted message has no reactions, and takes none', async () => {
    const { url, server } = await serve({ backplane: await make() })
    const [ana] = await joined(url)
    const message = await say(ana, 'hello')
    await react(ana, message, '+👍')
    await server.room('lobby').chat.delete(message)
    const page = await historyOf(ana)
    expect(page.messages).toMatchObject([{ deleted: true, version: 3 }])
    expect([counts(page.messages), page.own_reactions]).toEqual([[''], undefined])
    expect(await refused(ana, reactionOf(message, '+👍'))).toBe('deleted')
    expect(await refused(ana, reactionOf(message, '-👍'))).toBe('deleted')
    expect(await refused(ana, reactionOf({ offset: 9, id: message.id }, '+👍'))).toBe('not_found')
  })

  it('[D18] erasing a user takes the reactions back, and members learn what is left', async () => {
    const { url, server } = await serve({ backplane: await make() })
    const [ana] = await joined(url)
    const message = await say(ana, 'hello')
    const { chat } = server.room('lobby')
    await chat.react(message, 'theirs', { as: 'bob' })
    await chat.react(message, '👍', { as: 'bob' })
    await react(ana, message, '+👍')
    await server.user('bob').erase()
    const left = [{ reaction: '👍', count: 1 }]
    expect(await ana.next('reactions_erased')).toMatchObject({
      target: targetOf(message),
      user_id: 'bob',
      reactions: left,
    })
    const page = await historyOf(ana)
    expect(page.messages).toMatchObject([{ reactions: left, version: 5 }])
    expect(page.own_reactions).toEqual([{ offset: 1, reactions: ['👍'] }])
    const { epoch, id, offset } = message
    const replay = await ana.join('lobby', { since: { epoch, id, offset } })
    expect(JSON.stringify(replay)).not.toContain('theirs')
  })
})

describe('what may be a reaction, and who may react', () => {
  it('[D14] [E8] a reaction is a text of up to 32 bytes on one line that one can see', async () => {
    const { url } = await serve()
    const [ana] = await joined(url)
    const message = await say(ana, 'hello')
    for (const reaction of ['', ' ', 'a\nb', '\u0007', 'ü'.repeat(17), 7, undefined]) {
      const error = await ana.ask(
        { ...reactionOf(message, '+x'), reaction, client_id: 'c', ref: 'r' },
        'error',
      )
      expect(error).toMatchObject({ code: 'invalid_message', client_id: 'c', ref: 'r' })
      expect(error.issues).toMatchObject([{ path: 'reaction' }])
    }
    await react(ana, message, `+${'ü'.repeat(16)}`)
    await react(ana, message, '+:thank you:')
    await react(ana, message, '+👩‍👩‍👧‍👦')
    expect(await refused(ana, { ...reactionOf(message, '+x'), target: 1 } as never)).toBe('invalid_message')
  })

  it('[D14] the limits of kinds, of all reactions to a message, and of bytes are the server’s', async () => {
    const limits = { reactionKinds: 2, reactionsPerMessage: 3, reactionBytes: 3 }
    const { url } = await serve({ limits })
    const [ana, bob] = await joined(url, 2)
    const message = await say(ana, 'hello')
    expect(await refused(ana, reactionOf(message, '+👍'))).toBe('invalid_message')
    for (const change of ['+a', '+b']) await react(ana, message, change)
    expect(await refused(bob, reactionOf(message, '+c', { client_id: 'c' }))).toBe('reaction_limit')
    await react(bob, message, '+a')
    expect(await refused(bob, reactionOf(message, '+b'))).toBe('reaction_limit')
    await react(ana, message, '-b')
    await react(bob, message, '+c')
  })

  it('[J13] [E10] nobody reacts in a stream of their own, or outside their rooms', async () => {
    const { url } = await serve()
    const ana = await connectExtended(url)
    const place = { offset: 1, id: 'x' }
    expect(await refused(ana, reactionOf(place, '+👍'))).toBe('not_in_room')
    await ana.join('@me')
    for (const change of ['+👍', '-👍'])
      expect(await refused(ana, reactionOf(place, change, { room_id: '@me' }))).toBe('forbidden')
    const ask = { type: 'reactions', room_id: '@me', target: place, reaction: '👍', ref: 'r' }
    expect(await refused(ana, ask)).toBe('not_found')
  })

  it('[D12] whoever may chat may react, whoever may read may see who did', async () => {
    const asked: string[] = []
    const { url } = await serve({
      authorize: ({ action }) => {
        asked.push(action)
        return action !== 'chat_message' || asked.filter((one) => one === action).length < 3
      },
    })
    const [ana] = await joined(url)
    const message = await say(ana, 'hello')
    await react(ana, message, '+👍')
    await usersOf(ana, message, '👍')
    expect(await refused(ana, reactionOf(message, '-👍'))).toBe('forbidden')
    expect(asked).toEqual(['join', 'chat_message', 'chat_message', 'history', 'chat_message'])
  })

  it('[D9] [E12] reactions share the rate of the amendments of their room', async () => {
    const clock = new WireClock()
    const { url } = await serve({ clock, limits: { amendmentsPerSecond: 2 } })
    const [ana, bob] = await joined(url, 2)
    const message = await say(ana, 'a')
    await react(ana, message, '+👍')
    await react(bob, message, '+👍')
    const error = await bob.ask(reactionOf(message, '+🎉', { client_id: 'c' }), 'error')
    expect(error).toMatchObject({ code: 'rate_limited', client_id: 'c', retry_after_ms: 500 })
    await clock.advance(500)
    await react(bob, message, '+🎉')
  })

  it('[D11] a store that keeps no reactions makes them unknown to its server', async () => {
    const { url, server } = await serve({ backplane: withoutReactions() })
    const [ana] = await joined(url)
    const message = await say(ana, 'hello')
    const ask = { type: 'reactions', room_id: 'lobby', target: targetOf(message), reaction: '👍' }
    for (const one of [reactionOf(message, '+👍'), reactionOf(message, '-👍'), ask])
      expect(await refused(ana, one)).toBe('unknown_type')
    await expect(server.room('lobby').chat.react(message, '👍')).rejects.toThrow('chat.react: this backplane')
    expect((await historyOf(ana)).messages).toHaveLength(1)
  })
})

describe('the server itself', () => {
  it('[D12] [D13] the server reacts in its own name or that of a user, and under a key', async () => {
    const { url, server } = await serve()
    const [ana] = await joined(url)
    const message = await say(ana, 'hello')
    const { chat } = server.room('lobby')
    const first = await chat.react(message, '👍', { as: 'bob', key: 'k' })
    expect(await ana.next('reaction_added')).toMatchObject({ user_id: 'bob', reaction: '👍', offset: 2 })
    expect(await chat.react(message, '👍', { as: 'bob' })).toEqual({ ...first, duplicate: true })
    await chat.unreact(message, '👍', { as: 'bob' })
    expect(await chat.react(message, '👍', { as: 'bob', key: 'k' })).toEqual({ ...first, duplicate: true })
    await expect(chat.react(message, '🎉', { as: 'bob', key: 'k' })).rejects.toMatchObject({
      code: 'id_conflict',
    })
    await chat.react(message, '🎉')
    expect(await usersOf(ana, message, '🎉')).toMatchObject({ users: ['@server'] })
    await expect(chat.react(message, 'x'.repeat(33))).rejects.toMatchObject({ code: 'invalid_message' })
    await expect(chat.react(message, '\n')).rejects.toMatchObject({ code: 'invalid_message' })
    await expect(chat.react({ ...message, id: 'x' }, '👍')).rejects.toMatchObject({ code: 'not_found' })
    await expect(chat.react(7 as never, '👍')).rejects.toThrow('chat.react: pass a message of the log')
    await expect(chat.unreact(message, '👍', { ass: 'bob' } as never)).rejects.toThrow("did you mean 'as'")
  })

  it('changes report reactions as entries, and how many a message has', async () => {
    const { server } = await serve()
    const { chat } = server.room('lobby')
    const message = await chat.send('hello')
    await chat.react(message, '👍', { as: 'bob' })
    await chat.unreact(message, '👍', { as: 'bob' })
    await chat.react(message, '🎉', { as: 'ana' })
    const changes: object[] = []
    for await (const change of server.changes({ live: false })) changes.push(change.message)
    expect(changes).toMatchObject([
      { type: 'chat_message', version: 4, reactions: [{ reaction: '🎉', count: 1 }] },
      { type: 'reaction_added', reaction: '👍', user_id: 'bob', target: targetOf(message) },
      { type: 'reaction_removed', reaction: '👍' },
      { type: 'reaction_added', reaction: '🎉' },
    ])
  })
})

describe('a join while people react', () => {
  /** A memory store whose pages arrive when the gate opens, as they were when they were read. */
  function slowPages(opened: Promise<void>): Backplane {
    const store = bound(memory())
    return {
      ...store,
      read: async (stream, range, since) => {
        const page = await store.read(stream, range, since)
        if (range.limit > 0) await opened
        return page
      },
    }
  }

  it('[D8] [D17] [H3] what came after its page was read is counted in it, and is among the reader’s own', async () => {
    const { opened, open } = gate()
    const { url, server } = await serve({ backplane: slowPages(opened) })
    const [ana] = await joined(url)
    const [first, second] = [await say(ana, 'one'), await say(ana, 'two')]
    await react(ana, first, '+👍')
    const late = await connectExtended(url)
    const me = String(late.userId)
    const { chat } = server.room('lobby')
    await chat.react(first, '👎', { as: me })
    late.send({ type: 'join', room_id: 'lobby', history: 5 })
    await late.settled()
    await chat.react(first, '👍', { as: me })
    await chat.unreact(first, '👎', { as: me })
    await chat.react(second, '🎉', { as: me })
    open()
    const page = await late.next('joined')
    expect([counts(page.messages), page.covers]).toEqual([['👍2', '🎉1'], { from: 1, to: 7 }])
    expect(page.messages).toMatchObject([{ version: 6 }, { version: 7 }])
    expect(page.own_reactions).toEqual([
      { offset: 1, reactions: ['👍'] },
      { offset: 2, reactions: ['🎉'] },
    ])
    await react(late, first, '-👍')
    expect((await late.next('reaction_removed')).offset).toBe(8)
  })
})

function withoutReactions(): Backplane {
  const { reactions: _, ...methods } = bound(memory())
  return methods
}

/** A store as a plain object, whose methods can be replaced. */
function bound(store: Backplane): Backplane {
  const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(store)).flatMap((name) => {
    const value: unknown = Reflect.get(store, name, store)
    return typeof value === 'function' && name !== 'constructor' ? [[name, value.bind(store)]] : []
  })
  return { ...store, ...Object.fromEntries(methods) }
}
