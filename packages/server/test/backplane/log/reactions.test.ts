import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Amendment, LogEntry } from '../../../src/api/contracts/backplane.js'
import { amend, isAmendmentText } from '../../../src/backplane/log/amending.js'
import { folded } from '../../../src/backplane/log/folding.js'
import { ownAfter, reactedTo } from '../../../src/backplane/log/own-reactions.js'
import { type NotedReaction, notedBy, type ReactionCount } from '../../../src/backplane/log/reactions.js'
import { Reactors } from '../../../src/backplane/log/reactors.js'

const target = { offset: 1, id: 'm' }
const message = {
  type: 'chat_message',
  message: 'hello',
  user_id: 'ana',
  room_id: 'r',
  id: 'm',
  epoch: 'e',
  offset: 1,
}
const AT = 1_767_225_600_000

function reacting(userId: string, change: string, most = { kinds: 20, users: 100 }): Amendment {
  const how = { target, userId, moderates: false, reaction: change.slice(1) }
  return change.startsWith('+') ? { kind: 'react', most, ...how } : { kind: 'unreact', ...how }
}

function entryOf(offset: number, userId: string, change: string): LogEntry {
  const type = change.startsWith('+') ? 'reaction_added' : 'reaction_removed'
  const timestamp = new Date(AT).toISOString()
  const frame = {
    type,
    target,
    reaction: change.slice(1),
    user_id: userId,
    timestamp,
    id: `r${offset}`,
    offset,
  }
  return { offset, id: `r${offset}`, previousId: '', text: JSON.stringify(frame) }
}

const step = fc.record({
  user: fc.constantFrom('ana', 'bob', 'cai', 'dan'),
  change: fc.constantFrom('+👍', '+🎉', '+😀', '-👍', '-🎉', '-😀'),
})

describe('reactions', () => {
  it('[D13] [D14] [D15] counts are those of a set of users for each reaction, and what changes nothing says who made it so', () => {
    const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const most = { kinds: 2, users: 4 }
      const users = new Map<string, Set<string>>()
      const made = new Map<string, number>()
      const reactors = new Reactors()
      let [text, head] = [JSON.stringify(message), 1]
      for (const { user, change } of steps) {
        const [isOn, reaction] = [change.startsWith('+'), change.slice(1)]
        const amends = reacting(user, change, most)
        const noted = reactors.find(1, user, reaction)
        const result = amend({ id: 'm', text }, amends, { offset: head + 1, timestampMs: AT }, noted)
        const has = users.get(reaction)?.has(user) ?? false
        const total = [...users.values()].reduce((sum, set) => sum + set.size, 0)
        const isFull = isOn && (total >= most.users || (!users.has(reaction) && users.size >= most.kinds))
        if (has === isOn) {
          expect(result).toEqual({ status: 'unchanged', madeAt: made.get(`${user} ${reaction}`) ?? 1 })
          continue
        }
        if (isFull) {
          expect(result).toEqual({ status: 'reaction_limit' })
          continue
        }
        if (result.status !== 'changed') throw new Error(result.status)
        const { text: before } = { text }
        ;[text, head] = [result.text, head + 1]
        reactors.note(1, notedBy(amends as never, head), 1)
        made.set(`${user} ${reaction}`, head)
        const set = users.get(reaction) ?? new Set()
        if (isOn) set.add(user)
        else set.delete(user)
        users.set(reaction, set)
        if (set.size === 0) users.delete(reaction)
        const counts = [...users].map(([reaction, { size }]) => ({ reaction, count: size }))
        const state = JSON.parse(text) as { reactions?: ReactionCount[]; version: number }
        expect([state.reactions ?? [], state.version]).toEqual([counts, head])
        expect(text.endsWith(`"version":${head},"epoch":"e","offset":1}`)).toBe(true)
        const page = [{ offset: 1, id: 'm', previousId: '', text: before }]
        expect(folded(page, [entryOf(head, user, change)])[0]?.text).toBe(text)
      }
      for (const [reaction, set] of users) {
        const found = reactors.users(1, reaction, { after: 0, limit: 10 })
        expect(new Set(found.users)).toEqual(set)
      }
    })
    fc.assert(property, { numRuns: 300 })
  })

  it('[D3] [D4] everybody may react, not to what is deleted or no chat message', () => {
    const at = { offset: 2, timestampMs: AT }
    const found = (fields: object) => ({ id: 'm', text: JSON.stringify({ ...message, ...fields }) })
    expect(amend(found({}), reacting('bob', '+👍'), at)).toMatchObject({
      status: 'changed',
      redactThrough: 0,
    })
    expect(amend(found({ deleted: true }), reacting('ana', '+👍'), at)).toEqual({ status: 'deleted' })
    expect(amend(found({ type: 'moved' }), reacting('ana', '+👍'), at)).toEqual({ status: 'not_found' })
    expect(amend(undefined, reacting('ana', '-👍'), at)).toEqual({ status: 'not_found' })
  })

  it('[H9] their entries are left out of pages', () => {
    expect(isAmendmentText(entryOf(2, 'bob', '+👍').text)).toBe(true)
    expect(isAmendmentText(entryOf(2, 'bob', '-👍').text)).toBe(true)
    expect(isAmendmentText('{"type":"reactions_erased","target":{}}')).toBe(true)
    expect(isAmendmentText('{"type":"reaction_addedx",')).toBe(false)
  })

  it('[D18] a reaction without its text changes nothing, and what an erasure leaves replaces what was counted', () => {
    const page = [{ offset: 1, id: 'm', previousId: '', text: JSON.stringify(message) }]
    const gone = { ...entryOf(2, 'bob', '+👍') }
    gone.text = JSON.stringify({ ...JSON.parse(gone.text), reaction: '', deleted: true })
    expect(folded(page, [gone])[0]?.text).toBe(page[0]?.text)
    const left = [{ reaction: '🎉', count: 2 }]
    const erased = {
      ...gone,
      offset: 3,
      text: JSON.stringify({ type: 'reactions_erased', target, reactions: left }),
    }
    expect(JSON.parse(folded(page, [gone, erased])[0]?.text ?? '')).toMatchObject({
      reactions: left,
      version: 3,
    })
  })
})

