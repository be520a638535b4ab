import { randomUUID } from 'node:crypto'
import { defineProtocol, volatile } from '@roomful/protocol'
import { redis } from '@roomful/server/redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { connectExtended } from '../../../../../test/support/connect.js'
import { RedisServer } from '../../../../../test/support/redis.js'
import { logText, serve } from '../../../../../test/support/wire-server.js'
import { Keys } from '../../../src/backplane/redis/keys.js'
import { draft, TestNode, told, until } from './nodes.js'

let store: RedisServer
beforeAll(async () => {
  store = await RedisServer.start()
})
afterAll(() => store.remove())

const users = {
  protocol: defineProtocol({ server: { notice: volatile(z.object({ text: z.string() })) } }),
  authenticate: ({ token }: { token: string | undefined }) => ({ userId: token ?? '' }),
  authorize: () => true,
}
const notice = { type: 'notice', text: 'still here' } as const

/** Whatever could be on the channel beside what this version of a node publishes. */
const NOT_RELAYS: readonly (readonly [string, unknown])[] = [
  ['is not an object', null],
  ['has no targets', { to: 'disconnect', payload: { code: 4000, reason: '' } }],
  ['has targets that are no strings', { to: 'users', targets: [5], payload: { message: notice } }],
  ['has targets that are no list', { to: 'streams', targets: 5, payload: { message: notice } }],
  ['is for something unknown', { to: 'constructor', targets: ['ana'], payload: {} }],
  ['has no payload', { to: 'everyone', targets: [], payload: null }],
  ['brings no message', { to: 'everyone', targets: [], payload: {} }],
  ['brings a message without a type', { to: 'streams', targets: ['r'], payload: { message: {} } }],
  ['brings an odd exception', { to: 'everyone', targets: [], payload: { message: notice, exceptUser: 1 } }],
  ['kicks nobody', { to: 'kick', targets: ['r'], payload: {} }],
  ['closes with a code below all', { to: 'disconnect', targets: ['ana'], payload: { code: 99, reason: '' } }],
  [
    'closes with a reserved code',
    { to: 'disconnect', targets: ['ana'], payload: { code: 1005, reason: '' } },
  ],
  ['closes with a fraction', { to: 'disconnect', targets: ['ana'], payload: { code: 4000.5, reason: '' } }],
  [
    'closes with a text as its code',
    { to: 'disconnect', targets: ['ana'], payload: { code: '4000', reason: '' } },
  ],
  ['closes without a reason', { to: 'disconnect', targets: ['ana'], payload: { code: 4000 } }],
  [
    'closes with a reason of 124 bytes',
    { to: 'disconnect', targets: ['ana'], payload: { code: 4000, reason: 'é'.repeat(62) } },
  ],
]

const LOG_LINES = 3

const NOT_MESSAGES = [
  '{"from":"z","relay":{"message":{"text":"private"}}}',
  'private',
  'x',
  '{}',
  'null',
  '[]',
  '{"from":"z"}',
  JSON.stringify({
    version: 2,
    from: 'z',
    relay: { to: 'disconnect', targets: ['ana'], payload: { code: 4000, reason: '' } },
  }),
]

