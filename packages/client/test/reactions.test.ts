import type { BuiltIn } from '@roomful/protocol'
import { describe, expect, it } from 'vitest'
import { type Chat, chat } from '../src/chat.js'
import { createClient as createCore } from '../src/core.js'
import { type ClientOptions, type OutboxStorage, type StoredMessage, storedOutbox } from '../src/index.js'
import {
  ackFrame,
  chatFrame,
  deletionFrame,
  editFrame,
  errorFrame,
  joinedFrame,
  reactionFrame,
  ScriptedServer,
} from './support/scripted-server.js'

const at = (offset: number) => ({ offset, id: `id-${offset}` })

/** A client that is live in room `r`, with what its join brought, and then a message at offset 1. */
async function live(options: Partial<ClientOptions<BuiltIn>> = {}, joined: Record<string, unknown> = {}) {
  const script = new ScriptedServer(options)
  const room = script.client.room('r')
  const c = chat(room)
  await script.connection.welcomes('me')
  void room.join()
  await script.connection.says(joinedFrame(script.connection.take().at(-1), joined))
  await script.clock.advance(0)
  const says = (...frames: Parameters<typeof script.connection.says>) => script.connection.says(...frames)
  if (Object.keys(joined).length === 0) await says(chatFrame(1))
  script.connection.take()
  return { script, room, c, says, first: at(1), shown: () => shownIn(c.messages) }
}

/** The reactions of each message, as `👍2 🎉1*`, with a star for the user's own. */
function shownIn(messages: Chat['messages']): string[] {
  return messages.get().map((entry) => {
    if (entry.kind === 'break') return `-${entry.reason}-`
    const reactions = 'reactions' in entry.message ? (entry.message.reactions ?? []) : []
    return reactions.map(({ reaction, count, own }) => `${reaction}${count}${own ? '*' : ''}`).join(' ')
  })
}

const reactions = (script: ScriptedServer) =>
  script.connection
    .take()
    .filter(({ type }) => type === 'add_reaction' || type === 'remove_reaction')
    .map(({ type, reaction }) => `${type === 'add_reaction' ? '+' : '-'}${reaction}`)

async function reconnect(script: ScriptedServer, rest: Record<string, unknown> = {}) {
  await script.clock.advance(20_000)
  await script.connection.welcomes('me')
  const join = script.connection.take().find(({ type }) => type === 'join')
  await script.connection.says(joinedFrame(join, { recovered: true, ...at(1), ...rest }))
  await script.clock.advance(0)
}

const historyFrame = (ref: unknown, messages: unknown[], rest: Record<string, unknown> = {}) => ({
  ...{ type: 'history', room_id: 'r', ref, epoch: 'e1', more: false, truncated: false, oldest_offset: 1 },
  ...{ messages, ...rest },
})

describe('the functions of chat()', () => {
  it('may be called without the object', async () => {
    const { script, c } = await live()
    const { edit, react, unreact, markRead, delete: remove } = c
    react(at(1), '👍')
    unreact(at(1), '🎉')
    edit(at(1), 'fixed')
    remove({ clientId: 'unknown' })
    markRead(at(1))
    await script.clock.advance(1_000)
    expect(script.connection.take().map(({ type }) => type)).toEqual(
      expect.arrayContaining(['add_reaction', 'mark_read']),
    )
  })
})