describe('what is the reader’s own', () => {
  it('[D17] follows what came after it was read, however often', () => {
    const late = [
      entryOf(2, 'ana', '+👍'),
      entryOf(3, 'bob', '+🎉'),
      entryOf(4, 'ana', '+🎉'),
      entryOf(5, 'ana', '-👍'),
    ]
    const after = [{ offset: 1, reactions: ['🎉'] }]
    expect(ownAfter([], late, 'ana')).toEqual(after)
    expect(ownAfter(after, late, 'ana')).toEqual(after)
    expect(ownAfter([{ offset: 1, reactions: ['👍'] }], [], 'ana')).toEqual([
      { offset: 1, reactions: ['👍'] },
    ])
    const deletion = { ...entryOf(6, 'bob', '+x'), text: JSON.stringify({ type: 'message_deleted', target }) }
    expect(ownAfter(after, [deletion], 'ana')).toEqual([])
    const erased = { type: 'reactions_erased', target, user_id: 'ana', reactions: [] }
    expect(ownAfter(after, [{ ...deletion, text: JSON.stringify(erased) }], 'ana')).toEqual([])
  })

  it('is asked for of messages alone that have any', () => {
    const page = [message, { ...message, offset: 2, reactions: [{ reaction: '👍', count: 1 }] }]
    const entries = page.map((one) => ({
      offset: one.offset,
      id: 'x',
      previousId: '',
      text: JSON.stringify(one),
    }))
    expect(reactedTo(entries)).toEqual([2])
  })
})

describe('who reacted, in memory', () => {
  const noted = (userId: string, madeAt: number, isOn = true): NotedReaction => ({
    userId,
    reaction: '👍',
    madeAt,
    isOn,
  })

  it('[D16] is listed in the order of the log, in pages that meet', () => {
    const reactors = new Reactors()
    for (const [index, user] of ['a', 'b', 'c', 'd'].entries()) reactors.note(1, noted(user, index + 2), 1)
    reactors.note(1, noted('a', 6), 1)
    const first = reactors.users(1, '👍', { after: 0, limit: 2 })
    expect(first).toEqual({ users: ['b', 'c'], next: 4 })
    expect(reactors.users(1, '👍', { after: first.next ?? 0, limit: 2 })).toEqual({
      users: ['d', 'a'],
      next: undefined,
    })
    expect(reactors.users(1, '👍', { after: 0, limit: 0 })).toEqual({ users: [], next: 0 })
  })

  it('forgets what was taken back once the log has dropped the entry, and counts its bytes', () => {
    const reactors = new Reactors()
    for (let n = 0; n < 100; n++) reactors.note(1, noted(`user ${n}`, n + 2, false), 1)
    const { bytes } = reactors
    expect(bytes).toBeGreaterThan(100 * 200)
    expect(reactors.find(1, 'user 0', '👍')).toMatchObject({ isOn: false, madeAt: 2 })
    reactors.note(1, noted('last', 200, false), 150)
    expect(reactors.find(1, 'user 0', '👍')).toBeUndefined()
    expect(reactors.bytes).toBeLessThan(bytes / 50)
    reactors.drop(1)
    expect(reactors.bytes).toBe(0)
  })
})
