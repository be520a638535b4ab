import { type Backplane, createServer, memory, silentLogger } from '@roomful/server'
import { backplaneSuite, VirtualClock } from '@roomful/server/testing'
import { describe, expect, it } from 'vitest'

const suiteOf = (make: () => Backplane) =>
  backplaneSuite(() => {
    const clock = new VirtualClock()
    return { backplane: make(), clock, advance: (ms) => clock.advance(ms) }
  })

describe('the memory backplane', () => {
  for (const { name, run } of suiteOf(memory)) it(name, run)

  it('the memory backplane refuses options that are no numbers above 0, and a second server', async () => {
    expect(() => memory({ historyCount: 0 })).toThrow('memory: historyCount must be a number above 0')
    const backplane = memory()
    const [first, second] = [backplane, backplane].map((shared) =>
      createServer({ backplane: shared, logger: silentLogger }),
    )
    await first?.listen({ port: 0 })
    await expect(second?.listen({ port: 0 })).rejects.toThrow('serves one server')
    await first?.close()
  })
})

/** A backplane that knows no message again. */
function forgetful(): Backplane {
  return new Proxy(memory(), {
    get(target, property) {
      if (property === 'publish')
        return (
          ...[stream, { id, message, timestampMs, writer, amends, readBy }]: Parameters<Backplane['publish']>
        ) => target.publish(stream, { id, message, timestampMs, writer, amends, readBy })
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

describe('the suite of backplanes', () => {
  it('the suite of backplanes finds the fault in a backplane that has one, and no other', async () => {
    const failed: string[] = []
    for (const { name, run } of suiteOf(forgetful)) await run().catch(() => failed.push(name))
    expect(failed).toEqual([
      ...['[M7]', '[M7]', '[M9]', '[M8]'].map((rule) => expect.stringContaining(rule)),
      ...Array(3).fill(expect.stringContaining('under the same key')),
      expect.stringContaining('the longest key'),
      expect.stringContaining('feeds no repeat'),
      ...['a repeat of an edit', 'answers its repeat'].map((what) => expect.stringContaining(what)),
      expect.stringContaining('the repeat of a key'),
      expect.stringContaining('a repeat of what was erased'),
      expect.stringContaining('a repeat of what was accepted before the restriction'),
    ])
  })
})
