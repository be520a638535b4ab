import { randomUUID } from 'node:crypto'
import { silentLogger, systemClock } from '@roomful/server'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Amendment, Position, Range } from '../../packages/server/src/api/contracts/backplane.js'
import { openText } from '../../packages/server/src/backplane/log/log.js'
import { Amending } from '../../packages/server/src/backplane/redis/amending.js'
import type { Append } from '../../packages/server/src/backplane/redis/append.js'
import { NodeRedisStore } from '../../packages/server/src/backplane/redis/node-redis-store.js'
import { type RedisSettings, resolveSettings } from '../../packages/server/src/backplane/redis/options.js'
import { reactionFields } from '../../packages/server/src/backplane/redis/reaction-fields.js'
import { RedisServer } from '../support/redis.js'
import { RedisData, type Turn } from './cluster/redis-data.js'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.remove())

const YEAR_MS = 31_536_000_000

/** The model has no clock here, so the window may change: with none, each append prunes what it may. */
type Settings = Omit<RedisSettings, 'sentMs'> & { sentMs: number }

function newSettings(): Settings {
  const bounds = { historyCount: 6, historyBytes: 1_500, historyMs: YEAR_MS, dedupeMs: YEAR_MS }
  return resolveSettings({ ...bounds, prefix: randomUUID(), commandTimeoutMs: 10_000 })
}

const streams = fc.constantFrom('a', 'b')
const offsets = fc.nat(25)

const appends = fc.record({
  kind: fc.constant('append' as const),
  stream: streams,
  user: fc.constantFrom('ada', 'bob', undefined),
  key: fc.option(fc.nat(4), { nil: undefined }),
  name: fc.nat(5),
  fingerprint: fc.nat({ max: 5 }).map((n) => Number(n === 0)),
  seen: fc.option(offsets, { nil: undefined }),
  /** Which of the positions so far it comes after. */
  after: fc.option(fc.nat(30), { nil: undefined }),
  size: fc.oneof(fc.nat(20), fc.nat(700)),
  type: fc.constantFrom('chat_message', 'chat_message', 'chat_message', 'moved', 'other'),
  mentions: fc.option(fc.subarray(['ada', 'bob', 'eve']), { nil: undefined }),
  reads: fc.boolean(),
})
const amendments = fc.record({
  kind: fc.constantFrom('edit' as const, 'edit' as const, 'edit' as const, 'delete' as const),
  stream: streams,
  /** Which of the positions so far it changes. */
  target: fc.nat(30),
  user: fc.constantFrom('ada', 'bob'),
  moderates: fc.boolean(),
  name: fc.option(fc.nat(5), { nil: undefined }),
  key: fc.option(fc.nat(4), { nil: undefined }),
  size: fc.nat(8),
})
const reactions = fc.record({
  kind: fc.constantFrom('react' as const, 'react' as const, 'unreact' as const, 'forget' as const),
  stream: streams,
  /** Which of the positions so far it is to. */
  target: fc.nat(30),
  user: fc.constantFrom('ada', 'bob', 'c\nd'),
  reaction: fc.constantFrom('👍', 'b'),
})
const reads = fc.record({
  kind: fc.constant('read' as const),
  stream: streams,
  isForward: fc.boolean(),
  from: fc.option(offsets, { nil: undefined }),
  limit: fc.nat(5),
  maxBytes: fc.constantFrom(1, 300, 10_000),
  idAt: fc.option(offsets, { nil: undefined }),
  messagesOnly: fc.boolean(),
})
const readers = fc.constantFrom('ada', 'bob', 'eve').map((userId) => ({ userId, counts: ['moved'] }))
const moves = fc.record({
  kind: fc.constant('move' as const),
  stream: streams,
  reader: readers,
  /** To which of the positions so far. */
  to: fc.nat(30),
})
const unreads = fc.record({ kind: fc.constant('unread' as const), stream: streams, reader: readers })
const marks = fc.record({ kind: fc.constant('marks' as const), stream: streams })
const windows = fc.record({ kind: fc.constant('window' as const), sentMs: fc.constantFrom(0, YEAR_MS) })
const heads = fc.record({ kind: fc.constant('head' as const), stream: streams })
const anyStep = fc.oneof(
  { weight: 6, arbitrary: appends },
  { weight: 6, arbitrary: amendments },
  { weight: 6, arbitrary: reactions },
  { weight: 3, arbitrary: reads },
  { weight: 3, arbitrary: moves },
  { weight: 3, arbitrary: unreads },
  marks,
  heads,
  windows,
)
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never

