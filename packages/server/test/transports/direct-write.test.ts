import { once } from 'node:events'
import { connect, createServer, Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import { type DirectWriter, writeDirectly, writeHandleOf } from '../../src/transports/direct-write.js'

const CHUNK = 100_000
const chunk = (n: number) => Buffer.alloc(CHUNK, n)

const open: { destroy(): void }[] = []
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy()
})

/** Two ends of one connection. The writer has written once, so that the class of requests is known. */
async function pair(): Promise<{ writer: DirectWriter & { socket: Socket }; peer: Socket }> {
  // Not reading, so that a peer's end is seen by writing alone.
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const peer = connect(port, '127.0.0.1')
  const [socket] = (await once(server, 'connection')) as [Socket]
  server.close()
  open.push(peer, socket)
  const writer = { socket, handle: writeHandleOf(socket), unsent: 0 }
  if (!writeDirectly(writer, chunk(0))) socket.write(chunk(0))
  if (socket.writableLength > 0) await once(socket, 'drain')
  return { writer, peer }
}

async function read(peer: Socket, length: number): Promise<Buffer> {
  const parts: Buffer[] = []
  for (let got = 0; got < length; ) {
    const [part] = (await once(peer, 'data')) as [Buffer]
    parts.push(part)
    got += part.length
  }
  return Buffer.concat(parts)
}

describe('a direct write', () => {
  it('keeps its place among those that go through the stream, also while the peer does not read', async () => {
    const { writer, peer } = await pair()
    const ways = { direct: 0, stream: 0, unsent: 0 }
    const writes = 100
    for (let n = 1; n < writes; n++) {
      if (n % 7 !== 0 && writeDirectly(writer, chunk(n))) ways.direct++
      else {
        writer.socket.write(chunk(n))
        ways.stream++
      }
      if (writer.unsent > 0) ways.unsent++
    }
    expect(ways.unsent, `the kernel took all of ${writes * CHUNK} bytes`).toBeGreaterThan(0)
    expect(ways.direct, 'writes past the stream').toBeGreaterThan(0)
    expect(ways.stream, 'writes through the stream').toBeGreaterThan(0)
    const got = await read(peer, writes * CHUNK)
    const expected = Buffer.concat(Array.from({ length: writes }, (_, n) => chunk(n)))
    expect(got.equals(expected), 'the bytes came as they were written').toBe(true)
  })

  it('is direct again once the peer has read what it left', async () => {
    const { writer, peer } = await pair()
    let written = CHUNK
    while (writer.unsent === 0) {
      expect(writeDirectly(writer, chunk(1))).toBe(true)
      written += CHUNK
    }
    expect(writeDirectly(writer, chunk(2)), 'while bytes wait').toBe(false)
    await read(peer, written)
    await expect.poll(() => writer.unsent).toBe(0)
    expect(writeDirectly(writer, chunk(3)), 'when none wait').toBe(true)
  })

  it('gives no request away that is under way, also when nothing seems to be queued', async () => {
    const { writer, peer } = await pair()
    // So it looks when the kernel takes the rest in a second try: the end of the write is told later all the same.
    const { _handle: handle } = writer.socket as Socket & { readonly _handle: object }
    Object.defineProperty(handle, 'writeQueueSize', { value: 0 })
    const writes = 100
    for (let n = 1; n < writes; n++) expect(writeDirectly(writer, chunk(n))).toBe(true)
    const got = await read(peer, writes * CHUNK)
    const expected = Buffer.concat(Array.from({ length: writes }, (_, n) => chunk(n)))
    expect(got.equals(expected), 'the bytes came as they were written').toBe(true)
  })

  it('[A10] counts what it has left, also when one before it ends only now', async () => {
    const { writer, peer } = await pair()
    const { _handle: handle } = writer.socket as Socket & { readonly _handle: object }
    const queue = () => Number(Reflect.get(Object.getPrototypeOf(handle), 'writeQueueSize', handle))
    // So it looks when the kernel takes the rest in a second try.
    let seemsEmpty = true
    Object.defineProperty(handle, 'writeQueueSize', { get: () => (seemsEmpty ? 0 : queue()) })
    let written = CHUNK
    for (; queue() === 0; written += CHUNK) writeDirectly(writer, chunk(1))
    seemsEmpty = false
    const large = Buffer.alloc(8_000_000)
    expect(writeDirectly(writer, large), 'nothing seems to wait').toBe(true)
    const wrong: number[] = []
    peer.on('data', () => {
      if (writer.unsent === 0 && queue() > 0) wrong.push(queue())
    })
    await read(peer, written + large.length)
    expect(wrong, 'bytes that were queued and not counted').toEqual([])
    await expect.poll(() => writer.unsent).toBe(0)
  })

  it('destroys the socket with the system’s error when the peer is gone', async () => {
    const { writer, peer } = await pair()
    const failed = once(writer.socket, 'error') as Promise<[NodeJS.ErrnoException]>
    const closed = new Promise((resolve) => writer.socket.once('close', resolve))
    // Full first, so that a write is under way when the peer goes.
    while (writer.unsent === 0) writeDirectly(writer, chunk(1))
    peer.resetAndDestroy()
    const [error] = await failed
    expect(error.message).toMatch(/^write (EPIPE|ECONNRESET)$/)
    expect(error).toMatchObject({ syscall: 'write', code: error.message.slice('write '.length) })
    await closed
    writeDirectly(writer, chunk(2))
    expect(writer.unsent, 'bytes left by a write to a destroyed socket').toBe(0)
  })

  it('ends quietly when the socket is destroyed under it', async () => {
    const { writer } = await pair()
    while (writer.unsent === 0) writeDirectly(writer, chunk(1))
    writer.socket.destroy()
    await once(writer.socket, 'close')
    await expect.poll(() => writer.unsent).toBe(0)
  })

  it.each([
    ['no handle', {}],
    ['a closed handle', { _handle: null }],
    ['a handle that writes otherwise', { _handle: { write: () => 0, writeQueueSize: 0 } }],
    ['a handle that tells no queue', { _handle: { writeBuffer: () => 0 } }],
  ])('is refused on a socket with %s, and the stream is left to write', (_, shape) => {
    const socket = new Socket()
    for (const [name, value] of Object.entries(shape)) Object.defineProperty(socket, name, { value })
    const handle = writeHandleOf(socket)
    expect(handle).toBe(undefined)
    expect(writeDirectly({ socket, handle, unsent: 0 }, chunk(1))).toBe(false)
    expect(socket.writableLength, 'bytes written').toBe(0)
  })

  it('is for plain sockets: TLS has work to do on what is written', async () => {
    const { writer } = await pair()
    const { socket } = writer
    expect(writeHandleOf(socket)).toBe(writer.handle)
    expect(writeHandleOf(Object.assign(socket, { encrypted: true }))).toBe(undefined)
    const { _handle } = socket as unknown as { readonly _handle: object }
    expect(writeHandleOf(Object.assign(new PassThrough(), { _handle }))).toBe(undefined)
  })
})
