import { memory } from '@roomful/server'
import { createTestServer, Device, type TestServer } from '@roomful/server/testing'
import { describe, expect, it } from 'vitest'
import { type Chat, chat } from '../src/chat.js'
import { createClient as createCoreClient } from '../src/core.js'
import { createClient, type Room } from '../src/index.js'

type Backplane = ReturnType<typeof memory>

/** A server where a token is the user's id, and moderators may change what others wrote. */
async function serve(backplane: Backplane = memory()) {
  const test = await createTestServer({
    backplane,
    authenticate: ({ token = '' }) => ({ userId: token }),
    authorize: ({ user, action }) => action !== 'moderate' || user.id === 'moderator',
  })
  return { ...test, settled: <T>(promise: PromiseLike<T>) => settled(test, promise) }
}

async function settled<T>({ clock }: Pick<TestServer, 'clock'>, promise: PromiseLike<T>): Promise<T> {
  await clock.advance(2_000)
  return promise
}

type Server = Awaited<ReturnType<typeof serve>>

/** A user's client that is live in the room, with its past. */
async function enter(server: Server, user: string, history = 50) {
  const device = new Device(server.network)
  const client = createClient({ url: 'ws://test', token: user, session: 'memory' }, device.runtime)
  const room = client.room('r')
  const c = chat(room)
  await server.settled(room.join({ history }))
  return { device, room, c, shown: () => shown(room) }
}

/** The texts, with what is special about them. */
function shown(room: Pick<Room, 'timeline'>): string[] {
  return room.timeline.get().map((entry) => {
    if (entry.kind === 'break') return `-${entry.reason}-`
    const { message, deleted, edited_at, edited_by } = entry.message
    const state = entry.state === 'sent' ? (entry.amendment ?? '') : entry.state
    const edit = edited_at === undefined ? '' : `(edited${edited_by === undefined ? '' : ` by ${edited_by}`})`
    return [deleted ? '(deleted)' : message, edit, state].filter((part) => part !== '').join(' ')
  })
}

/** What a newcomer sees. */
async function truth(server: Server): Promise<string[]> {
  const { room } = await enter(server, 'newcomer')
  return shown(room)
}