describe('what another node tells', () => {
  it('what another node tells is passed over where it is not understood, logged within bounds, and costs neither a connection nor what follows', async () => {
    const prefix = randomUUID()
    const one = await serve({ ...users, backplane: redis({ url: store.url, prefix }) })
    const limits = { logLinesPerMinute: LOG_LINES }
    const two = await serve({ ...users, limits, backplane: redis({ url: store.url, prefix }) })
    const ana = await connectExtended(two.url, { token: 'ana' })
    await ana.join('r')
    const channel = `${prefix}:0:relay`
    for (const text of NOT_MESSAGES) await store.command('PUBLISH', channel, text)
    for (const [, relay] of NOT_RELAYS) {
      const text = JSON.stringify({ version: 1, from: 'another', relay })
      await store.command('PUBLISH', channel, text)
      await store.command('SPUBLISH', new Keys(prefix, 0).channel('r'), `relay\n${text}`)
    }
    one.server.user('ana').broadcast(notice)
    expect(await ana.next('notice')).toMatchObject(notice)
    await ana.never('notice')
    expect(ana.frames.map(({ type }) => type)).not.toContain('left')
    expect(logText(two.log)).not.toContain('private')
    const warnings = two.log.filter(({ level }) => level === 'warn' || level === 'error')
    expect(new Set(warnings.map(({ event }) => event))).toEqual(
      new Set([
        'redis: a message was of another kind or version, and was ignored',
        'a message from another node was not understood and was ignored',
      ]),
    )
    expect(warnings.length).toBeLessThanOrEqual(2 * LOG_LINES)
  })

  it.each(NOT_RELAYS)('what another node tells is not understood if it %s', async (_, relay) => {
    const prefix = randomUUID()
    const { url, log } = await serve({ ...users, backplane: redis({ url: store.url, prefix }) })
    const ana = await connectExtended(url, { token: 'ana' })
    await ana.join('r')
    const text = JSON.stringify({ version: 1, from: 'another', relay })
    await store.command('PUBLISH', `${prefix}:0:relay`, text)
    await until(
      () => log.some(({ level }) => level === 'warn'),
      () => log,
    )
    await ana.never('notice')
  })

  it.each([
    ['an entry without a number', 'entry\ne\nnone\ni\np\n{"type":"x"'],
    ['an entry of a negative number', 'entry\ne\n-1\ni\np\n{"type":"x"'],
    ['a change without a version', 'presence\nenter\nnone\n1\nc\n{"userId":"eve"}\n'],
    ['a change without a count', 'presence\nenter\n1\n\nc\n{"userId":"eve"}\n'],
    ['a change of nobody', 'presence\nenter\n1\n1\nc\n{}\n'],
    ['a change whose user is no object', 'presence\nenter\n1\n1\nc\n5\n'],
    ['a change whose state is no object', 'presence\nenter\n1\n1\nc\n{"userId":"eve"}\n[]'],
    ['nothing', ''],
  ])('what another node tells on the channel of a room is passed over if it is %s', async (_, message) => {
    const prefix = randomUUID()
    const node = await TestNode.start({ url: store.url, prefix, headCheckMs: 60_000 })
    const events = await node.listen('r')
    await node.backplane.enter('r', { userId: 'ada' }, 'c')
    await store.command('SPUBLISH', new Keys(prefix, 0).channel('r'), message)
    await node.backplane.publish('r', draft('after it'))
    await until(
      () => told(events).includes('after it'),
      () => told(events),
    )
    expect(told(events)).toEqual(['ada enter', 'after it'])
    await node.backplane.close()
  })
})

describe('nodes on two databases of one Redis', () => {
  it('nodes on two databases of one Redis have neither messages, nor presence, nor removals in common', async () => {
    const prefix = randomUUID()
    const of = (database: number) => TestNode.start({ url: `${store.url}/${database}`, prefix })
    const [production, staging, colleague] = [await of(0), await of(1), await of(1)]
    const heard = await Promise.all([production, staging, colleague].map((node) => node.listen('r')))
    await staging.publish('r', 'only a test')
    await staging.backplane.enter('r', { userId: 'ada' }, 'c')
    const relays = [
      { to: 'streams', targets: ['r'], payload: { message: notice } },
      { to: 'everyone', targets: [], payload: { message: notice } },
      { to: 'kick', targets: ['r'], payload: { userId: 'ada' } },
      { to: 'disconnect', targets: ['ada'], payload: { code: 4501, reason: '' } },
    ] as const
    for (const relay of relays) staging.backplane.relay(relay)
    await until(
      () => colleague.relayed.length === relays.length && heard[2]?.length === 2,
      () => [colleague.relayed, heard],
    )
    await production.publish('r', 'the real one')
    await until(
      () => told(heard[0] ?? []).includes('the real one'),
      () => heard,
    )
    expect(told(heard[0] ?? [])).toEqual(['the real one'])
    expect(production.relayed).toEqual([])
    for (const node of [production, staging, colleague]) await node.backplane.close()
  })
})
