import { giveMemory, takeMemory } from './spare-memory.js'

/** One write to a socket: one or more whole text frames, which all its receivers share. */
export interface Outgoing {
  /** How many frames it is. */
  readonly count: number
  /** The frames as they go over a WebSocket, server side: FIN, text, unmasked. */
  readonly bytes: Buffer
  /** Of the bytes, which may not be made yet. */
  readonly length: number
  /** Puts its bytes there, and returns where they end. */
  copyTo(memory: Buffer, at: number): number
}

/** A frame by itself. */
export class TextFrame implements Outgoing {
  readonly count = 1
  #bytes: Buffer | undefined
  readonly #payload: number

  constructor(private readonly text: string) {
    this.#payload = Buffer.byteLength(text)
  }

  static of(message: object): TextFrame {
    return new TextFrame(JSON.stringify(message))
  }

  get length(): number {
    return headerSize(this.#payload) + this.#payload
  }

  get bytes(): Buffer {
    if (!this.#bytes) {
      this.#bytes = Buffer.allocUnsafe(this.length)
      writeFrame(this.#bytes, 0, this.text, this.#payload)
    }
    return this.#bytes
  }

  copyTo(memory: Buffer, at: number): number {
    return this.#bytes ? at + this.#bytes.copy(memory, at) : writeFrame(memory, at, this.text, this.#payload)
  }
}

/** Frames that are built already. */
export class BuiltFrames implements Outgoing {
  constructor(
    readonly count: number,
    readonly bytes: Buffer,
  ) {}

  get length(): number {
    return this.bytes.length
  }

  copyTo(memory: Buffer, at: number): number {
    return at + this.bytes.copy(memory, at)
  }
}

/** Several writes to one socket as one. */
export class JoinedFrames implements Outgoing {
  readonly count: number
  readonly length: number
  #joined: Buffer | undefined

  constructor(private readonly parts: readonly Outgoing[]) {
    let count = 0
    let length = 0
    for (const part of parts) {
      count += part.count
      length += part.length
    }
    this.count = count
    this.length = length
  }

  get bytes(): Buffer {
    if (!this.#joined) {
      this.#joined = takeMemory(this.length)
      this.copyTo(this.#joined, 0)
    }
    return this.#joined.subarray(0, this.length)
  }

  copyTo(memory: Buffer, at: number): number {
    let end = at
    for (const part of this.parts) end = part.copyTo(memory, end)
    return end
  }

  /** What was written has left: its memory may be used again. */
  release(): void {
    if (this.#joined) giveMemory(this.#joined)
    this.#joined = undefined
  }
}

/** Frames in a row, built as they come: those that follow each other are one piece of memory. */
export class FrameRow {
  #bytes = NOTHING
  /** Whether some of it may have been handed out. */
  #isShared = false
  /** What it was in before, and what has been handed out of that. */
  #outgrown: Buffer[] | undefined
  /** Where each frame ends. */
  readonly #ends: number[] = []

  get count(): number {
    return this.#ends.length
  }

  /** Bytes of all frames. */
  get length(): number {
    return this.#ends.at(-1) ?? 0
  }

  add(text: string): void {
    const { length } = this
    const payload = Buffer.byteLength(text)
    this.#makeRoom(length, length + headerSize(payload) + payload)
    this.#ends.push(writeFrame(this.#bytes, length, text, payload))
  }

  /** What is handed out already stays where it is: somebody may still be sending it. */
  #makeRoom(used: number, needed: number): void {
    if (needed <= this.#bytes.length) return
    const bytes = takeMemory(Math.max(needed, 2 * used))
    this.#bytes.copy(bytes, 0, 0, used)
    if (this.#isShared) {
      this.#outgrown ??= []
      this.#outgrown.push(this.#bytes)
    } else {
      giveMemory(this.#bytes)
    }
    this.#bytes = bytes
    this.#isShared = false
  }

  /** The frames from one index to before another. */
  piece(from: number, to: number): Buffer {
    this.#isShared = true
    return this.#bytes.subarray(this.#ends[from - 1] ?? 0, this.#ends[to - 1] ?? 0)
  }

  /** All that was handed out has left: the memory may be used again. */
  release(): void {
    for (const memory of this.#outgrown ?? []) giveMemory(memory)
    giveMemory(this.#bytes)
    this.#outgrown = undefined
    this.#bytes = NOTHING
  }
}

/** The texts of frames, for what carries texts instead of bytes. */
export function textsIn(frames: Buffer): string[] {
  const texts: string[] = []
  for (let at = 0; at < frames.length; ) {
    const payload = payloadAt(frames, at)
    const start = at + headerSize(payload)
    at = start + payload
    texts.push(frames.toString('utf8', start, at))
  }
  return texts
}

const NOTHING: Buffer = Buffer.alloc(0)
const FIN_AND_TEXT = 0x81
const LONG_HEADER = 10

function headerSize(payload: number): number {
  if (payload < 126) return 2
  return payload < 65_536 ? 4 : LONG_HEADER
}

/** Returns where it ends. */
function writeFrame(memory: Buffer, at: number, text: string, payload: number): number {
  const start = writeHeader(memory, at, payload)
  return start + memory.write(text, start, payload)
}

function writeHeader(frame: Buffer, at: number, payload: number): number {
  frame[at] = FIN_AND_TEXT
  if (payload < 126) {
    frame[at + 1] = payload
    return at + 2
  }
  if (payload < 65_536) {
    frame[at + 1] = 126
    return frame.writeUInt16BE(payload, at + 2)
  }
  frame[at + 1] = 127
  return frame.writeBigUInt64BE(BigInt(payload), at + 2)
}

function payloadAt(frames: Buffer, at: number): number {
  const length = frames[at + 1] as number
  if (length < 126) return length
  return length === 126 ? frames.readUInt16BE(at + 2) : Number(frames.readBigUInt64BE(at + 2))
}
