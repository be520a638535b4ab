import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { JsonObject, Target } from '@roomful/protocol'
import type {
  Amendment,
  Backplane,
  Draft,
  Position,
  PublishResult,
  ReactionStore,
} from '../api/contracts/backplane.js'

/** What a case needs of its set-up. */
interface Stage {
  readonly backplane: Backplane
  readonly stage: { readonly peer?: Backplane }
}

type Body = (bench: Stage) => Promise<void>

const AT = 1_767_225_600_000
const TIMESTAMP = new Date(AT).toISOString()
const MOST = { kinds: 3, users: 5 }
const NEWEST = { before: undefined, limit: 1_000, maxBytes: 10_000_000 }
const ALL = { after: 0, limit: 1_000 }

const by = (userId: string, id: string) => ({ timestamp: TIMESTAMP, user_id: userId, room_id: 'r', id })

function written(userId: string, message: string): Draft {
  const id = randomUUID()
  return { id, timestampMs: AT, message: { type: 'chat_message', message, ...by(userId, id) } }
}

/** `+👍` adds a reaction, `-👍` takes it back. */
function reacting({ offset, id: targetId }: Target, userId: string, change: string): Draft {
  const id = randomUUID()
  const [isOn, reaction] = [change.startsWith('+'), change.slice(1)]
  const target = { offset, id: targetId }
  const how = { target, userId, moderates: false, reaction }
  const amends: Amendment = isOn ? { kind: 'react', most: MOST, ...how } : { kind: 'unreact', ...how }
  const type = isOn ? 'reaction_added' : 'reaction_removed'
  return { id, timestampMs: AT, message: { type, target, reaction, ...by(userId, id) }, amends }
}

function deleting({ offset, id: targetId }: Target, userId: string): Draft {
  const id = randomUUID()
  const target = { offset, id: targetId }
  const amends: Amendment = { kind: 'delete', target, userId, moderates: true }
  return { id, timestampMs: AT, message: { type: 'message_deleted', target, ...by(userId, id) }, amends }
}

function editing({ offset, id: targetId }: Target, userId: string, message: string): Draft {
  const id = randomUUID()
  const target = { offset, id: targetId }
  const amends: Amendment = { kind: 'edit', target, userId, message, moderates: true }
  const edit = { type: 'message_edited', target, message, ...by(userId, id) }
  return { id, timestampMs: AT, message: edit, amends }
}

function accepted(result: PublishResult): PublishResult & { readonly status: 'accepted' } {
  assert(result.status === 'accepted', `expected acceptance, but got ${result.status}`)
  return result
}

async function place(backplane: Backplane, draft: Draft, stream = 'r'): Promise<Position> {
  return accepted(await backplane.publish(stream, draft)).position
}

/** Where a change that changes nothing is answered to be. */
async function idle(backplane: Backplane, draft: Draft): Promise<Position> {
  const { position, duplicate } = accepted(await backplane.publish('r', draft))
  assert(duplicate, 'it changes nothing')
  return position
}

async function entriesOf(backplane: Backplane, stream = 'r', messagesOnly = false): Promise<JsonObject[]> {
  const { entries } = await backplane.read(stream, { ...NEWEST, messagesOnly })
  return entries.map(({ text }) => JSON.parse(text))
}

/** The reactions of each message, as `👍2 🎉1`. */
async function countsIn(backplane: Backplane, stream = 'r'): Promise<string[]> {
  const messages = await entriesOf(backplane, stream, true)
  return messages.map(({ reactions = [] }) =>
    (reactions as { reaction: string; count: number }[])
      .map(({ reaction, count }) => `${reaction}${count}`)
      .join(' '),
  )
}

const withReactions =
  (body: (backplane: Backplane, store: ReactionStore, peer: Backplane) => Promise<void>): Body =>
  async ({ backplane, stage }) => {
    if (backplane.reactions) await body(backplane, backplane.reactions, stage.peer ?? backplane)
  }

