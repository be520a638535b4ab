import { randomUUID } from 'node:crypto'
import { createClient } from 'redis'
import { expect, it, onTestFinished } from 'vitest'
import { RedisServer } from '../../../../../test/support/redis.js'
import { Keys } from '../../../src/backplane/redis/keys.js'
import { keyed, TestNode, until } from './nodes.js'

const keys = new Keys('roomful', 0)
const newest = { before: undefined, limit: 10, maxBytes: 10_000 }

/** The keys of each script that ran, as it declared and as it used them. */
interface Ran {
  readonly declared: readonly string[]
  readonly used: Set<string>
}

/** What a Redis carries out, read from MONITOR. */
async function watch(store: RedisServer): Promise<Ran[]> {
  const ran: Ran[] = []
  const client = createClient({ url: store.url })
  await client.connect()
  await client.monitor((line) => {
    const [, source = '', command = ''] = /^\S+ \[\d+ (\S+)\] (.*)$/s.exec(String(line)) ?? []
    const words = [...command.matchAll(/"((?:[^"\\]|\\.)*)"/gs)].map(([, word = '']) => word)
    if (source === 'lua') note(words, ran.at(-1))
    else if (/^EVAL/i.test(words[0] ?? ''))
      ran.push({ declared: words.slice(3, 3 + Number(words[2])), used: new Set() })
  })
  onTestFinished(() => client.destroy())
  return ran
}

function note([name = '', key]: readonly string[], script: Ran | undefined): void {
  const hasNoKey = ['TIME', 'SPUBLISH'].includes(name.toUpperCase())
  if (!hasNoKey && key !== undefined) script?.used.add(key)
}

it('every script touches one key, so that a cluster that moves it refuses none; an append of a user one more beside it', async () => {
  const store = await RedisServer.start()
  onTestFinished(() => store.remove())
  const ran = await watch(store)
  const [node, other] = [await TestNode.start({ url: store.url }), await TestNode.start({ url: store.url })]
  const { backplane } = node
  await node.listen('r')
  await other.listen('r')
  await node.publish('r', 'one', 'c1')
  await node.publish('r', 'one', 'c1')
  await backplane.publish('r', keyed('two', 'order 7'))
  const message = { type: 'chat_message', user_id: 'ada', message: 'three' }
  await backplane.publish('r', { id: randomUUID(), message, timestampMs: 1 })
  await backplane.publish('r', { id: randomUUID(), message, timestampMs: 1, writer: 'ada' })
  await backplane.restrictions?.set('r', 'ada', 'ban', 60_000)
  await backplane.restrictions?.bannedFor('r', 'ada')
  await backplane.restrictions?.list('r', { limit: 10 })
  await backplane.restrictions?.lift('r', 'ada', 'ban')
  await backplane.enter('r', { userId: 'ada' }, 'a')
  await backplane.update('r', 'ada', { mood: 'fine' })
  await backplane.leave('r', 'ada', 'a', true)
  await other.backplane.read('r', newest)
  await backplane.erase?.('ada')
  await backplane.delete?.('r')
  const before = ran.length
  // The head check, the lease and the tidying come of themselves.
  await until(
    () => ran.length > before + 30,
    () => ran.length,
  )
  await Promise.all([backplane.close(), other.backplane.close()])
  expect(ran.filter(({ used }) => used.size === 1).length).toBeGreaterThan(40)
  const several = ran.filter(({ declared }) => declared.length !== 1)
  expect(several.map(({ declared }) => declared)).toEqual([[keys.log('r'), keys.restricted('r')]])
  for (const { declared, used } of ran) expect([...used].filter((key) => !declared.includes(key))).toEqual([])
})
