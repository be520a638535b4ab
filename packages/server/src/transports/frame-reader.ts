import { isUtf8 } from 'node:buffer'
import type { Duplex } from 'node:stream'
import { readDirectly } from './direct-read.js'

/** Who gets what a {@link FrameReader} reads. */
export interface FrameSink {
  readonly socket: Duplex
  /** Whether ws has made an event of what it was given; an error is none. */
  hasEvent: boolean
  text(text: string, bytes: number): void
}

type DataListener = (this: Duplex, chunk: Buffer) => void

const READER = Symbol('frame reader')

interface ReadSocket extends Duplex {
  [READER]?: FrameReader
}

const FINAL_TEXT = 0x81
/** Binary, ping, pong. */
const OTHER_WHOLE_FRAMES = new Set([0x82, 0x89, 0x8a])
const MASKED = 0x80
const TWO_BYTES_OF_LENGTH = MASKED | 126
const EIGHT_BYTES_OF_LENGTH = MASKED | 127

/**
 * Reads the frames that nearly all are, whole ones of text, without the stream that ws puts around its parser. All else
 * it passes on to ws, in order: the bytes of frames that are binary, split over two reads, pings or pongs; and, from the
 * first of them on, everything behind one that is a fragment, a close, longer than 64 KiB, or not as it should be.
 */
export class FrameReader {
  /** Bytes that ws is still to get: the rest of the frame whose beginning it has. */
  #owed = 0
  /** Of a frame that does not tell its length yet: three bytes at most. */
  #begun: Buffer | undefined

  private constructor(
    private readonly sink: FrameSink,
    private readonly maxPayload: number,
    private readonly wsListener: DataListener,
  ) {}

  /** Puts a reader before ws. Does nothing if ws does not listen as it is known to: then it reads alone. */
  static attach(sink: FrameSink, maxPayload: number): void {
    const socket: ReadSocket = sink.socket
    const [wsListener, ...others] = socket.listeners('data') as DataListener[]
    if (!wsListener || others.length > 0) return
    socket[READER] = new FrameReader(sink, maxPayload, wsListener)
    socket.off('data', wsListener)
    socket.on('data', listenerBefore(wsListener))
    readDirectly(socket, readShared)
  }

  /** Keeps none of the chunk's memory. */
  read(chunk: Buffer, length = chunk.length): void {
    const begun = this.#begun
    this.#begun = undefined
    const bytes = begun ? Buffer.concat([begun, chunk.subarray(0, length)]) : chunk
    const end = begun ? bytes.length : length
    let at = 0
    while (at < end) {
      if (this.#owed === 0) {
        const size = this.#sizeOfFrame(bytes, at, end)
        if (size === undefined) {
          this.#begun = Buffer.from(bytes.subarray(at, end))
          return
        }
        const next = at + size
        if (bytes[at] === FINAL_TEXT && next <= end && this.#takeText(bytes, at, next)) {
          at = next
          continue
        }
        this.#owed = size
      }
      at = this.#passOn(bytes, at, end)
    }
  }

  /** Undefined if too few bytes are there to tell; without an end where it is for ws to judge. */
  #sizeOfFrame(bytes: Buffer, at: number, end: number): number | undefined {
    if (end - at < 2) return undefined
    const kind = bytes[at] as number
    const length = bytes[at + 1] as number
    if (kind !== FINAL_TEXT && !OTHER_WHOLE_FRAMES.has(kind)) return Infinity
    if (length < MASKED || length === EIGHT_BYTES_OF_LENGTH) return Infinity
    if (length < TWO_BYTES_OF_LENGTH) return this.#within(length - MASKED, 6)
    if (end - at < 4) return undefined
    return this.#within(bytes.readUInt16BE(at + 2), 8)
  }

  #within(payload: number, head: number): number {
    return payload > this.maxPayload ? Infinity : head + payload
  }

  /** False if the text is no UTF-8; the bytes are then as they were. */
  #takeText(bytes: Buffer, at: number, end: number): boolean {
    const start = bytes[at + 1] === TWO_BYTES_OF_LENGTH ? at + 8 : at + 6
    const isAscii = unmask(bytes, start, end) < 0x80
    if (!isAscii && !isUtf8(bytes.subarray(start, end))) {
      unmask(bytes, start, end)
      return false
    }
    this.sink.text(bytes.toString(isAscii ? 'latin1' : 'utf8', start, end), end - start)
    return true
  }

  #passOn(bytes: Buffer, at: number, end: number): number {
    const { sink } = this
    const next = Math.min(end, at + this.#owed)
    this.#owed -= next - at
    // Once ws has read its last frame it listens no more; what comes then is dropped, as by a stream without listeners.
    if (sink.socket.listenerCount('data') === 0) return next
    sink.hasEvent = false
    // A copy, for ws keeps views of what it gets.
    this.wsListener.call(sink.socket, Buffer.from(bytes.subarray(at, next)))
    // ws makes an event of each whole frame, unless it found a fault: then nothing behind it is to be read.
    if (this.#owed === 0 && !sink.hasEvent) this.#owed = Infinity
    return next
  }
}

function readShared(this: ReadSocket, length: number, shared: Buffer): true {
  this[READER]?.read(shared, length)
  return true
}

const listeners = new WeakMap<DataListener, DataListener>()

/** One for all sockets: a closure for each would cost every connection 250 bytes. */
function listenerBefore(wsListener: DataListener): DataListener {
  let listener = listeners.get(wsListener)
  if (!listener) {
    const read = function (this: ReadSocket, chunk: Buffer): void {
      this[READER]?.read(chunk)
    }
    // Named as `once` names what it wraps: ws takes its own listener off when it has read its last frame.
    listener = Object.assign(read, { listener: wsListener })
    listeners.set(wsListener, listener)
  }
  return listener
}

/** Masks as well: it is its own inverse. Returns the bits that any of the bytes has. */
function unmask(bytes: Buffer, start: number, end: number): number {
  let bits = 0
  for (let at = start; at < end; at++) {
    const byte = (bytes[at] as number) ^ (bytes[start - 4 + ((at - start) & 3)] as number)
    bytes[at] = byte
    bits |= byte
  }
  return bits
}
