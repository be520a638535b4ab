import { randomUUID } from 'node:crypto'
import type { JsonObject } from '@roomful/protocol'
import {
  type Amendment,
  type Backplane,
  type Draft,
  type LogEntry,
  memory,
  silentLogger,
} from '@roomful/server'
import { VirtualClock } from '@roomful/server/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { amend } from '../../../src/backplane/log/amending.js'
import { folded } from '../../../src/backplane/log/folding.js'
import { coversOf } from '../../../src/backplane/log/page.js'

const AT = 1_767_225_600_000
const NEWEST = { before: undefined, limit: 1_000, maxBytes: 1e9 }
const target = { offset: 3, id: 'm' }

const json = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { noNullPrototype: true }).map(
  // As it comes out of a frame.
  (value) => JSON.parse(JSON.stringify(value)) as JsonObject,
)
const change = fc.record({
  userId: fc.constantFrom('ana', 'bob'),
  moderates: fc.boolean(),
  edit: fc.option(fc.record({ message: fc.string(), data: fc.option(json, { nil: undefined }) })),
})

function amendmentOf({
  userId,
  moderates,
  edit,
}: typeof change extends fc.Arbitrary<infer T> ? T : never): Amendment {
  const how = { target, userId, moderates }
  return edit ? { kind: 'edit', ...edit, ...how } : { kind: 'delete', ...how }
}

const sent = fc.record({ message: fc.string(), data: fc.option(json, { nil: undefined }) }).map((body) => ({
  type: 'chat_message',
  ...body,
  timestamp: 'then',
  user_id: 'ana',
  room_id: 'r',
  id: 'm',
  reply_to: { offset: 1, id: 'x' },
  mentions: ['bob'],
  epoch: 'e',
  offset: 3,
}))

describe('an amendment', () => {
  it('[D4] [D5] [D6] an amendment, after any others, gives the state that the last allowed one asks for', () => {
    fc.assert(
      fc.property(sent, fc.array(change, { maxLength: 8 }), (message, changes) => {
        let text = JSON.stringify(message)
        let state = { message: message.message, data: message.data, version: 0, by: 'ana', isDeleted: false }
        for (const [index, one] of changes.entries()) {
          const offset = 10 + index
          const amended = amend({ id: 'm', text }, amendmentOf(one), { offset, timestampMs: AT })
          const isSame =
            one.edit?.message === state.message &&
            JSON.stringify(one.edit.data) === JSON.stringify(state.data)
          if (state.isDeleted) expect(amended).toEqual({ status: 'deleted' })
          else if (one.userId !== 'ana' && !one.moderates) expect(amended).toEqual({ status: 'forbidden' })
          else if (one.edit && isSame)
            expect(amended).toEqual({ status: 'unchanged', madeAt: state.version || target.offset })
          else {
            if (amended.status !== 'changed') throw new Error(amended.status)
            expect(amended.redactThrough).toBe(one.edit ? 0 : state.version)
            state = one.edit
              ? { ...one.edit, version: offset, by: one.userId, isDeleted: false }
              : { message: '', data: undefined, version: offset, by: 'ana', isDeleted: true }
            text = amended.text
          }
        }
        const shown = JSON.parse(text)
        expect([shown.message, shown.data, shown.version ?? 0]).toEqual([
          state.message,
          state.data,
          state.version,
        ])
        expect([shown.deleted ?? false, shown.edited_by ?? 'ana']).toEqual([state.isDeleted, state.by])
        expect('reply_to' in shown).toBe(!state.isDeleted)
        expect(text).toMatch(/,"epoch":"e","offset":3}$/)
      }),
      { numRuns: 2_000 },
    )
  })

  it('[D3] an amendment changes no entry but the chat message with its id', () => {
    const text = JSON.stringify({ type: 'chat_message', message: 'x', user_id: 'ana' })
    const edit = { kind: 'edit', message: 'y', target, userId: 'ana', moderates: true } as const
    const entry = { offset: 9, timestampMs: AT }
    expect(amend(undefined, edit, entry)).toEqual({ status: 'not_found' })
    expect(amend({ id: 'other', text }, edit, entry)).toEqual({ status: 'not_found' })
    const moved = JSON.stringify({ type: 'moved', user_id: 'ana', message: 'x' })
    expect(amend({ id: 'm', text: moved }, edit, entry)).toEqual({ status: 'not_found' })
    expect(amend({ id: 'm', text }, edit, entry)).toMatchObject({ status: 'changed' })
  })

  it('an amendment works on a text without a place, as some stores keep it', () => {
    const text = JSON.stringify({ type: 'chat_message', message: 'x', user_id: 'ana', id: 'm' })
    const edit = { kind: 'edit', message: 'y', target, userId: 'ana', moderates: false } as const
    const amended = amend({ id: 'm', text }, edit, { offset: 9, timestampMs: AT })
    expect(amended).toMatchObject({
      text: '{"type":"chat_message","message":"y","user_id":"ana","id":"m","edited_at":"2026-01-01T00:00:00.000Z","version":9}',
    })
  })
})

