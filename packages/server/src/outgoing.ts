/** One write to a socket: one or more whole text frames, built once and shared by all its receivers. */
export class Outgoing {
  #bytes: Buffer | undefined

  constructor(
    private readonly own: readonly string[],
    /** What this one joins: their bytes are built already. */
    private readonly parts?: readonly Outgoing[],
    /** Its length in characters: a quick guess at its bytes. */
    readonly size = own.reduce((sum, { length }) => sum + length, 0),
  ) {}

  static of(message: object): Outgoing {
    return new Outgoing([JSON.stringify(message)])
  }

  /** Several writes as one. */
  static join(parts: readonly Outgoing[]): Outgoing {
    return new Outgoing(
      [],
      parts,
      parts.reduce((sum, { size }) => sum + size, 0),
    )
  }

  get texts(): readonly string[] {
    return this.parts ? this.parts.flatMap(({ texts }) => texts) : this.own
  }

  /** The frames as they go over a WebSocket, server side: FIN, text, unmasked. */
  get bytes(): Buffer {
    this.#bytes ??= this.parts ? Buffer.concat(this.parts.map(({ bytes }) => bytes)) : buildFrames(this.own)
    return this.#bytes
  }
}

const FIN_AND_TEXT = 0x81

function buildFrames(texts: readonly string[]): Buffer {
  const lengths = texts.map(byteLength)
  let total = 0
  for (const length of lengths) total += headerSize(length) + length
  const frames = Buffer.allocUnsafe(total)
  let at = 0
  for (let index = 0; index < texts.length; index++) {
    const length = lengths[index] as number
    at = writeHeader(frames, at, length)
    at += frames.write(texts[index] as string, at, length)
  }
  return frames
}

const byteLength = (text: string): number => Buffer.byteLength(text)

function headerSize(length: number): number {
  if (length < 126) return 2
  return length < 65_536 ? 4 : 10
}

function writeHeader(frame: Buffer, at: number, length: number): number {
  frame[at] = FIN_AND_TEXT
  if (length < 126) {
    frame[at + 1] = length
    return at + 2
  }
  if (length < 65_536) {
    frame[at + 1] = 126
    return frame.writeUInt16BE(length, at + 2)
  }
  frame[at + 1] = 127
  return frame.writeBigUInt64BE(BigInt(length), at + 2)
}
