import { randomUUID } from 'node:crypto'
import { silentLogger, systemClock } from '@roomful/server'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Position, Range } from '../../packages/server/src/api/contracts/backplane.js'
import type { Append } from '../../packages/server/src/backplane/redis/append.js'
import { NodeRedisStore } from '../../packages/server/src/backplane/redis/node-redis-store.js'
import { type RedisSettings, resolveSettings } from '../../packages/server/src/backplane/redis/options.js'
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
})
const reads = fc.record({
  kind: fc.constant('read' as const),
  stream: streams,
  isForward: fc.boolean(),
  from: fc.option(offsets, { nil: undefined }),
  limit: fc.nat(5),
  maxBytes: fc.constantFrom(1, 300, 10_000),
  idAt: fc.option(offsets, { nil: undefined }),
})
const windows = fc.record({ kind: fc.constant('window' as const), sentMs: fc.constantFrom(0, YEAR_MS) })
const heads = fc.record({ kind: fc.constant('head' as const), stream: streams })
const anyStep = fc.oneof({ weight: 6, arbitrary: appends }, { weight: 3, arbitrary: reads }, heads, windows)
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never

function draftOf(step: Extract<Step, { kind: 'append' }>, places: readonly Position[]): Append {
  const { stream, user, key, name, fingerprint, seen, after, size } = step
  const place = after === undefined ? undefined : places[after % Math.max(1, places.length)]
  const sender = user !== undefined && {
    sender: { userId: user, clientId: `c${name}`, fingerprint, seen, after: place },
  }
  const idempotency = user === undefined && key !== undefined ? { key: `k${key}`, fingerprint } : undefined
  return {
    stream,
    id: randomUUID(),
    open: `{"message":"${'ü'.repeat(size)}"`,
    timestampMs: places.length,
    sender: undefined,
    newEpoch: randomUUID(),
    idempotency,
    ...sender,
  }
}

function rangeOf({ isForward, from, limit, maxBytes }: Extract<Step, { kind: 'read' }>): Range {
  return isForward ? { after: from ?? 0, limit, maxBytes } : { before: from, limit, maxBytes }
}

async function sameInBoth(steps: readonly Step[]): Promise<void> {
  const settings = newSettings()
  const store = new NodeRedisStore({ url: server.url }, settings)
  const link = { reconnected() {}, resubscribed() {}, relayed() {} }
  await store.open({ clock: systemClock, logger: silentLogger, ...link })
  const model = new RedisData(settings)
  const places: Position[] = []
  const take = async (step: Step) => {
    switch (step.kind) {
      case 'append': {
        const append = draftOf(step, places)
        const reply = await store.append(append)
        expect(model.append(TURN, append)).toEqual(reply)
        if (reply.status === 'accepted') places.push(reply.position)
        return
      }
      case 'read': {
        const of = [step.stream, rangeOf(step), step.idAt, randomUUID()] as const
        expect(model.read(TURN, ...of)).toEqual(await store.read(...of))
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