async function started(options: Parameters<typeof memory>[0] = {}): Promise<Backplane> {
  const backplane = memory(options)
  const node = { clock: new VirtualClock(), logger: silentLogger, graceMs: 1, listedMembers: 1 }
  await backplane.start({ ...node, newId: randomUUID, receive: () => {} })
  return backplane
}

function draftOf(userId: string, type: string, content: JsonObject, amends?: Amendment): Draft {
  const id = randomUUID()
  const by = { timestamp: new Date(AT).toISOString(), user_id: userId, room_id: 'r', id }
  return { id, message: { type, ...content, ...by }, timestampMs: AT, amends }
}

const user = fc.constantFrom('ana', 'bob', 'carl')
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('send' as const), user, text: fc.string() }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('edit' as const), user, text: fc.string(), which: fc.nat(20) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), user, which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('erase' as const), user }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** Does it, as a moderator, to one of the messages that were sent. */
async function carryOut(
  backplane: Backplane,
  sent: { offset: number; id: string }[],
  one: Step,
): Promise<void> {
  if (one.do === 'erase') return backplane.erase?.(one.user)
  if (one.do === 'send') {
    const result = await backplane.publish('r', draftOf(one.user, 'chat_message', { message: one.text }))
    if (result.status === 'accepted') sent.push({ offset: result.position.offset, id: result.position.id })
    return
  }
  const target = sent[one.which % Math.max(1, sent.length)]
  if (!target) return
  const how = { target, userId: one.user, moderates: true }
  const message = one.do === 'edit' ? one.text : ''
  const draft =
    one.do === 'edit'
      ? draftOf(one.user, 'message_edited', { target, message }, { kind: 'edit', message, ...how })
      : draftOf(one.user, 'message_deleted', { target }, { kind: 'delete', ...how })
  await backplane.publish('r', draft)
}

const textsOf = (entries: readonly LogEntry[]) => entries.map(({ text }) => JSON.parse(text) as JsonObject)
/** The version of an erased message need not be the same everywhere. */
const statesOf = (entries: readonly LogEntry[]) =>
  textsOf(entries).map((text) => (text.deleted ? { ...text, version: undefined } : text))

describe('a page', () => {
  it('[D8] [H1] a page, with all that came after it folded in, is the page that is read then, wherever it was read', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.nat(30), async (steps, cut) => {
        const backplane = await started()
        const sent: { offset: number; id: string }[] = []
        for (const one of steps.slice(0, cut)) await carryOut(backplane, sent, one)
        const page = await backplane.read('r', { ...NEWEST, messagesOnly: true })
        const live: LogEntry[] = []
        await backplane.subscribe('r', (event) => event.kind === 'entry' && live.push(event.entry))
        for (const one of steps.slice(cut)) await carryOut(backplane, sent, one)
        const later = await backplane.read('r', { after: page.head.offset, limit: 1_000, maxBytes: 1e9 })
        const end = await backplane.read('r', { ...NEWEST, messagesOnly: true })
        const expected = statesOf(end.entries)
        expect(statesOf(folded(page.entries, live))).toEqual(expected)
        expect(statesOf(folded(page.entries, later.entries))).toEqual(expected)
        await backplane.close()
      }),
      { numRuns: 500 },
    )
  })

  it('[H16] pages that follow each other cover every offset that is kept once, in both directions', async () => {
    const limits = fc.integer({ min: 1, max: 5 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        limits,
        limits,
        async (steps, limit, historyCount) => {
          const backplane = await started({ historyCount, historyEntries: 2 * historyCount })
          const sent: { offset: number; id: string }[] = []
          for (const one of steps) await carryOut(backplane, sent, one)
          const { head, oldestOffset } = await backplane.read('r', {
            ...NEWEST,
            limit: 0,
            messagesOnly: true,
          })
          const bounds = { limit, maxBytes: 1e9, messagesOnly: true }
          const covered: number[] = []
          const note = (covers: ReturnType<typeof coversOf>) => {
            for (let offset = covers?.from ?? 1; offset <= (covers?.to ?? 0); offset++) covered.push(offset)
          }
          const all = Array.from(
            { length: head.offset - oldestOffset + 1 },
            (_, index) => oldestOffset + index,
          )
          for (let before: number | undefined, more = true; more; ) {
            const range = { before, ...bounds }
            const page = await backplane.read('r', range)
            note(coversOf(page, range))
            more = page.more
            before = page.entries[0]?.offset ?? 0
          }
          expect(covered.sort((a, b) => a - b)).toEqual(all)
          covered.length = 0
          for (let after = 0, more = true; more; ) {
            const range = { after, ...bounds }
            const page = await backplane.read('r', range)
            note(coversOf(page, range))
            more = page.more
            after = page.entries.at(-1)?.offset ?? 0
          }
          expect(covered).toEqual(all)
          await backplane.close()
        },
      ),
      { numRuns: 500 },
    )
  })
})
