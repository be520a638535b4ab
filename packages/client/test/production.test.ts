import { describe, expect, it } from 'vitest'
import * as fullCheck from '../src/options/check-options.js'
import * as shortCheck from '../src/options/check-options.production.js'
import * as sentences from '../src/runtime/strings.js'
import * as words from '../src/runtime/strings.production.js'

describe('the words of a production build', () => {
  it('the words of a production build stand for all the sentences, and are shorter', () => {
    const short: Record<keyof typeof sentences, unknown> = words
    expect(Object.keys(short).sort()).toEqual(Object.keys(sentences).sort())
    const length = (texts: object) => Object.values(texts).map(say).join('').length
    expect(length(words)).toBeLessThan(length(sentences) / 3)
  })

  it('the words of a production build say something wherever an interface shows a status', () => {
    const { restarting: _, joinFirst: _a, released: _d, noChatData: _b, anotherUser: _c, ...others } = words
    const { replyTooEarly: _e, ...shown } = others
    for (const [name, text] of Object.entries(shown)) expect(say(text), name).toMatch(/\w/)
  })
})

it('a production build has the same entries, and leaves the options to the compiler', () => {
  const same: Record<keyof typeof fullCheck, unknown> = shortCheck
  expect(Object.keys(same)).toEqual(Object.keys(fullCheck))
  expect(() => shortCheck.checkOptions({ url: 'ws://x', token: 7 })).not.toThrow()
})

function say(text: unknown): string {
  return typeof text === 'function' ? text('x', 1) : String(text ?? '')
}
