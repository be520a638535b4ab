import { once } from 'node:events'
import { connect, createServer, Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import { readDirectly } from '../../src/transports/direct-read.js'

const MEGABYTE = 1_048_576

const open: Socket[] = []
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy()
})

/** Two ends of one connection, the first of which a server has accepted, as it accepts those of upgrades. */
async function pair(): Promise<{ socket: Socket; peer: Socket }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const peer = connect(port, '127.0.0.1')
  const [socket] = (await once(server, 'connection')) as [Socket]
  server.close()
  open.push(peer, socket)
  return { socket, peer }
}

const copyOf = (buffer: Buffer, length: number) => Buffer.from(buffer.subarray(0, length))

/** Reads directly, and tells when so many bytes are there. What goes through the stream counts too, in order. */
function reading(socket: Socket, onRead: (got: number) => void = () => {}) {
  const parts: Buffer[] = []
  const ways = { direct: 0, stream: 0 }
  let got = 0
  let wanted: { readonly length: number; resolve(): void } | undefined
  const add = (part: Buffer, way: keyof typeof ways) => {
    parts.push(part)
    ways[way] += part.length
    got += part.length
    onRead(got)
    if (wanted && got >= wanted.length) wanted.resolve()
  }
  socket.on('data', (chunk: Buffer) => add(chunk, 'stream'))
  const isDirect = readDirectly(socket, function (length, buffer) {
    expect(this, 'the callback’s `this`').toBe(socket)
    add(copyOf(buffer, length), 'direct')
    return true
  })
  const until = (length: number) =>
    new Promise<Buffer>((resolve) => {
      wanted = { length, resolve: () => resolve(Buffer.concat(parts)) }
      if (got >= length) wanted.resolve()
    })
  return { until, ways, isDirect }
}

const pattern = (length: number, seed: number) =>
  Buffer.from(Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8) * 7 + seed) & 0xff))

describe('a direct read', () => {
  it('gets all bytes in order, and none of them goes through the stream', async () => {
    const { socket, peer } = await pair()
    const { until, ways, isDirect } = reading(socket)
    expect(isDirect).toBe(true)
    const sent = pattern(3 * MEGABYTE, 1)
    peer.write(sent)
    expect((await until(sent.length)).equals(sent), 'the bytes came as they were sent').toBe(true)
    expect(ways).toEqual({ direct: sent.length, stream: 0 })
    expect(socket.bytesRead).toBe(sent.length)
  })

  it('comes after what the stream holds already, such as the head of an upgrade', async () => {
    const { socket, peer } = await pair()
    socket.unshift(Buffer.from('head '))
    const { until, ways } = reading(socket)
    peer.write('and body')
    expect(String(await until(13))).toBe('head and body')
    expect(ways).toEqual({ direct: 8, stream: 5 })
  })

  it('stops while the socket is paused, and goes on with the next byte', async () => {
    const { socket, peer } = await pair()
    let pauses = 0
    let isPaused = false
    const { until } = reading(socket, () => {
      expect(isPaused, 'read while paused').toBe(false)
      socket.pause()
      isPaused = true
      pauses++
      setImmediate(() => {
        isPaused = false
        socket.resume()
      })
    })
    const sent = pattern(2 * MEGABYTE, 2)
    peer.write(sent)
    expect((await until(sent.length)).equals(sent), 'the bytes came as they were sent').toBe(true)
    expect(pauses, 'pauses').toBeGreaterThan(10)
  })

  it('leaves unread what a paused socket gets, so that the peer has to wait', async () => {
    const { socket, peer } = await pair()
    const { ways } = reading(socket)
    socket.pause()
    // More than both ends of the kernel hold: the peer’s own buffer does not drain.
    let isFlushed = false
    peer.write(Buffer.alloc(64 * MEGABYTE), () => {
      isFlushed = true
    })
    for (let n = 0; n < 50; n++) await new Promise((resolve) => setImmediate(resolve))
    expect(ways).toEqual({ direct: 0, stream: 0 })
    expect(isFlushed, 'the peer got rid of everything').toBe(false)
  })

  it('does not mix up sockets, though all of them read into the same memory', async () => {
    const pairs = await Promise.all(Array.from({ length: 8 }, pair))
    const readers = pairs.map(({ socket }) => reading(socket))
    const sent = pairs.map((_, n) => pattern(MEGABYTE, n * 13))
    for (let at = 0; at < MEGABYTE; at += 50_000)
      for (const [n, { peer }] of pairs.entries()) peer.write(sent[n]?.subarray(at, at + 50_000) ?? '')
    const got = await Promise.all(readers.map(({ until }) => until(MEGABYTE)))
    expect(got.map((bytes, n) => bytes.equals(sent[n] as Buffer))).toEqual(pairs.map(() => true))
  })

  it('leaves the peer’s end to the stream, behind the last byte', async () => {
    const { socket, peer } = await pair()
    const { until } = reading(socket)
    const ended = once(socket, 'end')
    peer.end('last')
    await ended
    expect(String(await until(4))).toBe('last')
    expect(socket.writable, 'may still be written to').toBe(true)
  })

  it('leaves a reset to the stream, as an error', async () => {
    const { socket, peer } = await pair()
    reading(socket)
    const failed = once(socket, 'error') as Promise<[NodeJS.ErrnoException]>
    peer.resetAndDestroy()
    expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET', syscall: 'read' })
  })

  it('calls nobody once the socket is destroyed', async () => {
    const { socket, peer } = await pair()
    const { until, ways } = reading(socket)
    peer.write('one')
    await until(3)
    socket.destroy()
    peer.on('error', () => {}).write('two')
    await once(peer, 'close')
    expect(ways.direct).toBe(3)
  })

  it.each([
    ['no handle', { _handle: null }],
    ['a handle that takes no buffer', { _handle: { readStart: () => 0 } }],
  ])('is refused on a socket with %s, and the stream is left to read', (_, shape) => {
    const socket = new Socket()
    for (const [name, value] of Object.entries(shape)) Object.defineProperty(socket, name, { value })
    expect(readDirectly(socket, () => true)).toBe(false)
    for (const key of Object.getOwnPropertySymbols(socket))
      expect(Reflect.get(socket, key)).not.toBeInstanceOf(Buffer)
  })

  it('is refused where somebody has asked for `onread` already', async () => {
    const { socket, peer } = await pair()
    const { until, ways } = reading(socket)
    expect(readDirectly(socket, () => true)).toBe(false)
    peer.write('still mine')
    await until(10)
    expect(ways.direct).toBe(10)
  })

  it('is for plain sockets: TLS has work to do on what is read', async () => {
    const { socket } = await pair()
    expect(readDirectly(Object.assign(socket, { encrypted: true }), () => true)).toBe(false)
    const { _handle } = socket as unknown as { readonly _handle: object }
    expect(readDirectly(Object.assign(new PassThrough(), { _handle }), () => true)).toBe(false)
  })
})
