import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { until } from './wire-server.js'

export const TEXT = 0x1
const CONTINUATION = 0x0
const CLOSE = 0x8
export const PING = 0x9
export const PONG = 0xa

/** A TCP connection that does as it is told, for what no WebSocket library would send. */
export async function connectRaw(port: number, { allowHalfOpen = false } = {}): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen })
  socket.on('error', () => {
    // The server may cut it; the tests look at what came before.
  })
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

interface RawFrame {
  readonly opcode: number
  readonly payload: Buffer
}

/** A WebSocket without a library: it answers no ping and no close, and stops reading when its socket is paused. */
export class RawWebSocket {
  /** What came, frame by frame. */
  readonly frames: RawFrame[] = []
  #rest = Buffer.alloc(0)

  private constructor(readonly socket: Socket) {}

  /** With `allowHalfOpen` it goes on sending when the server has ended its side. */
  static async open(port: number, options: { readonly allowHalfOpen?: boolean } = {}): Promise<RawWebSocket> {
    const socket = await connectRaw(port, options)
    socket.write(
      `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    )
    let head = Buffer.alloc(0)
    while (!head.includes('\r\n\r\n')) head = Buffer.concat([head, (await once(socket, 'data'))[0]])
    const opened = new RawWebSocket(socket)
    opened.#read(head.subarray(head.indexOf('\r\n\r\n') + 4))
    socket.on('data', (data) => opened.#read(data))
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

  ping(payload = ''): void {
    this.send(payload, { opcode: PING })
  }

  /** The code of the server's close frame, or `undefined` if the connection ended without one. */
  async closeCode(): Promise<number | undefined> {
    const find = () => this.frames.find(({ opcode }) => opcode === CLOSE)
    await until(() => find() !== undefined || this.socket.closed)
    this.socket.destroy()
    return find()?.payload.readUInt16BE(0)
  }

  #read(data: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, data])
    for (let next = frameAt(this.#rest); next; next = frameAt(this.#rest)) {
      this.frames.push(next)
      this.#rest = this.#rest.subarray(next.end)
    }
  }
}

/** The first frame in what came, if it is there in full. */
function frameAt(bytes: Buffer): (RawFrame & { readonly end: number }) | undefined {
  if (bytes.length < 10 && bytes.length < 2 + ((bytes[1] ?? 0) & 0x7f)) return undefined
  const { start, length } = headerAt(bytes)
  const end = start + length
  if (bytes.length < end) return undefined
  return { opcode: (bytes[0] ?? 0) & 0xf, payload: bytes.subarray(start, end), end }
}

function headerAt(bytes: Buffer): { readonly start: number; readonly length: number } {
  const short = (bytes[1] ?? 0) & 0x7f
  if (short < 126) return { start: 2, length: short }
  if (short === 126) return { start: 4, length: bytes.readUInt16BE(2) }
  return { start: 10, length: Number(bytes.readBigUInt64BE(2)) }
}

/** A client's frame, masked with zeros: allowed, and easy to read in a dump. */
export function frame(opcode: number, fin: boolean, payload: Buffer): Buffer {
  const { length } = payload
  const header = length < 126 ? Buffer.alloc(6) : length < 65_536 ? Buffer.alloc(8) : Buffer.alloc(14)
  header[0] = (fin ? 0x80 : 0) | opcode
  header[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127)
  if (length >= 65_536) header.writeBigUInt64BE(BigInt(length), 2)
  else if (length >= 126) header.writeUInt16BE(length, 2)
  return Buffer.concat([header, payload])
}