const TIME = '2026-01-01T00:00:00.000Z'

function draftOf(step: Extract<Step, { kind: 'append' }>, places: readonly Position[]): Append {
  const { stream, user = 'ada', key, name, fingerprint, seen, after, size, type, mentions, reads } = step
  const place = after === undefined ? undefined : places[after % Math.max(1, places.length)]
  const sender = step.user !== undefined && {
    sender: { userId: user, clientId: `c${name}`, fingerprint, seen, after: place },
  }
  const idempotency =
    step.user === undefined && key !== undefined ? { key: `k${key}`, fingerprint } : undefined
  const id = randomUUID()
  return {
    stream,
    id,
    open: openText({ type, message: 'ü'.repeat(size), timestamp: TIME, user_id: user, id, mentions }),
    timestampMs: places.length,
    sender: undefined,
    newEpoch: randomUUID(),
    idempotency,
    ...sender,
    ...(reads && type === 'chat_message' && { readBy: user }),
  }
}

type AmendmentStep = Extract<Step, { kind: 'edit' | 'delete' }>

function amendmentOf(step: AmendmentStep, target: Position): [Append, Amendment] {
  const { kind, stream, user, moderates, name, key, size } = step
  const [message, timestamp] = ['x'.repeat(size), TIME]
  const { offset, id } = target
  const type = kind === 'edit' ? 'message_edited' : 'message_deleted'
  const text = JSON.stringify({ type, target: { offset, id }, message, timestamp, user_id: user })
  const append = { stream, id: randomUUID(), open: text.slice(0, -1), timestampMs: 1, newEpoch: randomUUID() }
  const sender = name === undefined ? undefined : { userId: user, clientId: `c${name}`, fingerprint: size }
  const idempotency = sender || key === undefined ? undefined : { key: `k${key}`, fingerprint: size }
  const how = { target: { offset, id }, userId: user, moderates }
  return [{ ...append, sender, idempotency }, kind === 'edit' ? { kind, message, ...how } : { kind, ...how }]
}

type ReactionStep = Extract<Step, { kind: 'react' | 'unreact' | 'forget' }>

function reactionOf({ kind, stream, user, reaction }: ReactionStep, target: Position): [Append, Amendment] {
  const { offset, id } = target
  const type = kind === 'react' ? 'reaction_added' : 'reaction_removed'
  const timestamp = '2026-01-01T00:00:00.000Z'
  const message = { type, target: { offset, id }, reaction, timestamp, user_id: user }
  const how = { target: { offset, id }, userId: user, moderates: false, reaction }
  const most = { kinds: 2, users: 3 }
  const amends: Amendment = kind === 'react' ? { kind, most, ...how } : { kind: 'unreact', ...how }
  return [appendOf(stream, message), amends]
}

/** Of nobody, under no key. */
function appendOf(stream: string, message: object): Append {
  const sentByNobody = { sender: undefined, idempotency: undefined }
  const open = JSON.stringify(message).slice(0, -1)
  return { stream, id: randomUUID(), open, timestampMs: 1, newEpoch: randomUUID(), ...sentByNobody }
}

function rangeOf(step: Extract<Step, { kind: 'read' }>): Range {
  const { isForward, from, limit, maxBytes, messagesOnly } = step
  const bounds = { limit, maxBytes, messagesOnly }
  return isForward ? { after: from ?? 0, ...bounds } : { before: from, ...bounds }
}

