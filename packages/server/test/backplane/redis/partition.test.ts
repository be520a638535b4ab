import { expect, it } from 'vitest'
import { Keys } from '../../../src/backplane/redis/keys.js'
import { partitionOf } from '../../../src/backplane/redis/partition.js'

it('a stream has its partition for ever', () => {
  expect(['', 'lobby', '@user:ana', 'Zürich 🏔', 'a}b{c'].map(partitionOf)).toEqual([
    '011',
    '116',
    '046',
    '022',
    '057',
  ])
})

it.each<[string, (n: number) => string]>([
  ['numbers', (n) => `${n}`],
  ['names with a number', (n) => `room-${n}`],
  ['users', (n) => `@user:${n}`],
  ['names of one length', (n) => `support-${`${n}`.padStart(8, '0')}`],
])('streams called by %s spread over all partitions', (_, nameOf) => {
  const sizes = new Map<string, number>()
  for (let n = 0; n < 128 * 200; n++) {
    const partition = partitionOf(nameOf(n))
    sizes.set(partition, (sizes.get(partition) ?? 0) + 1)
  }
  expect([...sizes.keys()].sort()).toEqual(Array.from({ length: 128 }, (_, n) => `${n}`.padStart(3, '0')))
  expect(Math.min(...sizes.values())).toBeGreaterThan(140)
  expect(Math.max(...sizes.values())).toBeLessThan(260)
})

it('no name of a stream produces the key of another, and each key leads back to its stream', () => {
  const keys = new Keys('app', 3)
  const names = ['a', 'a}', '{a}', ':log:a', 'present:a', '{000}:log:a', 'a\nb']
  const all = names.flatMap((name) => [keys.log(name), keys.present(name), keys.channel(name)])
  expect(new Set(all).size).toBe(all.length)
  for (const name of names) expect(keys.streamOf(keys.log(name))).toBe(name)
  // A cluster hashes what is in the first pair of braces.
  for (const key of all) expect(/\{(.*?)\}/.exec(key)?.[1]).toMatch(/^\d{3}$/)
  expect(keys.channel('a')).toMatch(/^app:3:/)
})