describe('the reactions to a message', () => {
  it('[D15] [D19] counts what arrives, whatever was added first at the beginning, and what is the user’s own', async () => {
    const { says, shown, room } = await live()
    const told: unknown[] = []
    room.on('reaction_added', ({ reaction, user_id }) => told.push([reaction, user_id]))
    room.on('reaction_removed', ({ reaction }) => told.push(reaction))
    await says(
      reactionFrame(2, 1, '+👍'),
      reactionFrame(3, 1, '+🎉', { user_id: 'me' }),
      reactionFrame(4, 1, '+👍', { user_id: 'third' }),
    )
    expect(shown()).toEqual(['👍2 🎉1*'])
    await says(reactionFrame(5, 1, '-👍'), reactionFrame(6, 1, '-🎉', { user_id: 'me' }))
    expect(shown()).toEqual(['👍1'])
    await says(reactionFrame(7, 1, '-👍', { user_id: 'third' }))
    expect(shown()).toEqual([''])
    expect(told).toHaveLength(6)
    expect(room.timeline.get()).toMatchObject([{ message: { id: 'id-1' } }])
  })

  it('[D6] [D17] begins with what a page says', async () => {
    const counts = [
      { reaction: '👍', count: 2 },
      { reaction: '🎉', count: 1 },
    ]
    const { says, shown } = await live(
      {},
      {
        ...{
          messages: [chatFrame(1, { reactions: counts, version: 4 })],
          covers: { from: 1, to: 4 },
          ...at(4),
        },
        own_reactions: [{ offset: 1, reactions: ['🎉'] }],
      },
    )
    expect(shown()).toEqual(['👍2 🎉1*'])
    await says(reactionFrame(5, 1, '+🎉'), reactionFrame(6, 1, '-🎉', { user_id: 'me' }))
    expect(shown()).toEqual(['👍2 🎉1'])
  })

  it('[D19] knows the user’s own also where a message arrives with later counts before the entries that made them', async () => {
    const { says, shown } = await live()
    await says(chatFrame(2, { reactions: [{ reaction: '👍', count: 2 }], version: 4 }))
    await says(reactionFrame(3, 2, '+👍'), reactionFrame(4, 2, '+👍', { user_id: 'me' }))
    expect(shown()).toEqual(['', '👍2*'])
    await says(reactionFrame(5, 2, '-👍', { user_id: 'me' }))
    expect(shown()).toEqual(['', '👍1'])
  })

  it('[H15] shows an acknowledged reaction no longer once its log is known to have lost it', async () => {
    for (const answer of [
      { recovered: true },
      { recovered: false, reason: 'forked', messages: [chatFrame(1)] },
    ]) {
      const { script, c, says, first, shown } = await live()
      const { clientId } = c.react(first, '👍')
      await says(ackFrame(clientId, 2))
      expect(shown()).toEqual(['👍1*'])
      await script.connection.closes(1006)
      await reconnect(script, answer)
      expect(shown().at(-1)).toBe('')
    }
  })

  it('[D8] [D19] a page that was read before a reaction and arrives after it takes nothing back', async () => {
    const { script, room, says, shown } = await live()
    const page = room.history()
    const ref = script.connection.take().at(-1)?.ref
    const answer = historyFrame(ref, [chatFrame(1)], { covers: { from: 1, to: 1 } })
    await says(reactionFrame(2, 1, '+👍', { user_id: 'me' }), answer)
    await page
    expect(shown()).toEqual(['👍1*'])
  })

  it('[D19] a reaction that comes while the page with its message is read is counted once', async () => {
    const { script, room, says, shown } = await live({}, { ...at(5), covers: { from: 6, to: 5 } })
    const page = room.history({ before: 6 })
    const ref = script.connection.take().at(-1)?.ref
    const counts = [{ reaction: '👍', count: 1 }]
    const messages = [chatFrame(1, { reactions: counts, version: 6 }), chatFrame(2)]
    await says(
      reactionFrame(6, 1, '+👍'),
      reactionFrame(7, 2, '+🎉'),
      historyFrame(ref, messages, { covers: { from: 1, to: 5 } }),
    )
    await page
    expect(shown()).toEqual(['👍1', '🎉1'])
  })

  it('[D15] a deleted message has none, an edited one keeps them', async () => {
    const { says, shown } = await live()
    await says(chatFrame(2), reactionFrame(3, 1, '+👍'), reactionFrame(4, 2, '+👍'))
    await says(editFrame(5, 1), deletionFrame(6, 2))
    expect(shown()).toEqual(['👍1', ''])
  })

  it('[D18] an erasure leaves what it says, and what its user had reacted changes nothing in a resume', async () => {
    const { script, says, shown } = await live()
    await says(reactionFrame(2, 1, '+👍', { user_id: 'me' }))
    await script.connection.closes(1006)
    const gone = { reaction: '', deleted: true }
    const left = [{ reaction: '👍', count: 1 }]
    const erased = {
      ...reactionFrame(5, 1, '+'),
      type: 'reactions_erased',
      reaction: undefined,
      reactions: left,
    }
    const messages = [reactionFrame(3, 1, '+', gone), reactionFrame(4, 1, '-', gone), erased]
    await reconnect(script, { messages, ...at(5), covers: { from: 2, to: 5 } })
    expect(shown()).toEqual(['👍1*'])
  })

  it('[D10] after a fork, the next state that is read counts, whatever its version', async () => {
    const { script, says, shown } = await live()
    await says(reactionFrame(2, 1, '+👍'), reactionFrame(3, 1, '+👍', { user_id: 'me' }))
    script.connection.take()
    await says({ type: 'resync', room_id: 'r', reason: 'forked', epoch: 'e1', offset: 2, id: 'new-2' })
    const ref = script.connection.take().find(({ type }) => type === 'history')?.ref
    const counts = [{ reaction: '🎉', count: 1 }]
    await says(
      historyFrame(ref, [chatFrame(1, { reactions: counts, version: 2 })], { covers: { from: 1, to: 1 } }),
    )
    expect(shown()).toEqual(['🎉1', '-forked-'])
  })

  it('tells listeners of what has changed alone, and keeps the other entries as they are', async () => {
    const { c, says } = await live()
    await says(chatFrame(2))
    const before = c.messages.get()
    let calls = 0
    c.messages.subscribe(() => calls++)
    await says(reactionFrame(3, 1, '+👍'))
    expect([calls, c.messages.get()[1] === before[1], c.messages.get()[0] === before[0]]).toEqual([
      1,
      true,
      false,
    ])
    const again = c.messages.get()
    await says(reactionFrame(4, 99, '+👍'))
    expect([calls, c.messages.get() === again]).toEqual([1, true])
  })

  it('reads again what was shown before anybody counted', async () => {
    const script = new ScriptedServer()
    const room = script.client.room('r')
    await script.connection.welcomes('me')
    void room.join()
    await script.connection.says(joinedFrame(script.connection.take().at(-1)))
    await script.clock.advance(0)
    await script.connection.says(chatFrame(1), reactionFrame(2, 1, '+👍'))
    const c = chat(room)
    expect(script.connection.take()).toEqual([])
    expect(shownIn(c.messages)).toEqual([''])
    const [request] = script.connection.take()
    expect(request).toMatchObject({ type: 'history', before: 2 })
    const state = chatFrame(1, { reactions: [{ reaction: '👍', count: 1 }], version: 2 })
    await script.connection.says(historyFrame(request?.ref, [state], { covers: { from: 1, to: 1 } }))
    expect(shownIn(c.messages)).toEqual(['👍1'])
    expect(script.connection.take()).toEqual([])
  })
})

