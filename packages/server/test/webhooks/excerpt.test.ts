import { describe, expect, it } from 'vitest'
import { excerptOf } from '../../src/webhooks/excerpt.js'

describe('the excerpt of an answer', () => {
  it.each([
    ['a short text', 'bad signature', 'bad signature'],
    ['several lines, tabs and escapes', '\u001b[31mno\r\n\tway\u0000\u202e!\n', '[31mno way !'],
    ['200 characters', '😀'.repeat(200), '😀'.repeat(200)],
    ['more than 200 characters', '😀'.repeat(201), `${'😀'.repeat(200)}…`],
    ['nothing', '', ''],
  ])('an answer of %s is told in one short line', (_, body, excerpt) => {
    expect(excerptOf(Buffer.from(body))).toBe(excerpt)
  })

  it('an answer that is cut in the middle of a character keeps those before it', () => {
    expect(excerptOf(Buffer.from('no 😀').subarray(0, -1))).toBe('no')
  })

  it('an answer that is no text is not told', () => {
    expect(excerptOf(Buffer.from([0x89, 0x50, 0xff, 0xfe]))).toBe('')
  })
})
