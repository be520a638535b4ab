import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PresenceChange } from '../../src/api/contracts/backplane.js'
import { Presence } from '../../src/backplane/presence.js'

const ana = { userId: 'ana' }

describe('presence', () => {
  it('[P1] [J4] a user enters with the first connection and leaves with the last', () => {
    const presence = new Presence()
    expect(presence.enter(ana, 'phone')).toEqual({ event: 'enter', user: ana, version: 1, count: 1 })
    expect(presence.enter(ana, 'laptop')).toBeUndefined()
    expect(presence.leave('ana', 'phone')).toBeUndefined()
    expect(presence.leave('ana', 'laptop')).toEqual({ event: 'leave', user: ana, version: 2, count: 0 })
    expect(presence.isEmpty).toBe(true)
  })

  it('[J11] who returns in the grace time was never away; who does not leaves when it ends', () => {
    const presence = new Presence()
    presence.enter(ana, 'phone')
    presence.update('ana', { mood: 'bright' })
    expect(presence.leave('ana', 'phone', 100)).toBeUndefined()
    expect(presence.count).toBe(1)
    expect(presence.expire(99)).toEqual([])
    expect(presence.enter(ana, 'phone-again')).toBeUndefined()
    expect(presence.expire(1_000)).toEqual([])
    presence.leave('ana', 'phone-again', 2_000)
    expect(presence.expire(2_000)).toMatchObject([
      { event: 'leave', user: { state: { mood: 'bright' } }, version: 3 },
    ])
  })

  it('the late end of an old connection, or its second end, takes nothing away', () => {
    const presence = new Presence()
    presence.enter(ana, 'old')
    presence.enter(ana, 'new')
    presence.leave('ana', 'old')
    expect(presence.leave('ana', 'old')).toBeUndefined()
    expect(presence.leave('bob', 'old')).toBeUndefined()
    expect(presence.has('ana')).toBe(true)
  })

  it('[P2] nobody updates who is not there', () => {
    expect(new Presence().update('ana', {})).toBeUndefined()
  })
})

/** A simple model of presence: who is connected, and whose grace period runs. */
class NaivePresence {
  readonly connections = new Set<string>()
  readonly grace = new Map<string, number>()
  readonly states = new Map<string, number>()

  here(): Set<string> {
    const connected = [...this.connections].map((connection) => connection.charAt(0))
    return new Set([...connected, ...this.grace.keys()])
  }
}

const step = fc.record({
  do: fc.constantFrom('enter', 'leave', 'vanish', 'update', 'wait'),
  user: fc.constantFrom('a', 'b', 'c'),
  device: fc.constantFrom('1', '2'),
  value: fc.nat(50),
})

describe('any coming and going', () => {
  it('[J4] [J5] [P3] [P4] any coming and going tells each change of who is there once, with the next version and the right count', () => {
    const property = fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const presence = new Presence()
      const naive = new NaivePresence()
      let now = 0
      let version = 0
      for (const { do: what, user, device, value } of steps) {
        const connection = `${user}${device}`
        const before = naive.here()
        const changes: (PresenceChange | undefined)[] = []
        if (what === 'enter') {
          changes.push(presence.enter({ userId: user }, connection))
          naive.connections.add(connection)
          naive.grace.delete(user)
        } else if (what === 'leave' || what === 'vanish') {
          const graceUntil = what === 'vanish' ? now + 25 : undefined
          changes.push(presence.leave(user, connection, graceUntil))
          const wasThere = naive.connections.delete(connection)
          const isLast = ![...naive.connections].some((other) => other.startsWith(user))
          if (wasThere && isLast && graceUntil !== undefined) naive.grace.set(user, graceUntil)
        } else if (what === 'wait') {
          now += value
          changes.push(...presence.expire(now))
          for (const [gone, until] of naive.grace) if (until <= now) naive.grace.delete(gone)
        } else changes.push(presence.update(user, { value }))

        const after = naive.here()
        const told = changes.filter((change) => change !== undefined)
        for (const change of told) expect(change.version).toBe(++version)
        const expected = [
          ...[...after].filter((user) => !before.has(user)).map((user) => `enter ${user}`),
          ...[...before].filter((user) => !after.has(user)).map((user) => `leave ${user}`),
          ...(what === 'update' && after.has(user) ? [`update ${user}`] : []),
        ]
        expect(told.map(({ event, user }) => `${event} ${user.userId}`).sort()).toEqual(expected.sort())
        expect(told.at(-1)?.count ?? after.size).toBe(after.size)
        expect(new Set([...presence.users()].map(({ userId }) => userId))).toEqual(after)
      }
    })
    fc.assert(property, { numRuns: 500 })
  })
})
