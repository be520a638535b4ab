/** One or more complete text frames that are written to a socket together and shared by all receivers. */
export interface Frames {
  /** For transports that carry texts instead of bytes. */
  readonly texts: readonly string[]
  /** The number of frames. */
  readonly count: number
  /** The frames as a server sends them over a WebSocket: FIN, text, unmasked. */
  readonly bytes: Buffer
  /** The length of `bytes`, known before they are made. */
  readonly length: number
  /** Copies its bytes into memory, and returns the position after them. */
  copyTo(memory: Buffer, at: number): number
}

/** A single frame. */
export class TextFrame implements Frames {
  readonly count = 1
  #bytes: Buffer | undefined
  /** The length of its text in UTF-8. */
  readonly payloadBytes: number

  constructor(private readonly text: string) {
    this.payloadBytes = Buffer.byteLength(text)
  }

  static of(message: object): TextFrame {
    return new TextFrame(JSON.stringify(message))
  }

  get length(): number {
    return headerSize(this.payloadBytes) + this.payloadBytes
  }

  get bytes(): Buffer {
    if (!this.#bytes) {
      this.#bytes = Buffer.allocUnsafe(this.length)
      writeFrame(this.#bytes, 0, this.text, this.payloadBytes)
    }
    return this.#bytes
  }

  get texts(): readonly string[] {
    return [this.text]
  }

  copyTo(memory: Buffer, at: number): number {
    return this.#bytes
      ? at + this.#bytes.copy(memory, at)
      : writeFrame(memory, at, this.text, this.payloadBytes)
  }
}

/** A frame whose text ends with bytes that other frames share, and a closing brace. */
export class TailedFrame implements Frames {
  readonly count = 1
  readonly payloadBytes: number
  #bytes: Buffer | undefined

  constructor(
    private readonly start: string,
    private readonly tail: Buffer,
  ) {
    this.payloadBytes = Buffer.byteLength(start) + tail.length + 1
  }

  get length(): number {
    return headerSize(this.payloadBytes) + this.payloadBytes
  }

  get bytes(): Buffer {
    if (!this.#bytes) {
      const bytes = Buffer.allocUnsafe(this.length)
      this.copyTo(bytes, 0)
      this.#bytes = bytes
    }
    return this.#bytes
  }

  get texts(): readonly string[] {
    return [`${this.start}${this.tail}}`]
  }

  copyTo(memory: Buffer, at: number): number {
    let end = writeHeader(memory, at, this.payloadBytes)
    end += memory.write(this.start, end)
    end += this.tail.copy(memory, end)
    memory[end] = BRACE
    return end + 1
  }
}

/** Joins several writes to one socket into one. */
export class JoinedFrames implements Frames {
  readonly count: number
  readonly length: number
  #bytes: Buffer | undefined

  constructor(private readonly parts: readonly Frames[]) {
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
    if (!this.#bytes) {
      const bytes = Buffer.allocUnsafe(this.length)
      this.copyTo(bytes, 0)
      this.#bytes = bytes
    }
    return this.#bytes
  }

  get texts(): readonly string[] {
    return this.parts.flatMap(({ texts }) => texts)
  }

  copyTo(memory: Buffer, at: number): number {
    if (this.#bytes) return at + this.#bytes.copy(memory, at)
    let end = at
    for (const part of this.parts) end = part.copyTo(memory, end)
    return end
  }
}

const FIN_AND_TEXT = 0x81
const LONG_HEADER = 10
const BRACE = '}'.charCodeAt(0)

function headerSize(payload: number): number {
  if (payload < 126) return 2
  return payload < 65_536 ? 4 : LONG_HEADER
}

/** Returns the position after the frame. */
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
