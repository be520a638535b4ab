import type { Writable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Receiver } from 'ws'
import { Outgoing } from '../src/outgoing.js'

declare module 'ws' {
  /** Exported by ws, and missing in its types. */
  class Receiver extends Writable {
    constructor(options: { allowSynchronousEvents: boolean })
  }
}

/** What a WebSocket library makes of the bytes. */
async function parse(bytes: Buffer): Promise<string[]> {
  const receiver = new Receiver({ allowSynchronousEvents: true })
  const texts: string[] = []
  receiver.on('message', (data: Buffer, isBinary: boolean) => {
    expect(isBinary).toBe(false)
    texts.push(data.toString())
  })
  await new Promise<void>((resolve, reject) => {
    receiver.on('error', reject)
    receiver.end(bytes, () => resolve())
  })
  return texts
}

describe('a write', () => {
  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 200_000])('[E1] of %i bytes is one frame', async (length) => {
    const text = 'x'.repeat(length)
    expect(await parse(new Outgoing([text]).bytes)).toEqual([text])
  })

  it('[E1] counts bytes, not characters', async () => {
    const text = 'é'.repeat(63) + '𝒳'.repeat(20_000)
    expect(await parse(new Outgoing([text]).bytes)).toEqual([text])
  })

  it('[E1] of many texts, and of several writes joined, is one frame each, in order', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.array(fc.string({ unit: 'grapheme', maxLength: 200 }), { minLength: 1, maxLength: 5 }), {
        minLength: 1,
        maxLength: 5,
      }),
      async (writes) => {
        const joined = Outgoing.join(writes.map((texts) => new Outgoing(texts)))
        expect(joined.texts).toEqual(writes.flat())
        expect(await parse(joined.bytes)).toEqual(writes.flat())
        expect(joined.size).toBe(writes.flat().join('').length)
      },
    )
    await fc.assert(property, { numRuns: 100 })
  })

  it('is built once, for all who get it', () => {
    const outgoing = Outgoing.of({ type: 'pong' })
    expect(outgoing.bytes).toBe(outgoing.bytes)
  })
})
