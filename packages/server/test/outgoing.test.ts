import type { Writable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Receiver } from 'ws'
import { BuiltFrames, FrameRow, JoinedFrames, type Outgoing, TextFrame, textsIn } from '../src/outgoing.js'
import { takeMemory } from '../src/spare-memory.js'
import { memoryOfEach } from './core/held-memory.js'

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
    expect(await parse(new TextFrame(text).bytes)).toEqual([text])
    expect(textsIn(new TextFrame(text).bytes)).toEqual([text])
  })

  it('[E1] counts bytes, not characters', async () => {
    const text = 'é'.repeat(63) + '𝒳'.repeat(20_000)
    expect(await parse(new TextFrame(text).bytes)).toEqual([text])
  })

  it('[E1] of several writes joined is one frame each, in order, however often its memory is used again', async () => {
    const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 2_000 }), { minLength: 1, maxLength: 5 })
    const property = fc.asyncProperty(fc.array(texts, { minLength: 1, maxLength: 5 }), async (writes) => {
      const joined = new JoinedFrames(writes.map(written))
      expect(joined.count).toBe(writes.flat().length)
      expect(textsIn(joined.bytes)).toEqual(writes.flat())
      expect(joined.length).toBe(joined.bytes.length)
      expect(await parse(joined.bytes)).toEqual(writes.flat())
      joined.release()
      expect(await parse(new JoinedFrames([joined]).bytes)).toEqual(writes.flat())
    })
    await fc.assert(property, { numRuns: 200 })
  })

  it('is built once, for all who get it', () => {
    const outgoing = TextFrame.of({ type: 'pong' })
    expect(outgoing.bytes).toBe(outgoing.bytes)
  })
})

/** Alone or in a row, built before or not. */
function written(texts: readonly string[]): Outgoing {
  const [only] = texts
  if (only !== undefined && texts.length === 1) {
    const frame = new TextFrame(only)
    if (only.length % 2 === 0) expect(frame.bytes.length).toBe(frame.length)
    return frame
  }
  const row = new FrameRow()
  for (const text of texts) row.add(text)
  return new BuiltFrames(texts.length, row.piece(0, texts.length))
}

/** What was given back too early is garbage from then on. */
function overwriteSpareMemory(): void {
  for (let bytes = 256; bytes <= 1_048_576; bytes *= 2) takeMemory(bytes).fill(0)
}

describe('frames in a row', () => {
  it('[E1] are each as they are alone, whichever are taken and whenever, also when more have come since', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 3_000 })
    const step = fc.record({
      added: fc.array(text, { minLength: 1, maxLength: 6 }),
      from: fc.nat(),
      to: fc.nat(),
    })
    const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      const row = new FrameRow()
      const texts: string[] = []
      const taken: { readonly bytes: Buffer; readonly expected: readonly string[] }[] = []
      for (const { added, from, to } of steps) {
        for (const text of added) row.add(text)
        overwriteSpareMemory()
        texts.push(...added)
        expect(row.count).toBe(texts.length)
        const [start, end] = [from % texts.length, 1 + (to % texts.length)]
        if (start > end) continue
        taken.push({ bytes: row.piece(start, end), expected: texts.slice(start, end) })
      }
      for (const { bytes, expected } of taken) expect(await parse(bytes)).toEqual(expected)
      row.release()
    })
    await fc.assert(property, { numRuns: 200 })
  })

  it('have memory of their own: not a piece of what other frames have left', () => {
    const bytes = memoryOfEach((n) => {
      const row = new FrameRow()
      row.add(`frame ${n}`)
      return row
    })
    expect(bytes).toBeLessThan(400)
  })

  it('are not copied where they follow each other', () => {
    const row = new FrameRow()
    for (const text of ['one', 'two', 'three']) row.add(text)
    const all = row.piece(0, 3)
    const rest = row.piece(1, 3)
    expect(rest.buffer).toBe(all.buffer)
    expect(rest.byteOffset).toBe(all.byteOffset + 'one'.length + 2)
  })
})