describe('edits and deletions between clients', () => {
  it('[D1] [D4] [D6] reach everybody, those who come later, and those who only listen', async () => {
    const server = await serve()
    const [ada, bob, moderator] = [
      await enter(server, 'ada'),
      await enter(server, 'bob'),
      await enter(server, 'moderator'),
    ]
    const core = createCoreClient(
      { url: 'ws://test', token: 'eve', session: 'memory' },
      new Device(server.network).runtime,
    )
    const heard: unknown[] = []
    core.room('r').on('message_edited', ({ message, user_id }) => heard.push([message, user_id]))
    core.room('r').on('message_deleted', ({ target }) => heard.push(target.offset))
    await server.settled(core.room('r').join())
    const first = await server.settled(ada.room.send('frist'))
    const second = await server.settled(ada.room.send('secret', { replyTo: first, mentions: ['bob'] }))
    const third = await server.settled(bob.room.send('rude'))
    await server.settled(ada.c.edit(first, 'first'))
    await server.settled(ada.c.delete(second))
    await server.settled(moderator.c.edit(third, 'polite'))
    const expected = ['first (edited)', '(deleted)', 'polite (edited by moderator)']
    for (const { shown } of [ada, bob, moderator]) expect(shown()).toEqual(expected)
    expect(await truth(server)).toEqual(expected)
    expect(heard).toEqual([['first', 'ada'], second.offset, ['polite', 'moderator']])
  })

  it('[D3] [D4] are taken back where the server refuses them', async () => {
    const server = await serve()
    const [ada, bob] = [await enter(server, 'ada'), await enter(server, 'bob')]
    const message = await server.settled(ada.room.send('mine'))
    const edit = bob.c.edit(message, 'yours')
    expect(bob.shown()).toEqual(['yours (edited by bob) pending'])
    await server.clock.settle()
    await expect(edit).rejects.toMatchObject({ code: 'forbidden' })
    expect(bob.shown()).toEqual(['mine failed'])
    await server.settled(ada.c.delete(message))
    await server.settled(ada.c.edit(message, 'again').catch(({ code }) => expect(code).toBe('deleted')))
    await server.settled(
      ada.c.edit({ id: 'x', offset: 7 }, 'x').catch(({ code }) => expect(code).toBe('not_found')),
    )
    expect(await truth(server)).toEqual(['(deleted)'])
  })

  it('[D8] an edit of somebody else that arrives while a page is on its way is in the page that is shown', async () => {
    const backplane = memory()
    const gates: (() => void)[] = []
    let isSlow = false
    // The page is read, and reaches the client late.
    const slow = new Proxy(backplane, {
      get: (target, name) => {
        const value = Reflect.get(target, name) as unknown
        if (typeof value !== 'function') return value
        if (name !== 'read') return value.bind(target)
        return async (...args: Parameters<Backplane['read']>) => {
          const page = await target.read(...args)
          if (isSlow) await new Promise<void>((resolve) => gates.push(resolve))
          return page
        }
      },
    })
    const server = await serve(slow)
    const ada = await enter(server, 'ada')
    const messages = []
    for (const text of ['one', 'two', 'three']) messages.push(await server.settled(ada.room.send(text)))
    const bob = await enter(server, 'bob', 1)
    expect(bob.shown()).toEqual(['three'])
    isSlow = true
    const page = bob.room.history({ before: 3 })
    await server.clock.settle()
    expect(gates).toHaveLength(1)
    await server.settled(ada.c.edit(messages[0] ?? {}, 'ONE'))
    await server.settled(ada.c.delete(messages[1] ?? {}))
    expect(bob.shown()).toEqual(['three'])
    isSlow = false
    gates[0]?.()
    await server.clock.settle()
    await page
    expect(bob.shown()).toEqual(['ONE (edited)', '(deleted)', 'three'])
  })
})

describe('a page around a message', () => {
  it('[H17] a page around a message that an answer names is returned, and shown in the timeline only if it adjoins', async () => {
    const server = await serve()
    const ana = await enter(server, 'ana')
    const sent = Array.from({ length: 20 }, (_, n) => ana.room.send(`${n + 1}`))
    await server.clock.advance(10_000)
    const bob = await enter(server, 'bob', 4)
    const answer = ana.room.send('an answer', { replyTo: await sent[4] })
    await server.settled(answer)
    const last = bob.room.timeline.get().at(-1)
    const named = last?.kind === 'message' ? last.message.reply_to : undefined
    const page = await server.settled(bob.room.history({ around: named, limit: 6 }))
    expect(textsIn(page)).toEqual(['3', '4', '5', '6', '7', '8'])
    expect(page).toMatchObject({ more: true, moreAfter: true })
    const before = await server.settled(page.next())
    expect(textsIn(before)).toEqual(['1', '2'])
    expect([before.more, before.moreAfter]).toEqual([false, undefined])
    expect(bob.shown()).toEqual(['17', '18', '19', '20', 'an answer'])
    await server.settled(bob.room.history({ around: await sent[13], limit: 4 }))
    expect(bob.shown()).toEqual(['13', '14', '15', '16', '17', '18', '19', '20', 'an answer'])
  })

  it('[H17] [D17] a page says which of the reactions in it are the user’s own', async () => {
    const server = await serve()
    const [ana, bob] = [await enter(server, 'ana'), await enter(server, 'bob')]
    const sent = await server.settled(ana.room.send('hello'))
    await server.settled(bob.c.react(sent, '👍'))
    await server.settled(ana.c.react(sent, '🎉'))
    const { messages, ownReactions } = await server.settled(bob.room.history({ around: sent }))
    expect(Object(messages[0]).reactions).toHaveLength(2)
    expect(ownReactions).toEqual([{ offset: sent.offset, reactions: ['👍'] }])
  })

  it('[H17] a page around a message leaves the timeline of a room empty that was joined without history, unless it adjoins', async () => {
    const server = await serve()
    const ana = await enter(server, 'ana')
    const sent = Array.from({ length: 20 }, (_, n) => ana.room.send(`${n + 1}`))
    await server.clock.advance(10_000)
    const bob = await enter(server, 'bob', 0)
    await server.settled(bob.room.history({ around: await sent[4], limit: 6 }))
    expect(bob.shown()).toEqual([])
    await server.settled(bob.room.history({ limit: 2 }))
    expect(bob.shown()).toEqual(['19', '20'])
    await server.settled(ana.room.send('live'))
    expect(bob.shown()).toEqual(['19', '20', 'live'])
  })

  it('[H17] [D8] a page around a message that is edited while it is on its way shows the edit if the message is shown', async () => {
    const server = await serve()
    const ana = await enter(server, 'ana')
    const sent = ana.room.send('helo')
    await server.settled(sent)
    const bob = await enter(server, 'bob')
    const asked = bob.room.history({ around: await sent })
    ana.c.edit(await sent, 'hello')
    await server.settled(asked)
    expect(bob.shown()).toEqual(['hello (edited)'])
  })

  it('[H17] a page around a message that is not there is refused', async () => {
    const server = await serve()
    const ana = await enter(server, 'ana')
    const sent = await server.settled(ana.room.send('hello'))
    const asked = ana.room.history({ around: { offset: sent.offset, id: 'another' } })
    asked.catch(() => {})
    await server.clock.advance(1_000)
    await expect(asked).rejects.toMatchObject({ code: 'not_found' })
  })
})

