import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  countUnread,
  MOST_UNREAD,
  type Unread,
  unreadAfter,
  weigher,
} from '../../../src/backplane/log/unread.js'

const READER = { userId: 'me "quoted"\\', counts: ['ordered'] }

/** A text that looks like what is searched for. */
const texts = fc.constantFrom(
  '',
  'hi',
  `,"user_id":${JSON.stringify(READER.userId)},`,
  '"deleted":true',
  ',"mentions":[',
)
const users = fc.constantFrom('eve', 'eve', 'eve', 'eve', 'eve', READER.userId)

const operations = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('chat' as const),
      message: texts,
      user_id: users,
      mentions: fc.option(fc.subarray(['eve', READER.userId]), { nil: undefined }),
      data: fc.option(
        fc.record({ user_id: users, deleted: fc.boolean(), mentions: fc.subarray([READER.userId]) }),
        {
          nil: undefined,
        },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('ordered' as const, 'moved' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), target: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('mark' as const), to: fc.nat(30) }) },
)
type Operation = typeof operations extends fc.Arbitrary<infer T> ? T : never
type Frame = Record<string, unknown> & { readonly type: string }

/** A log that keeps its messages as objects, and counts them as a reader of the rules would. */
class Model {
  readonly entries: Frame[] = []
  readTo = 0

  append(frame: Frame): { readonly offset: number; readonly text: string } {
    this.entries.push(frame)
    if (frame.type === 'chat_message' && frame.user_id === READER.userId) this.readTo = this.entries.length
    return { offset: this.entries.length, text: JSON.stringify(frame) }
  }

  /** Returns the entry; `undefined` if there is nothing to delete. */
  delete(target: number) {
    const message = this.entries[target - 1]
    if (message?.type !== 'chat_message' || message.deleted) return undefined
    const { user_id } = message
    this.entries[target - 1] = { type: 'chat_message', message: '', timestamp: 't', user_id, deleted: true }
    return this.append({ type: 'message_deleted', target: { offset: target, id: 'x' }, user_id })
  }

  count() {
    const above = this.entries.slice(this.readTo).filter((frame) => isUnread(frame))
    const mentions = above.filter(({ mentions }) =>
      (mentions as string[] | undefined)?.includes(READER.userId),
    )
    return { unread: Math.min(MOST_UNREAD, above.length), mentions: mentions.length }
  }

  texts(): string[] {
    return this.entries
      .slice(this.readTo)
      .reverse()
      .map((frame) => JSON.stringify(frame))
  }
}

function isUnread({ type, user_id, deleted }: Frame): boolean {
  return type === 'ordered' || (type === 'chat_message' && user_id !== READER.userId && !deleted)
}

function carryOut(model: Model, operation: Operation) {
  switch (operation.kind) {
    case 'chat': {
      const { message, user_id, mentions, data } = operation
      return model.append({ type: 'chat_message', message, timestamp: 't', user_id, id: 'x', data, mentions })
    }
    case 'delete':
      return model.delete(operation.target)
    case 'mark':
      model.readTo = Math.max(model.readTo, Math.min(operation.to, model.entries.length))
      return undefined
    default:
      return model.append({ type: operation.kind, user_id: READER.userId, room_id: 'r', id: 'x' })
  }
}

it('[U3] what is unread is counted from texts as from the messages, and kept up with each entry', () => {
  const weigh = weigher(READER)
  let asked = 0
  const property = fc.property(fc.array(operations, { minLength: 30, maxLength: 60 }), (drawn) => {
    const model = new Model()
    let known: Unread = { readTo: 0, unread: 0, mentions: 0 }
    for (const operation of drawn) {
      const entry = carryOut(model, operation)
      const next = entry && unreadAfter(known, entry, weigh(entry.text))
      if (entry && !next) asked++
      const counted = countUnread(model.texts(), READER)
      expect(counted).toEqual(model.count())
      known = next && operation.kind !== 'mark' ? next : { readTo: model.readTo, ...counted }
      expect(known).toEqual({ readTo: model.readTo, ...counted })
    }
  })
  fc.assert(property, { numRuns: 300 })
  expect(asked, 'deletions above the mark were never drawn').toBeGreaterThan(50)
})

it('[U3] the count ends at a hundred, and stays there until something is deleted or mentions the reader', () => {
  const weigh = weigher(READER)
  const text = JSON.stringify({
    type: 'chat_message',
    message: 'hi',
    timestamp: 't',
    user_id: 'eve',
    id: 'x',
  })
  const full = {
    readTo: 0,
    ...countUnread(
      Array.from({ length: 150 }, () => text),
      READER,
    ),
  }
  expect(full.unread).toBe(100)
  expect(unreadAfter(full, { offset: 151, text }, weigh(text))).toEqual(full)
  const mention = JSON.stringify({ ...JSON.parse(text), mentions: [READER.userId] })
  expect(unreadAfter(full, { offset: 152, text: mention }, weigh(mention))).toBeUndefined()
  const deletion = JSON.stringify({ type: 'message_deleted', target: { offset: 3, id: 'x' } })
  expect(unreadAfter(full, { offset: 152, text: deletion }, weigh(deletion))).toBeUndefined()
})
