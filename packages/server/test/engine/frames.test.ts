import type { Writable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Receiver } from 'ws'
import { type Frames, JoinedFrames, TailedFrame, TextFrame } from '../../src/engine/connection/frames.js'
import { textsIn } from '../support/texts-in.js'

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
  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 200_000])(
    '[E1] a write of %i bytes is one frame',
    async (length) => {
      const text = 'x'.repeat(length)
      expect(await parse(new TextFrame(text).bytes)).toEqual([text])
      expect(textsIn(new TextFrame(text).bytes)).toEqual([text])
    },
  )

  it('[E1] a write counts bytes, not characters', async () => {
    const text = 'é'.repeat(63) + '𝒳'.repeat(20_000)
    expect(await parse(new TextFrame(text).bytes)).toEqual([text])
  })

  it('[E1] a write of several writes joined is one frame each, in order', async () => {
    const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 2_000 }), { minLength: 1, maxLength: 5 })
    const property = fc.asyncProperty(fc.array(texts, { minLength: 1, maxLength: 5 }), async (writes) => {
      const joined = new JoinedFrames(writes.map(written))
      expect(joined.count).toBe(writes.flat().length)
      expect(textsIn(joined.bytes)).toEqual(writes.flat())
      expect(joined.texts).toEqual(writes.flat())
      expect(joined.length).toBe(joined.bytes.length)
      expect(await parse(joined.bytes)).toEqual(writes.flat())
      expect(await parse(new JoinedFrames([joined]).bytes)).toEqual(writes.flat())
    })
    await fc.assert(property, { numRuns: 200 })
  })

  it('a write is built once, for all who get it', () => {
    const outgoing = TextFrame.of({ type: 'pong' })
    expect(outgoing.bytes).toBe(outgoing.bytes)
  })
})

describe('a frame with a shared tail', () => {
  it.each([1, 100, 150, 70_000])('a frame with a shared tail is that of its whole text: %i bytes', (size) => {
    const tail = Buffer.from(JSON.stringify(['é'.repeat(size)]))
    const frame = () => new TailedFrame('{"name":"ü","list":', tail)
    const text = `{"name":"ü","list":${tail}}`
    const whole = new TextFrame(text)
    expect(frame().bytes).toEqual(whole.bytes)
    expect(frame()).toMatchObject({ texts: [text], count: 1, length: whole.length })
    expect(frame().payloadBytes).toBe(whole.payloadBytes)
    expect(new JoinedFrames([frame(), whole]).bytes).toEqual(Buffer.concat([whole.bytes, whole.bytes]))
  })
})

/** Alone or joined, built before or not. */
function written(texts: readonly string[]): Frames {
  const frames = texts.map((text) => new TextFrame(text))
  const [only] = frames
  const outgoing = only && frames.length === 1 ? only : new JoinedFrames(frames)
  if (outgoing.length % 2 === 0) expect(outgoing.bytes.length).toBe(outgoing.length)
  return outgoing
}