const textsIn = ({ messages }: { readonly messages: readonly { readonly message: string }[] }) =>
  messages.map(({ message }) => message)

describe('edits and deletions on a bad network', () => {
  it('[M12] what was edited and deleted offline goes when the network is back, once', async () => {
    const server = await serve()
    const [ada, bob] = [await enter(server, 'ada'), await enter(server, 'bob')]
    const [first, second] = [
      await server.settled(ada.room.send('one')),
      await server.settled(ada.room.send('two')),
    ]
    ada.device.goOffline()
    const unsent = ada.room.send('never seen')
    const typo = ada.room.send('tpyo')
    const results = [
      ...[ada.c.edit(first, 'ONE'), ada.c.edit(first, 'One'), ada.c.delete(second)],
      ...[ada.c.delete({ client_id: unsent.clientId }), ada.c.edit({ client_id: typo.clientId }, 'typo')],
    ]
    await expect(unsent).rejects.toMatchObject({ code: 'cancelled' })
    expect(ada.shown()).toEqual(['One (edited) pending', '(deleted) pending', 'typo pending'])
    await server.clock.advance(30_000)
    expect(bob.shown()).toEqual(['one', 'two'])
    ada.device.goOnline()
    await server.clock.advance(30_000)
    await Promise.all(results)
    const expected = ['One (edited)', '(deleted)', 'typo']
    expect([ada.shown(), bob.shown(), await truth(server)]).toEqual([expected, expected, expected])
    // Two messages, one more, an edit and a deletion.
    const { cursor } = await server.settled(server.server.room('r').snapshot({ as: '@server' }))
    expect(cursor.offset).toBe(5)
  })

  it('[M7] a message in flight is edited once it has arrived, although the connection broke in between', async () => {
    const server = await serve()
    const [ada, bob] = [await enter(server, 'ada'), await enter(server, 'bob')]
    ada.device.link?.delay(50)
    const message = ada.room.send('tpyo')
    // It arrives, and its ack does not.
    await server.clock.advance(60)
    const edit = ada.c.edit({ client_id: message.clientId }, 'typo')
    expect(ada.shown()).toEqual(['typo (edited) pending'])
    ada.device.link?.cut()
    await server.clock.advance(30_000)
    await Promise.all([message, edit])
    expect([ada.shown(), bob.shown()]).toEqual([['typo (edited)'], ['typo (edited)']])
  })

  it('[M7] [D5] the ack of an edit is lost, and the message is deleted before the repeat', async () => {
    const server = await serve()
    const [ada, moderator] = [await enter(server, 'ada'), await enter(server, 'moderator')]
    const message = await server.settled(ada.room.send('one'))
    ada.device.link?.delay(50)
    const edit = ada.c.edit(message, 'ONE')
    await server.clock.advance(60)
    ada.device.link?.cut()
    await server.settled(moderator.c.delete(message))
    await server.clock.advance(30_000)
    expect(await edit).toMatchObject({ offset: 2 })
    expect([ada.shown(), moderator.shown()]).toEqual([['(deleted)'], ['(deleted)']])
  })

  it('two devices of a user edit the same message offline: all agree on the edit that came last', async () => {
    const server = await serve()
    const [phone, laptop, bob] = [
      await enter(server, 'ada'),
      await enter(server, 'ada'),
      await enter(server, 'bob'),
    ]
    const message = await server.settled(phone.room.send('one'))
    for (const { device } of [phone, laptop]) device.goOffline()
    const edits = [phone.c.edit(message, 'phone'), laptop.c.edit(message, 'laptop')]
    for (const { device } of [phone, laptop]) device.goOnline()
    await server.clock.advance(30_000)
    await Promise.all(edits)
    const expected = await truth(server)
    expect(['phone (edited)', 'laptop (edited)']).toContain(expected[0])
    for (const { shown } of [phone, laptop, bob]) expect(shown()).toEqual(expected)
  })

  it('[M11] whoever edits and deletes on connections that are cut again and again, all see the same in the end', async () => {
    const server = await serve()
    const people = [await enter(server, 'ada'), await enter(server, 'bob'), await enter(server, 'moderator')]
    const sends: PromiseLike<unknown>[] = []
    let step = 0
    for (let round = 0; round < 12; round++) {
      for (const [index, { room, c, device }] of people.entries()) {
        sends.push(room.send(`${index} ${round}`))
        const entries = room.timeline.get()
        for (let i = 0; i < 4; i++) {
          const entry = entries[(7 * step++) % Math.max(1, entries.length)]
          if (entry?.kind !== 'message') continue
          const amendment = step % 5 === 0 ? c.delete(entry.message) : c.edit(entry.message, `edit ${step}`)
          sends.push(amendment.catch(() => {}))
        }
        device.link?.delay((37 * step) % 90)
        if (step % 3 === index) device.link?.cut()
        await server.clock.advance((53 * step) % 200)
      }
    }
    await server.clock.advance(60_000)
    await Promise.all(sends.map((sent) => sent.then(undefined, () => {})))
    const expected = await truth(server)
    expect(expected.filter((text) => text === '(deleted)').length).toBeGreaterThan(3)
    expect(expected.filter((text) => text.includes('(edited')).length).toBeGreaterThan(3)
    for (const { room, shown } of people) {
      for (const entry of room.timeline.get()) {
        if (entry.kind === 'message' && (entry.amendment === 'failed' || entry.state === 'failed'))
          entry.cancel()
      }
      expect(shown()).toEqual(expected)
    }
  })

  it('[D3] [M11] a server that lost its memory takes no edits of what it forgot, and says so', async () => {
    const server = await serve()
    const ada = await enter(server, 'ada')
    const message = await server.settled(ada.room.send('one'))
    server.crash()
    const edit = ada.c.edit(message, 'ONE')
    const written = ada.room.send('two')
    await createTestServer(
      { authenticate: ({ token = '' }) => ({ userId: token }), authorize: () => true },
      { network: server.network },
    )
    await server.clock.advance(30_000)
    await written
    await expect(edit).rejects.toMatchObject({ code: 'not_found' })
    expect(ada.shown()).toEqual(['one failed', '-epoch_changed-', 'two'])
  })

  it('[D10] a client that was away for too long shows nothing any more that was deleted meanwhile', async () => {
    const server = await serve(memory({ historyCount: 50, historyEntries: 5 }))
    const [ada, bob] = [await enter(server, 'ada'), await enter(server, 'bob')]
    const first = await server.settled(ada.room.send('secret'))
    const second = await server.settled(ada.room.send('tpyo'))
    expect(bob.shown()).toEqual(['secret', 'tpyo'])
    bob.device.goOffline()
    await server.settled(ada.c.delete(first))
    await server.settled(ada.c.edit(second, 'typo'))
    for (let i = 0; i < 8; i++) await server.settled(ada.room.send(`${i}`))
    bob.device.goOnline()
    await server.clock.advance(30_000)
    expect(bob.shown().slice(0, 3)).toEqual(['(deleted)', 'typo (edited)', '-expired-'])
  })
})