/** The requirements for stores that keep reactions. */
export const REACTION_CASES: Record<string, Body> = {
  '[D12] [D13] counts the reactions of a message in the step that appends one, whatever was added first at the beginning':
    withReactions(async (backplane) => {
      const message = await place(backplane, written('ada', 'hello'))
      await place(backplane, reacting(message, 'bob', '+👍'))
      await place(backplane, reacting(message, 'ada', '+🎉'))
      const last = await place(backplane, reacting(message, 'ada', '+👍'))
      assert.deepEqual(await countsIn(backplane), ['👍2 🎉1'])
      const [state, first] = await entriesOf(backplane)
      assert.deepEqual([state?.version, state?.message, state?.edited_at], [last.offset, 'hello', undefined])
      assert.deepEqual(
        [first?.type, first?.reaction, first?.user_id, first?.offset],
        ['reaction_added', '👍', 'bob', 2],
      )
      await place(backplane, reacting(message, 'bob', '-👍'))
      assert.deepEqual(await countsIn(backplane), ['👍1 🎉1'])
      await place(backplane, reacting(message, 'ada', '-👍'))
      await place(backplane, reacting(message, 'ada', '-🎉'))
      const [none] = await entriesOf(backplane)
      assert.deepEqual([none?.reactions, none?.version], [undefined, 7])
    }),

  '[D13] appends nothing that changes nothing, and answers with the entry that made the state, or else the message':
    withReactions(async (backplane) => {
      const message = await place(backplane, written('ada', 'hello'))
      const added = await place(backplane, reacting(message, 'bob', '+👍'))
      assert.deepEqual(await idle(backplane, reacting(message, 'ada', '-👍')), message)
      await place(backplane, reacting(message, 'ada', '+🎉'))
      assert.deepEqual(await idle(backplane, reacting(message, 'bob', '+👍')), added)
      const removed = await place(backplane, reacting(message, 'bob', '-👍'))
      assert.deepEqual(await idle(backplane, reacting(message, 'bob', '-👍')), removed)
      assert.deepEqual(await idle(backplane, reacting(message, 'bob', '-🎉')), message)
      assert.equal((await entriesOf(backplane)).length, 4)
    }),

  '[D13] one of several equal reactions at the same time is appended': withReactions(
    async (backplane, _store, peer) => {
      const message = await place(backplane, written('ada', 'hello'))
      const results = await Promise.all(
        Array.from({ length: 10 }, (_, n) =>
          (n % 2 ? backplane : peer).publish('r', reacting(message, 'bob', '+👍')),
        ),
      )
      assert.equal(results.filter((result) => !accepted(result).duplicate).length, 1)
      assert.deepEqual(await countsIn(backplane), ['👍1'])
    },
  ),

  '[D13] counts every one of several users who react at the same time': withReactions(
    async (backplane, store, peer) => {
      const message = await place(backplane, written('ada', 'hello'))
      const users = ['u1', 'u2', 'u3', 'u4', 'u5']
      const results = users.map((user, n) =>
        (n % 2 ? backplane : peer).publish('r', reacting(message, user, '+👍')),
      )
      for (const result of await Promise.all(results)) accepted(result)
      assert.deepEqual(await countsIn(backplane), ['👍5'])
      const found = await store.users('r', message, '👍', ALL)
      assert(found.status === 'found')
      assert.deepEqual([...found.users].sort(), users)
    },
  ),

  '[D14] refuses more kinds of reaction, and more altogether, than the amendment allows': withReactions(
    async (backplane) => {
      const message = await place(backplane, written('ada', 'hello'))
      for (const reaction of ['a', 'b', 'c']) await place(backplane, reacting(message, 'ada', `+${reaction}`))
      const statusOf = async (user: string, change: string) =>
        (await backplane.publish('r', reacting(message, user, change))).status
      assert.equal(await statusOf('ada', '+d'), 'reaction_limit')
      await place(backplane, reacting(message, 'bob', '+a'))
      await place(backplane, reacting(message, 'cai', '+a'))
      assert.equal(await statusOf('dan', '+a'), 'reaction_limit')
      assert.equal(accepted(await backplane.publish('r', reacting(message, 'bob', '+a'))).duplicate, true)
      await place(backplane, reacting(message, 'ada', '-c'))
      await place(backplane, reacting(message, 'ada', '+d'))
      assert.deepEqual(await countsIn(backplane), ['a3 b1 d1'])
    },
  ),

  '[D3] refuses a reaction to what is no chat message here, and to a deleted one': withReactions(
    async (backplane) => {
      const message = await place(backplane, written('ada', 'hello'))
      const added = await place(backplane, reacting(message, 'bob', '+👍'))
      const statusOf = async (target: Target, change = '+👍') =>
        (await backplane.publish('r', reacting(target, 'ada', change))).status
      assert.equal(await statusOf({ offset: message.offset, id: 'other' }), 'not_found')
      assert.equal(await statusOf(added), 'not_found')
      assert.equal(await statusOf({ offset: 99, id: message.id }, '-👍'), 'not_found')
      await place(backplane, deleting(message, 'ada'))
      assert.equal(await statusOf(message), 'deleted')
      assert.equal(await statusOf(message, '-👍'), 'deleted')
    },
  ),

  '[D6] [D15] a deleted message has no reactions, and nobody is behind them': withReactions(
    async (backplane, store) => {
      const message = await place(backplane, written('ada', 'hello'))
      const other = await place(backplane, written('ada', 'other'))
      for (const target of [message, other]) await place(backplane, reacting(target, 'bob', '+👍'))
      await place(backplane, deleting(message, 'ada'))
      assert.deepEqual(await countsIn(backplane), ['', '👍1'])
      assert.deepEqual(await store.users('r', message, '👍', ALL), { status: 'deleted' })
      assert.deepEqual(await store.of('r', message.epoch, 'bob', [1, 2]), [{ offset: 2, reactions: ['👍'] }])
    },
  ),

  '[D6] an edit keeps the reactions of its message': withReactions(async (backplane) => {
    const message = await place(backplane, written('ada', 'hello'))
    await place(backplane, reacting(message, 'bob', '+👍'))
    await place(backplane, editing(message, 'ada', 'hello, all'))
    await place(backplane, reacting(message, 'ada', '+👍'))
    assert.deepEqual(await countsIn(backplane), ['👍2'])
    const [state] = await entriesOf(backplane)
    assert.deepEqual([state?.message, state?.version, typeof state?.edited_at], ['hello, all', 4, 'string'])
  }),

  '[D16] lists who reacted in one way, in the order in which they did, in pages': withReactions(
    async (backplane, store) => {
      const message = await place(backplane, written('ada', 'hello'))
      for (const user of ['eve', 'bob', 'ada', 'cai']) await place(backplane, reacting(message, user, '+👍'))
      await place(backplane, reacting(message, 'bob', '-👍'))
      await place(backplane, reacting(message, 'bob', '+🎉'))
      const page = async (after: number, limit: number) => {
        const found = await store.users('r', message, '👍', { after, limit })
        assert(found.status === 'found')
        return found
      }
      assert.deepEqual((await page(0, 3)).users, ['eve', 'ada', 'cai'])
      assert.equal((await page(0, 3)).next, undefined)
      const { users, next } = await page(0, 2)
      assert.deepEqual(users, ['eve', 'ada'])
      assert(next !== undefined)
      assert.deepEqual(await page(next, 2), { status: 'found', users: ['cai'], next: undefined })
      const nobody = await store.users('r', message, '👎', ALL)
      assert.deepEqual(nobody, { status: 'found', users: [], next: undefined })
      const other = { offset: 1, id: 'other' }
      assert.deepEqual(await store.users('r', other, '👍', ALL), { status: 'not_found' })
      assert.deepEqual(await store.users('s', message, '👍', ALL), { status: 'not_found' })
    },
  ),

  '[D17] tells what a user reacted to some messages, in the order in which the user did': withReactions(
    async (backplane, store) => {
      const messages: Position[] = []
      for (const text of ['1', '2', '3']) messages.push(await place(backplane, written('ada', text)))
      const [first, second, third] = messages
      assert(first && second && third)
      for (const change of ['+🎉', '+👍', '+👎', '-👍'])
        await place(backplane, reacting(first, 'bob', change))
      await place(backplane, reacting(second, 'ada', '+👍'))
      await place(backplane, reacting(third, 'bob', '+👍'))
      assert.deepEqual(await store.of('r', first.epoch, 'bob', [1, 2, 3]), [
        { offset: 1, reactions: ['🎉', '👎'] },
        { offset: 3, reactions: ['👍'] },
      ])
      assert.deepEqual(await store.of('r', first.epoch, 'bob', [2]), [])
      assert.deepEqual(await store.of('r', 'another epoch', 'bob', [1]), [])
      assert.deepEqual(await store.of('s', first.epoch, 'bob', [1]), [])
    },
  ),

  '[D13] [M7] knows the repeat of a key, whatever became of the reaction since': withReactions(
    async (backplane) => {
      const message = await place(backplane, written('ada', 'hello'))
      const keyed = { ...reacting(message, 'bob', '+👍'), idempotency: { key: 'k', fingerprint: 1 } }
      const added = await place(backplane, keyed)
      await place(backplane, reacting(message, 'bob', '-👍'))
      assert.deepEqual(await idle(backplane, { ...keyed, id: randomUUID() }), added)
      assert.deepEqual(await countsIn(backplane), [''])
    },
  ),

  '[D18] erases the reactions of a user, and says what is left; the user’s own entries tell nothing any more':
    withReactions(async (backplane, store) => {
      if (!backplane.erase) return
      const message = await place(backplane, written('bob', 'hello'))
      const other = await place(backplane, written('bob', 'other'))
      const mine = await place(backplane, written('ada', 'mine'))
      for (const [target, user, change] of [
        [message, 'ada', '+hers'],
        [message, 'ada', '+👍'],
        [message, 'bob', '+👍'],
        [other, 'ada', '+once'],
        [other, 'ada', '-once'],
        [mine, 'bob', '+👍'],
      ] as const)
        await place(backplane, reacting(target, user, change))
      await backplane.erase('ada')
      assert.deepEqual(await countsIn(backplane), ['👍1', '', ''])
      const entries = await entriesOf(backplane)
      assert(!JSON.stringify(entries).match(/hers|once/), 'a reaction was left')
      const told = entries.filter(({ type }) => type === 'reactions_erased')
      assert.deepEqual(
        told.map(({ target, user_id, reactions }) => [(target as Target).offset, user_id, reactions]),
        [
          [1, 'ada', [{ reaction: '👍', count: 1 }]],
          [2, 'ada', []],
        ],
      )
      assert.equal(entries[0]?.version, told[0]?.offset)
      const ofAda = entries.filter(
        ({ type, user_id }) => String(type).startsWith('reaction_') && user_id === 'ada',
      )
      assert.deepEqual(
        ofAda.map(({ reaction, deleted }) => [reaction, deleted]),
        Array(4).fill(['', true]),
      )
      assert.deepEqual(await store.of('r', message.epoch, 'ada', [1, 2, 3]), [])
      assert.deepEqual(await store.of('r', message.epoch, 'bob', [1, 2, 3]), [
        { offset: 1, reactions: ['👍'] },
      ])
      const { offset } = (await backplane.read('r', NEWEST)).head
      await backplane.erase('ada')
      assert.equal((await backplane.read('r', NEWEST)).head.offset, offset)
      await place(backplane, reacting(message, 'ada', '+👍'))
      assert.deepEqual(await countsIn(backplane), ['👍2', '', ''])
    }),

  '[M15] a message that mentioned a user who is erased keeps the reactions of others': withReactions(
    async (backplane, store) => {
      if (!backplane.erase) return
      const draft = written('bob', 'hello')
      const message = await place(backplane, { ...draft, message: { ...draft.message, mentions: ['ada'] } })
      await place(backplane, reacting(message, 'bob', '+👍'))
      await backplane.erase('ada')
      assert.deepEqual(await countsIn(backplane), ['👍1'])
      assert.equal((await entriesOf(backplane))[0]?.mentions, undefined)
      assert.deepEqual(await store.of('r', message.epoch, 'bob', [1]), [{ offset: 1, reactions: ['👍'] }])
    },
  ),

  '[D12] a log that ends takes its reactions with it': withReactions(async (backplane, store) => {
    if (!backplane.delete) return
    const message = await place(backplane, written('ada', 'hello'))
    await place(backplane, reacting(message, 'bob', '+👍'))
    await backplane.delete('r')
    const next = await place(backplane, written('ada', 'hello'))
    assert.deepEqual(await countsIn(backplane), [''])
    assert.deepEqual(await store.of('r', next.epoch, 'bob', [1]), [])
    assert.deepEqual(await idle(backplane, reacting(next, 'bob', '-👍')), next)
  }),
}
