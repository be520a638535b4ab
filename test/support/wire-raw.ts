import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export const TEXT = 0x1
const CONTINUATION = 0x0
const CLOSE = 0x8
const PING = 0x9

/** A TCP connection that does as it is told, for what no WebSocket library would send. */
export async function connectRaw(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {
    // The server may cut it; the tests look at what came before.
  })
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** A WebSocket without a library: it answers no ping, and reads when told to. */
export class RawWebSocket {
  #received = Buffer.alloc(0)
  readonly closed: Promise<void>

  private constructor(readonly socket: Socket) {
    socket.on('data', (data) => {
      this.#received = Buffer.concat([this.#received, data])
    })
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
  }

  static async open(port: number): Promise<RawWebSocket> {
    const socket = await connectRaw(port)
    socket.write(
      `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    )
    const opened = new RawWebSocket(socket)
    while (!opened.#received.includes('\r\n\r\n')) await once(socket, 'data')
    opened.#received = opened.#received.subarray(opened.#received.indexOf('\r\n\r\n') + 4)
    return opened
  }

  send(payload: string | Buffer, { opcode = TEXT, fin = true } = {}): void {
    this.socket.write(frame(opcode, fin, Buffer.from(payload)))
  }

  /** One message in as many fragments as there are parts. */
  sendFragments(parts: readonly string[]): void {
    const frames = parts.map((part, index) =>
      frame(index === 0 ? TEXT : CONTINUATION, index === parts.length - 1, Buffer.from(part)),
    )
    this.socket.write(Buffer.concat(frames))
  }

  ping(): void {
    this.send('', { opcode: PING })
  }

  /** The code of the server's close frame, once the connection has ended; `undefined` if there was none. */
  async closeCode(): Promise<number | undefined> {
    await this.closed
    return this.frames()
      .find(({ opcode }) => opcode === CLOSE)
      ?.payload.readUInt16BE(0)
  }

  /** What came, frame by frame. */
  frames(): { readonly opcode: number; readonly payload: Buffer }[] {
    const frames = []
    for (let at = 0; at + 2 <= this.#received.length; ) {
      const { start, length } = headerAt(this.#received, at)
      if (start + length > this.#received.length) break
      frames.push({
        opcode: (this.#received[at] ?? 0) & 0xf,
        payload: this.#received.subarray(start, start + length),
      })
      at = start + length
    }
    return frames
  }
}

function headerAt(bytes: Buffer, at: number): { readonly start: number; readonly length: number } {
  const short = (bytes[at + 1] ?? 0) & 0x7f
  if (short < 126) return { start: at + 2, length: short }
  if (short === 126) return { start: at + 4, length: bytes.readUInt16BE(at + 2) }
  return { start: at + 10, length: Number(bytes.readBigUInt64BE(at + 2)) }
}

/** A client's frame, masked with zeros: allowed, and easy to read in a dump. */
function frame(opcode: number, fin: boolean, payload: Buffer): Buffer {
  const { length } = payload
  const header = length < 126 ? Buffer.alloc(6) : length < 65_536 ? Buffer.alloc(8) : Buffer.alloc(14)
  header[0] = (fin ? 0x80 : 0) | opcode
  header[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127)
  if (length >= 65_536) header.writeBigUInt64BE(BigInt(length), 2)
  else if (length >= 126) header.writeUInt16BE(length, 2)
  return Buffer.concat([header, payload])
}
