import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkText,
  isRoomId,
  isWellFormed,
  MAX_TEXT_LENGTH,
  toWellFormed,
  truncate,
} from '../src/messages/text.js'

/** Every code point of the property White_Space in Unicode 16. */
const WHITE_SPACE = [
  ...[0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20, 0x85, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000],
  ...Array.from({ length: 11 }, (_, index) => 0x2000 + index),
].map((codePoint) => String.fromCodePoint(codePoint))

describe('chat text', () => {
  it('[M2] chat text is measured in code points', () => {
    for (const unit of ['a', 'é', '語', '😀', '𝒳']) {
      expect(checkText(unit.repeat(MAX_TEXT_LENGTH))).toBeUndefined()
      expect(checkText(unit.repeat(MAX_TEXT_LENGTH + 1))).toBe('message_too_long')
    }
    // One family is seven code points: it is long before it looks so.
    expect(checkText('👨‍👩‍👧‍👦'.repeat(142))).toBeUndefined()
    expect(checkText('👨‍👩‍👧‍👦'.repeat(143))).toBe('message_too_long')
    expect(checkText('ab', 1)).toBe('message_too_long')
    expect(checkText('a'.repeat(5_000), Number.POSITIVE_INFINITY)).toBeUndefined()
  })

  it.each(WHITE_SPACE.map((space) => [space.codePointAt(0)?.toString(16).padStart(4, '0'), space]))(
    '[M2] chat text is blank if it is nothing but U+%s',
    (_, space) => {
      expect(checkText(space)).toBe('message_empty')
      expect(checkText(` ${space}\t`)).toBe('message_empty')
      expect(checkText(`${space}a${space}`)).toBeUndefined()
    },
  )

  it('[M2] chat text is not blank if it holds what is invisible but no white space', () => {
    for (const text of ['\u200b', '\ufeff', '\u2060', '\u00ad', '\u0000', '\u180e']) {
      expect(checkText(text)).toBeUndefined()
    }
    expect(checkText('')).toBe('message_empty')
  })

  it('[M2] chat text is checked for length before blankness', () => {
    expect(checkText(' '.repeat(MAX_TEXT_LENGTH + 1))).toBe('message_too_long')
  })

  it('[E5] chat text may not hold a lone surrogate', () => {
    expect(checkText('a\ud800')).toBe('invalid_text')
    expect(checkText('😀'.slice(0, 1))).toBe('invalid_text')
    expect(checkText('😀')).toBeUndefined()
  })

  it('[M2] chat text measures any text as Array.from does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), fc.nat(20), (text, limit) => {
        expect(checkText(text, limit) === 'message_too_long').toBe(Array.from(text).length > limit)
      }),
    )
  })
})

describe('room ids', () => {
  it.each([
    'general',
    'a',
    '42',
    'café',
    '部屋',
    'комната',
    'غرفة',
    'कमरा',
    'v2.0_a:b-c=d@e,f;g',
    '𝒳',
    'x'.repeat(128),
    '@me',
  ])('[J2] room ids: %s is one', (id) => {
    expect(isRoomId(id)).toBe(true)
  })

  it.each([undefined, null, 5, true, ['a'], {}])('[J2] what is no string is no room id: %j', (id) => {
    expect(isRoomId(id)).toBe(false)
  })

  it('[J2] room ids are measured in code points', () => {
    expect(isRoomId('𝒳'.repeat(128))).toBe(true)
    expect(isRoomId('𝒳'.repeat(129))).toBe(false)
    expect(isRoomId('x'.repeat(129))).toBe(false)
  })

  it.each([
    '',
    ' ',
    'a b',
    'a\t',
    'a\n',
    'a/b',
    'a\\b',
    'a#b',
    'a?b',
    'a*b',
    '{a}',
    '[a]',
    'a|b',
    '"a"',
    "'",
    '<a>',
    'a%20',
    'a&b',
    'a+b',
    '~',
    '!',
    '$',
    '😀',
  ])('[J2] room ids: %j is none: a character is not allowed', (id) => {
    expect(isRoomId(id)).toBe(false)
  })

  it('[J2] control, bidi and invisible characters are refused wherever they stand', () => {
    const ranges: [number, number][] = [
      [0x00, 0x1f],
      [0x7f, 0x9f],
      [0x200b, 0x200f],
      [0x202a, 0x202e],
      [0x2060, 0x206f],
      [0xfe00, 0xfe0f],
      [0xe0000, 0xe007f],
    ]
    const points = ranges.flatMap(([from, to]) =>
      Array.from({ length: to - from + 1 }, (_, index) => from + index),
    )
    for (const point of [...points, 0xad, 0x034f, 0x061c, 0x115f, 0x3164, 0xffa0, 0xfeff, 0xfffe, 0xe000]) {
      const character = String.fromCodePoint(point)
      for (const id of [character, `a${character}`, `${character}a`, `a${character}b`])
        expect(isRoomId(id)).toBe(false)
    }
  })

  it('[J2] room ids are in normal form C, so that no two of them look the same', () => {
    expect(isRoomId('caf\u00e9')).toBe(true)
    expect(isRoomId('cafe\u0301')).toBe(false)
    expect(isRoomId('\u212b')).toBe(false)
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 8 }), (id) => {
        if (isRoomId(id)) expect(id.normalize('NFC')).toBe(id)
      }),
      { numRuns: 2_000 },
    )
  })

  it('[J13] none begins with @ but @me', () => {
    for (const id of ['@', '@you', '@me2', '@@me', '@ME']) expect(isRoomId(id)).toBe(false)
    expect(isRoomId('me@home')).toBe(true)
  })
})

describe('helpers of frames', () => {
  it('[E3] truncate keeps whole code points', () => {
    expect(truncate('abc', 3)).toBe('abc')
    expect(truncate('abc', 2)).toBe('ab')
    expect(truncate('a😀b', 2)).toBe('a😀')
    expect(truncate('😀😀😀', 2)).toBe('😀😀')
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), fc.nat(20), (text, length) => {
        expect(truncate(text, length)).toBe(Array.from(text).slice(0, length).join(''))
      }),
    )
  })

  it('[E3] toWellFormed replaces lone surrogates alone', () => {
    expect(toWellFormed('a\ud800b\udc00')).toBe('a\ufffdb\ufffd')
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff), { maxLength: 20 }), (units) => {
        const text = String.fromCharCode(...units)
        expect(isWellFormed(toWellFormed(text))).toBe(true)
        if (isWellFormed(text)) expect(toWellFormed(text)).toBe(text)
      }),
    )
  })
})