async function sameInBoth(steps: readonly Step[]): Promise<void> {
  const settings = newSettings()
  const store = new NodeRedisStore({ url: server.url }, settings)
  const link = { reconnected() {}, resubscribed() {}, relayed() {} }
  await store.open({ clock: systemClock, logger: silentLogger, ...link })
  const model = new RedisData(settings)
  const places: Position[] = []
  const alone = (offset: number) => ({ after: offset - 1, limit: 1, maxBytes: 0 })
  const inRedis = new Amending({
    readEntry: (stream, offset) => store.read(stream, alone(offset), undefined, 'a new log'),
    readReactions: (stream, fields) => store.readReactions(stream, fields),
    editor: (stream) => store.upkeep.editor(stream),
    append: (append) => store.append(append),
  })
  const inModel = new Amending({
    readEntry: async (stream, offset) => model.read(TURN, stream, alone(offset), undefined, 'a new log'),
    readReactions: async (stream, fields) => model.readReactions(TURN, stream, fields),
    editor: (stream) => ({
      edits: async (from) => model.edits(TURN, stream, from),
      rewrite: async (rewrites) => model.rewrite(TURN, stream, rewrites),
      find: () => Promise.reject(new Error('Nobody erases here')),
    }),
    append: async (append) => model.append(TURN, append),
  })
  const sameReactions = async (stream: string, offset: number) => {
    const asked = [stream, reactionFields(offset)] as const
    expect(model.readReactions(TURN, ...asked)).toEqual(await store.readReactions(...asked))
  }
  const take = async (step: Step) => {
    switch (step.kind) {
      case 'append': {
        const append = draftOf(step, places)
        const reply = await store.append(append)
        expect(model.append(TURN, append)).toEqual(reply)
        if (reply.status === 'accepted') places.push(reply.position)
        return
      }
      case 'edit':
      case 'delete': {
        const target = places[step.target % Math.max(1, places.length)]
        if (!target) return
        const amendment = amendmentOf(step, target)
        const reply = await inRedis.append(...amendment)
        expect(await inModel.append(...amendment)).toEqual(reply)
        if (reply.status === 'accepted') places.push(reply.position)
        return
      }
      case 'react':
      case 'unreact': {
        const target = places[step.target % Math.max(1, places.length)]
        if (!target) return
        const reaction = reactionOf(step, target)
        const reply = await inRedis.append(...reaction)
        expect(await inModel.append(...reaction)).toEqual(reply)
        if (reply.status === 'accepted') places.push(reply.position)
        await sameReactions(step.stream, target.offset)
        return
      }
      case 'forget': {
        const target = places[step.target % Math.max(1, places.length)]
        if (!target) return
        const { stream, user } = step
        const told = appendOf(stream, { type: 'reactions_erased', target, user_id: user })
        await inRedis.forget(stream, user, target.offset, () => told)
        await inModel.forget(stream, user, target.offset, () => told)
        await sameReactions(stream, target.offset)
        return
      }
      case 'read': {
        const of = [step.stream, rangeOf(step), step.idAt, randomUUID()] as const
        expect(model.read(TURN, ...of)).toEqual(await store.read(...of))
        return
      }
      case 'move': {
        const to = places[step.to % Math.max(1, places.length)]
        if (!to) return
        const of = [step.stream, step.reader, to] as const
        expect(model.moveMark(TURN, ...of)).toEqual(await store.marks.move(...of))
        return
      }
      case 'unread': {
        const of = [step.stream, step.reader] as const
        expect(model.unread(TURN, ...of)).toEqual(await store.marks.reading(...of))
        return
      }
      case 'marks': {
        const found = await store.marks.list(step.stream, 10)
        const byUser = (all: typeof found) => all.toSorted((a, b) => (a.userId < b.userId ? -1 : 1))
        expect(byUser(model.marks(TURN, step.stream))).toEqual(byUser(found))
        return
      }
      case 'head':
        expect([model.standing(TURN, step.stream)]).toEqual(await store.streamStates([step.stream]))
        return
      case 'window':
        settings.sentMs = step.sentMs
        return
    }
  }
  try {
    for (const step of steps) await take(step)
  } finally {
    await store.close()
  }
}

const TURN: Turn = { now: 1, publish() {} }

it('the scripts of a log in Redis and the model of them do the same', { timeout: 60_000 }, async () => {
  const steps = fc.array(anyStep, { minLength: 1, maxLength: 60, size: 'max' })
  await fc.assert(fc.asyncProperty(steps, sameInBoth), { numRuns: 150 })
})
