import { describe, expect, it } from 'vitest'
import type { Connection } from '../../src/engine/connection/connection.js'
import { Session } from '../../src/engine/connection/session.js'
import { Silence } from '../../src/engine/connection/silence.js'

const NO_RATES = {} as never

function stranger(remoteAddress: string, startedAt = 0): Connection {
  const session = new Session(NO_RATES, startedAt)
  return { isOpen: true, session, request: { remoteAddress } } as unknown as Connection
}

describe('silence', () => {
  it('silence is counted by address, an IPv6 network being one, and the oldest keep their places', () => {
    const silence = new Silence({ silentPerAddress: 2, silentMs: 250 })
    const network = ['2001:db8::1', '2001:db8::2', '2001:db8::3'].map((address) => stranger(address))
    const other = stranger('2001:db8:0:1::1')
    const all = [...network, other]
    expect(silence.sweep(all, 250)).toEqual([])
    expect(silence.sweep(all, 500)).toEqual([network[2]])
  })

  it('silence is counted in sweeps: a busy server has not read yet what has long arrived', () => {
    const silence = new Silence({ silentPerAddress: 1, silentMs: 1_000 })
    const two = [stranger('1.2.3.4'), stranger('1.2.3.4')]
    for (const now of [5_000, 10_000, 15_000, 20_000]) expect(silence.sweep(two, now)).toEqual([])
    expect(silence.sweep(two, 25_000)).toHaveLength(1)
    const late = stranger('1.2.3.4', 20_001)
    expect(silence.sweep([...two, late], 26_000)).toEqual([two[1]])
  })

  it('silence is nobody’s who has sent a token, is gone, or is still being greeted', () => {
    const silence = new Silence({ silentPerAddress: 1, silentMs: 250 })
    const [first, checked, greeted] = [stranger('a'), stranger('a'), stranger('a')]
    checked.session.standing = 'authenticating'
    silence.excuse(greeted)
    const all = [first, checked, greeted, { ...stranger('a'), isOpen: false } as Connection]
    silence.sweep(all, 250)
    expect(silence.sweep(all, 500)).toEqual([])
    silence.expect(greeted)
    expect(silence.sweep(all, 750)).toEqual([greeted])
  })

  it('silence has no bound where a limit is Infinity', () => {
    const infinite = Number.POSITIVE_INFINITY
    for (const limits of [
      { silentPerAddress: infinite, silentMs: 250 },
      { silentPerAddress: 1, silentMs: infinite },
    ]) {
      const silence = new Silence(limits)
      const two = [stranger('a'), stranger('a')]
      for (let now = 0; now < 10_000; now += 250) expect(silence.sweep(two, now)).toEqual([])
    }
  })
})
