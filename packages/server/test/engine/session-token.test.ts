import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { signSession, verifySession } from '../../src/engine/connection/session-token.js'

describe('a session', () => {
  it('[C10] [C11] a session gives back the user that it was signed for, under that secret alone', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, unit: 'grapheme' }),
        fc.string(),
        fc.string(),
        (user, secret, other) => {
          const session = signSession(user, secret)
          expect(verifySession(session, secret)).toBe(user)
          if (other !== secret) expect(verifySession(session, other)).toBeUndefined()
        },
      ),
    )
  })

  it('[C10] a session that was altered anywhere is not genuine', () => {
    const session = signSession('anon-1', 'secret')
    for (let index = 0; index < session.length; index++) {
      for (const letter of ['A', 'b', '.', '']) {
        const altered = session.slice(0, index) + letter + session.slice(index + 1)
        if (altered !== session) expect(verifySession(altered, 'secret')).toBeUndefined()
      }
    }
  })

  it.each(['', '.', 'a', 'a.', '.b', 'a.b.c', '🙂.🙂'])('[C10] a session: %j is none', (nonsense) => {
    expect(verifySession(nonsense, 'secret')).toBeUndefined()
  })
})
