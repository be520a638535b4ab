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

  /** Texts whose frames are built already. */
  static built(texts: readonly string[], bytes: Buffer): Outgoing {
    const outgoing = new Outgoing(texts, undefined, bytes.length)
    outgoing.#bytes = bytes
    return outgoing
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
    this.#bytes ??= this.parts ? Buffer.concat(this.parts.map(({ bytes }) => bytes)) : Frames.of(this.own)
    return this.#bytes
  }
}

/** Frames in a row: each is built once, and those that follow each other are one piece of memory. */
export class Frames {
  #bytes = NOTHING
  /** Where each frame ends. */
  readonly #ends: number[] = []

  static of(texts: readonly string[]): Buffer {
    const frames = new Frames()
    frames.add(texts)
    return frames.#bytes
  }

  get count(): number {
    return this.#ends.length
  }

  get #end(): number {
    return this.#ends.at(-1) ?? 0
  }

  /** Where there is no text, the place stays empty. */
  add(texts: readonly (string | undefined)[]): void {
    const lengths = texts.map(byteLength)
    let added = 0
    for (const length of lengths) if (length !== undefined) added += headerSize(length) + length
    this.#makeRoom(added)
    const bytes = this.#bytes
    let at = this.#end
    for (let index = 0; index < texts.length; index++) {
      const length = lengths[index]
      if (length !== undefined) {
        at = writeHeader(bytes, at, length)
        at += bytes.write(texts[index] as string, at, length)
      }
      this.#ends.push(at)
    }
  }

  /** What is handed out already stays where it is: somebody may still be sending it. */
  #makeRoom(added: number): void {
    const end = this.#end
    if (end + added <= this.#bytes.length) return
    const bytes = Buffer.allocUnsafe(Math.max(end + added, 2 * end))
    this.#bytes.copy(bytes, 0, 0, end)
    this.#bytes = bytes
  }

  /** Some of the frames, by ascending index. */
  pick(indices: readonly number[]): Buffer {
    const pieces: Buffer[] = []
    let start = 0
    let end = 0
    for (const index of indices) {
      const from = this.#ends[index - 1] ?? 0
      if (from !== end) {
        if (end > start) pieces.push(this.#bytes.subarray(start, end))
        start = from
      }
      end = this.#ends[index] as number
    }
    const last = this.#bytes.subarray(start, end)
    return pieces.length === 0 ? last : Buffer.concat([...pieces, last])
  }
}

const NOTHING = Buffer.alloc(0)
const FIN_AND_TEXT = 0x81

const byteLength = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Buffer.byteLength(text)

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