describe('react and unreact', () => {
  it('[D12] shows a reaction at once, once only when its entry comes, and sends it without after', async () => {
    const { script, c, says, first, shown } = await live()
    const sent = c.react(first, '👍')
    expect(shown()).toEqual(['👍1*'])
    expect(script.connection.take()).toEqual([
      { type: 'add_reaction', room_id: 'r', target: first, reaction: '👍', client_id: sent.clientId },
    ])
    await says(ackFrame(sent.clientId, 3))
    expect(await sent).toMatchObject(at(3))
    expect(shown()).toEqual(['👍1*'])
    // Somebody else was faster; the order of the log is not that of the acknowledgement.
    await says(reactionFrame(2, 1, '+👍'))
    expect(shown()).toEqual(['👍2*'])
    await says(reactionFrame(3, 1, '+👍', { user_id: 'me', client_id: sent.clientId }))
    expect(shown()).toEqual(['👍2*'])
    const removal = c.unreact(first, '👍')
    expect(shown()).toEqual(['👍1'])
    await says(reactionFrame(4, 1, '-👍', { user_id: 'me', client_id: removal.clientId }))
    expect(shown()).toEqual(['👍1'])
    await says(ackFrame(removal.clientId, 4))
    expect(shown()).toEqual(['👍1'])
  })

  it('[D13] what the server had already stays as the log has it', async () => {
    const { c, says, first, shown } = await live()
    await says(reactionFrame(2, 1, '+👍', { user_id: 'me' }))
    const sent = c.react(first, '👍')
    await says(ackFrame(sent.clientId, 2, { duplicate: true }))
    expect(await sent).toMatchObject(at(2))
    expect(shown()).toEqual(['👍1*'])
  })

  it('takes a reaction back that the server refuses, with its error', async () => {
    const { c, says, first, shown } = await live()
    const sent = c.react(first, '👍')
    await says(errorFrame('reaction_limit', { client_id: sent.clientId, room_id: 'r' }))
    expect(shown()).toEqual([''])
    expect([await sent.catch(({ code }) => code), sent.state]).toEqual(['reaction_limit', 'failed'])
  })

  it('works offline, and sends nothing of what was taken back before it left', async () => {
    const { script, c, first, shown } = await live()
    await script.connection.closes(1006)
    const [added, other] = [c.react(first, '👍'), c.react(first, '🎉')]
    expect(shown()).toEqual(['👍1* 🎉1*'])
    const removed = c.unreact(first, '👍')
    expect(shown()).toEqual(['🎉1*'])
    expect(await added.catch(({ code }) => code)).toBe('cancelled')
    expect(await removed).toEqual({ durability: 'none' })
    expect(c.react(first, '🎉')).toBe(other)
    await reconnect(script)
    expect(reactions(script)).toEqual(['+🎉'])
  })

  it('takes back offline what the server has, and not what it has not', async () => {
    const { script, c, says, first, shown } = await live()
    await says(reactionFrame(2, 1, '+👍', { user_id: 'me' }))
    await script.connection.closes(1006)
    c.unreact(first, '👍')
    expect(shown()).toEqual([''])
    c.react(first, '👍')
    expect(shown()).toEqual(['👍1*'])
    c.unreact(first, '🎉')
    c.react(first, '🎉')
    expect(shown()).toEqual(['👍1* 🎉1*'])
    await reconnect(script, at(2))
    expect(reactions(script)).toEqual(['+🎉'])
  })

  it('[M12] sends one at a time for a message, the others after its answer, and repeats what has none', async () => {
    const { script, c, says, first } = await live()
    await says(chatFrame(2))
    const sent = c.react(first, '👍')
    c.unreact(first, '👍')
    c.react(at(2), '🎉')
    expect(reactions(script)).toEqual(['+👍', '+🎉'])
    await script.connection.closes(1006)
    await reconnect(script, at(2))
    expect(reactions(script)).toEqual(['+👍', '+🎉'])
    await script.connection.says(ackFrame(sent.clientId, 3))
    expect(reactions(script)).toEqual(['-👍'])
  })

  it('an edit and a reaction that wait do not take the place of each other', async () => {
    const { script, c, first } = await live()
    await script.connection.closes(1006)
    c.react(first, '👍')
    c.edit(first, 'fixed')
    c.react(first, '🎉')
    await reconnect(script)
    const types: unknown[] = []
    for (let offset = 2; offset <= 4; offset++) {
      const [frame] = script.connection.take()
      types.push(frame?.type)
      await script.connection.says(ackFrame(frame?.client_id, offset))
    }
    expect(types).toEqual(['add_reaction', 'edit_message', 'add_reaction'])
  })

  it('reacts to an own message that has no position yet, once it has one', async () => {
    const { script, room, c, says, shown } = await live()
    const sent = room.send('mine')
    const reaction = c.react({ client_id: sent.clientId }, '👍')
    expect(shown()).toEqual(['', '👍1*'])
    expect(reactions(script)).toEqual([])
    await says(ackFrame(sent.clientId, 2))
    expect(script.connection.take()).toMatchObject([{ type: 'add_reaction', target: at(2) }])
    expect(shown()).toEqual(['', '👍1*'])
    await says(chatFrame(2, { user_id: 'me', client_id: sent.clientId, message: 'mine' }))
    await says(reactionFrame(3, 2, '+👍', { user_id: 'me', client_id: reaction.clientId }))
    expect(shown()).toEqual(['', '👍1*'])
  })

  it('outlives the page: the next one shows and sends it', async () => {
    const kept = new Map<string, StoredMessage>()
    const storage: OutboxStorage = {
      open(_name, opened) {
        opened([...kept.values()].map((one) => structuredClone(one)))
        return () => {}
      },
      put: (_name, message) => void kept.set(message.clientId, structuredClone(message)),
      remove: (_name, clientId) => void kept.delete(clientId),
    }
    const { script, c, first } = await live({ storage: storedOutbox(storage) })
    await script.connection.closes(1006)
    c.react(first, '👍')
    script.client.close()
    const page = new ScriptedServer({ storage: storedOutbox(storage) })
    const room = page.client.room('r')
    const { messages } = chat(room)
    await page.connection.welcomes('me')
    void room.join({ history: 1 })
    const join = page.connection.take().at(-1)
    const past = { messages: [chatFrame(1)], covers: { from: 1, to: 1 }, ...at(1) }
    await page.connection.says(joinedFrame(join, past))
    await page.clock.advance(0)
    expect(shownIn(messages)).toEqual(['👍1*'])
    const sent = page.connection.take().filter(({ type }) => type === 'add_reaction')
    expect(sent).toMatchObject([{ target: first, reaction: '👍' }])
    await page.connection.says(ackFrame(sent[0]?.client_id, 2))
    expect(kept.size).toBe(0)
  })

  it('refuses what is no text, and what names no message', async () => {
    const { c, first } = await live()
    expect(() => c.react(first, 7 as never)).toThrow(TypeError)
    expect(await c.react({}, '👍').catch(({ code }) => code)).toBe('not_found')
  })

  it('[M15] the next user sees nothing of it', async () => {
    const { script, c, first, room } = await live()
    c.react(first, '👍')
    room.release()
    expect(shownIn(c.messages)).toEqual([])
    expect(script.errors).toEqual([])
  })
})