describe('reactions between clients', () => {
  /** The reactions of each message, as `👍2 🎉1*`, with a star for the user's own. */
  function reactions({ c }: { readonly c: Pick<Chat, 'messages'> }): string[] {
    return c.messages.get().map((entry) => {
      const { reactions = [] } = entry.kind === 'message' ? entry.message : {}
      return reactions.map(({ reaction, count, own }) => `${reaction}${count}${own ? '*' : ''}`).join(' ')
    })
  }

  it('[D12] [D15] [D17] reach everybody, whoever comes later, and the other devices of a user as the user’s own', async () => {
    const server = await serve()
    const [ada, bob, phone] = [
      await enter(server, 'ada'),
      await enter(server, 'bob'),
      await enter(server, 'bob'),
    ]
    const [first, second] = [
      await server.settled(ada.room.send('one')),
      await server.settled(ada.room.send('two')),
    ]
    await server.settled(bob.c.react(first, '🎉'))
    await server.settled(ada.c.react(first, '👍'))
    await server.settled(bob.c.react(first, '👍'))
    await server.settled(ada.c.react(second, '👍'))
    await server.settled(ada.c.edit(first, 'uno'))
    expect(reactions(ada)).toEqual(['🎉1 👍2*', '👍1*'])
    for (const device of [bob, phone, await enter(server, 'bob')])
      expect(reactions(device)).toEqual(['🎉1* 👍2*', '👍1'])
    expect(await server.settled(phone.c.reactions(first, '👍'))).toMatchObject({
      users: ['ada', 'bob'],
      more: false,
    })
    await server.settled(phone.c.unreact(first, '🎉'))
    await server.settled(ada.c.delete(second))
    for (const device of [bob, phone, await enter(server, 'bob')])
      expect(reactions(device)).toEqual(['👍2*', ''])
  })

  it('[D13] [D14] a refused one is taken back, one that is there already stays', async () => {
    const server = await serve()
    const [ada, bob] = [await enter(server, 'ada'), await enter(server, 'bob')]
    const message = await server.settled(ada.room.send('one'))
    const long = bob.c.react(message, 'x'.repeat(33))
    expect(reactions(bob)).toEqual([`${'x'.repeat(33)}1*`])
    await server.clock.settle()
    await expect(long).rejects.toMatchObject({ code: 'invalid_message' })
    expect(reactions(bob)).toEqual([''])
    const place = await server.settled(bob.c.react(message, '👍'))
    expect(await server.settled(bob.c.react(message, '👍'))).toEqual(place)
    expect([reactions(bob), reactions(ada)]).toEqual([['👍1*'], ['👍1']])
  })

  it('[D18] those of an erased user are gone for everybody', async () => {
    const server = await serve()
    const [ada, bob] = [await enter(server, 'ada'), await enter(server, 'bob')]
    const message = await server.settled(ada.room.send('one'))
    for (const reaction of ['👍', '🎉']) await server.settled(bob.c.react(message, reaction))
    await server.settled(ada.c.react(message, '👍'))
    await server.settled(server.server.user('bob').erase())
    expect([reactions(bob), reactions(ada)]).toEqual([['👍1'], ['👍1*']])
    await server.settled(bob.c.react(message, '👍'))
    expect([reactions(bob), reactions(ada)]).toEqual([['👍2*'], ['👍2*']])
  })
})
