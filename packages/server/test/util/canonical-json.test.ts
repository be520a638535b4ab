import { describe, expect, it } from 'vitest'
import { canonicalJson } from '../../src/util/canonical-json.js'

describe('canonical JSON', () => {
  it('canonical JSON is one text for the same fields in any order, at any depth', () => {
    const one = { b: [{ d: 1, c: 'x' }], a: null }
    const other = { a: null, b: [{ c: 'x', d: 1 }] }
    expect(canonicalJson(one)).toBe(canonicalJson(other))
    expect(JSON.parse(canonicalJson(one))).toEqual(one)
  })

  it('canonical JSON keeps the order of lists, and leaves out what JSON does', () => {
    expect(canonicalJson([2, 1])).toBe('[2,1]')
    expect(canonicalJson({ b: undefined, a: new Date(0) })).toBe('{"a":"1970-01-01T00:00:00.000Z"}')
  })
})