describe('who reacted', () => {
  it('[D16] asks for pages of users', async () => {
    const { script, c, says, first } = await live()
    const asking = c.reactions(first, '👍', { limit: 2 })
    const [request] = script.connection.take()
    expect(request).toMatchObject({
      type: 'reactions',
      room_id: 'r',
      target: first,
      reaction: '👍',
      limit: 2,
    })
    const answer = { type: 'reactions', room_id: 'r', target: first, reaction: '👍' }
    await says({ ...answer, users: ['ana', 'bob'], more: true, next: 7, ref: request?.ref })
    const page = await asking
    expect([page.users, page.more]).toEqual([['ana', 'bob'], true])
    const following = page.next()
    const [next] = script.connection.take()
    expect(next).toMatchObject({ type: 'reactions', after: 7, limit: 2 })
    await says({ ...answer, users: ['cai'], more: false, ref: next?.ref })
    expect(await following).toMatchObject({ users: ['cai'], more: false })
    const failing = c.reactions(first, '👍').catch(({ code }) => code)
    await says(errorFrame('deleted', { ref: script.connection.take().at(-1)?.ref }))
    expect(await failing).toBe('deleted')
  })
})

it('a client without timelines reacts, too', () => {
  const client = createCore({ url: 'ws://test', autoConnect: false } as never)
  const c = chat(client.room('r'))
  expect(c.react(at(1), '👍').state).toBe('failed')
  client.close()
})
