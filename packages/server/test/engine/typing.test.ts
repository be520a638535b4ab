import { describe, expect, it } from 'vitest'
import { Typing } from '../../src/engine/rooms/typing.js'

describe('typing', () => {
  it('[T2] typing is shown at the start, and again after 2 s', () => {
    const typing = new Typing()
    expect(typing.start('ana', 'phone', 0)).toBe(true)
    expect(typing.start('ana', 'phone', 1_999)).toBe(false)
    expect(typing.start('ana', 'phone', 2_000)).toBe(true)
  })

  it('[T4] typing is a user’s, on whatever connections', () => {
    const typing = new Typing()
    expect(typing.start('ana', 'phone', 0)).toBe(true)
    expect(typing.start('ana', 'laptop', 1)).toBe(false)
    expect(typing.stop('ana', 'phone')).toBe(false)
    expect(typing.has('ana')).toBe(true)
    expect(typing.stop('ana', 'laptop')).toBe(true)
    expect(typing.stop('ana', 'laptop')).toBe(false)
    expect(typing.size).toBe(0)
  })

  it('[T6] typing is full for others, never for who types already', () => {
    const typing = new Typing()
    typing.start('ana', 'phone', 0)
    expect(typing.isFull('bob', 1)).toBe(true)
    expect(typing.isFull('ana', 1)).toBe(false)
    expect(typing.isFull('bob', 2)).toBe(false)
  })
})
