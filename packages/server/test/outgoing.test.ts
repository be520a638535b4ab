import type { Writable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Receiver } from 'ws'
import { Frames, Outgoing } from '../src/outgoing.js'

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

describe('frames in a row', () => {
  it('[E1] are each as they are alone, whichever are picked and whenever, also when more have come since', async () => {
    const text = fc.option(fc.string({ unit: 'grapheme', maxLength: 300 }), { nil: undefined })
    const property = fc.asyncProperty(
      fc.array(fc.tuple(fc.array(text, { minLength: 1, maxLength: 6 }), fc.infiniteStream(fc.boolean())), {
        minLength: 1,
        maxLength: 8,
      }),
      async (steps) => {
        const frames = new Frames()
        const texts: (string | undefined)[] = []
        const picked: { readonly bytes: Buffer; readonly expected: string[] }[] = []
        for (const [added, choices] of steps) {
          frames.add(added)
          texts.push(...added)
          expect(frames.count).toBe(texts.length)
          const indices = texts.flatMap((text, index) =>
            text !== undefined && choices.next().value ? [index] : [],
          )
          const expected = indices.map((index) => texts[index] as string)
          picked.push({ bytes: frames.pick(indices), expected })
        }
        for (const { bytes, expected } of picked) expect(await parse(bytes)).toEqual(expected)
      },
    )
    await fc.assert(property, { numRuns: 200 })
  })

  it('are not copied where those that are picked follow each other', () => {
    const frames = new Frames()
    frames.add(['one', undefined, 'two', 'three'])
    const all = frames.pick([0, 2, 3])
    const rest = frames.pick([2, 3])
    expect(rest.buffer).toBe(all.buffer)
    expect(rest.byteOffset).toBe(all.byteOffset + 'one'.length + 2)
  })
})
