import { EventEmitter, once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocketServer } from 'ws'
import { DEFAULT_LIMITS } from '../../src/limits.js'
import { FrameReader } from '../../src/transports/frame-reader.js'
import { createUpgradeHandler } from '../../src/transports/ws.js'

const LIMITS = { ...DEFAULT_LIMITS, frameBytes: 600, frameFragments: 4 }

/** Heard of a connection: one line for each event. */
type Heard = string[]

const CLOSE_TEXT = 'close'

function request(): IncomingMessage {
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
  }
  return { method: 'GET', url: '/', headers, socket: { remoteAddress: '127.0.0.1' } } as never
}

const socketOfMemory = () => new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })

/** What Roomful's transport makes of the bytes. */
function ours(socket: Duplex): Heard {
  const heard: Heard = []
  const events = {
    text: (text: string, bytes: number) => heard.push(`text ${bytes} ${text}`),
    binary: (data: Uint8Array) => heard.push(`binary ${Buffer.from(data).toString('hex')}`),
    ping: (data: Uint8Array) => heard.push(`ping ${Buffer.from(data).toString('hex')}`),
    pong: (data: Uint8Array) => heard.push(`pong ${Buffer.from(data).toString('hex')}`),
    error: (error: Error) => heard.push(`error ${error.message}`),
    close: (code: number, reason: string) => heard.push(`${CLOSE_TEXT} ${code} ${reason}`),
  }
  const silent = { debug() {}, info() {}, warn() {}, error() {} }
  const host = { limits: LIMITS, logger: silent, refusal: () => undefined, accept: () => events }
  createUpgradeHandler(host, { origins: 'same-host', trustedProxies: 0 })(request(), socket, Buffer.alloc(0))
  return heard
}

/** What ws by itself makes of them. */
function theirs(socket: Duplex): Heard {
  const heard: Heard = []
  const { frameBytes: maxPayload, frameFragments: maxFragments } = LIMITS
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload,
    maxFragments,
    maxBufferedChunks: 1_024,
  })
  server.handleUpgrade(request(), socket, Buffer.alloc(0), (peer) => {
    peer.on('message', (data: Buffer, isBinary) => {
      heard.push(isBinary ? `binary ${data.toString('hex')}` : `text ${data.length} ${data}`)
    })
    peer.on('ping', (data) => heard.push(`ping ${data.toString('hex')}`))
    peer.on('pong', (data) => heard.push(`pong ${data.toString('hex')}`))
    peer.on('error', (error) => heard.push(`error ${error.message}`))
    peer.on('close', (code, reason) => heard.push(`${CLOSE_TEXT} ${code} ${reason}`))
  })
  return heard
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

async function feed(chunks: readonly Chunk[], listen: (socket: Duplex) => Heard): Promise<Heard> {
  const socket = socketOfMemory()
  const heard = listen(socket)
  await turn()
  for (const { bytes, ownTurn } of chunks) {
    // ws unmasks in place.
    socket.push(Buffer.from(bytes))
    if (ownTurn) await turn()
  }
  socket.push(null)
  if (!heard.some((line) => line.startsWith(CLOSE_TEXT))) await once(socket, 'close')
  await turn()
  return heard
}

let server: Server
beforeAll(async () => {
  server = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(() => server.close())

/** The same over a socket of the kernel's, which is read past Node's stream. */
async function feedOverTcp(chunks: readonly Chunk[], listen: (socket: Duplex) => Heard): Promise<Heard> {
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const { port } = server.address() as { port: number }
  // A server that has heard enough resets the connection.
  const peer = connect({ port, host: '127.0.0.1', noDelay: true }).on('error', () => {})
  const [socket] = await accepted
  const heard = listen(socket)
  const closed = once(socket, 'close')
  peer.resume()
  for (const { bytes, ownTurn } of chunks) {
    peer.write(bytes)
    if (ownTurn) await turn()
  }
  peer.end()
  await closed
  await turn()
  return heard
}

interface Chunk {
  readonly bytes: Buffer
  readonly ownTurn: boolean
}

interface FrameParts {
  readonly first: number
  readonly payload: Buffer
  readonly mask?: Buffer
  readonly longHead?: boolean
}

function frame({ first, payload, mask, longHead = false }: FrameParts): Buffer {
  const { length } = payload
  const masked = mask ? 0x80 : 0
  const head =
    length > 0xffff
      ? Buffer.from([first, masked | 127, 0, 0, 0, 0, length >>> 24, length >>> 16, length >>> 8, length])
      : length > 125 || longHead
        ? Buffer.from([first, masked | 126, length >> 8, length & 0xff])
        : Buffer.from([first, masked | length])
  const body = payload.map((byte, at) => byte ^ (mask?.[at % 4] ?? 0))
  return Buffer.concat([head, mask ?? Buffer.alloc(0), body])
}

const mask = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => Buffer.from(bytes))
const text = fc.oneof(
  fc.string({ maxLength: 160 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.integer({ min: 120, max: 650 }).map((length) => 'x'.repeat(length)),
)
const utf8 = text.map((value) => Buffer.from(value))
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((value) => Buffer.from(value))
const framed = (first: number, payload: fc.Arbitrary<Buffer>) =>
  fc.record({ first: fc.constant(first), payload, mask, longHead: fc.boolean() }).map(frame)

const textFrame = framed(0x81, utf8)
const control = fc.oneof(framed(0x89, bytes(125)), framed(0x8a, bytes(125))).filter((f) => f[1] !== 0xfe)
const fragments = fc
  .tuple(
    framed(0x01, utf8),
    fc.array(fc.oneof(control, framed(0x00, utf8)), { maxLength: 5 }),
    framed(0x80, utf8),
  )
  .map(([first, middle, last]) => Buffer.concat([first, ...middle, last]))
const sound = fc.oneof(
  { weight: 12, arbitrary: textFrame },
  { weight: 2, arbitrary: framed(0x82, bytes(300)) },
  { weight: 2, arbitrary: control },
  { weight: 1, arbitrary: fragments },
)
const faulty = fc.oneof(
  framed(0x81, bytes(40)),
  fc.record({ first: fc.constant(0x81), payload: utf8 }).map(frame),
  fc.record({ first: fc.integer({ min: 0, max: 255 }), payload: bytes(130), mask }).map(frame),
  framed(0x81, fc.constant(Buffer.alloc(70_000, 'x'))),
  framed(0x88, fc.constant(Buffer.from([0x03, 0xe8]))),
  framed(0x88, fc.constant(Buffer.alloc(0))),
  bytes(20),
)
const stream = fc
  .array(fc.oneof({ weight: 9, arbitrary: sound }, { weight: 1, arbitrary: faulty }), { maxLength: 14 })
  .map((frames) => Buffer.concat(frames))

/** Cuts as a network may: anywhere, also into single bytes. */
const chunks = fc
  .tuple(stream, fc.array(fc.tuple(fc.nat(400), fc.boolean()), { minLength: 1, maxLength: 40 }))
  .map(([whole, cuts]) => {
    const parts: Chunk[] = []
    let at = 0
    for (const [length, ownTurn] of cuts) {
      const size = length % 5 === 0 ? length % 7 : length
      if (size > 0 && at < whole.length) parts.push({ bytes: whole.subarray(at, at + size), ownTurn })
      at += size
    }
    if (at < whole.length) parts.push({ bytes: whole.subarray(at), ownTurn: false })
    return parts
  })

describe('frames that are read before ws', () => {
  it.each([
    ['from a stream', feed],
    ['past the stream', feedOverTcp],
  ])(
    'become, %s, the same events as if ws had read all of them, however they are cut, faults included',
    async (_, feedOurs) => {
      await fc.assert(
        fc.asyncProperty(chunks, async (parts) => {
          expect(await feedOurs(parts, ours)).toEqual(await feed(parts, theirs))
        }),
        { numRuns: 400 },
      )
    },
  )

  it('are not mixed up by a cut at any byte', async () => {
    const key = Buffer.from([1, 2, 3, 4])
    const kinds = [
      { first: 0x81, payload: Buffer.from('one') },
      { first: 0x89, payload: Buffer.from('ping') },
      { first: 0x81, payload: Buffer.from('ü'.repeat(120)) },
      { first: 0x82, payload: Buffer.alloc(200, 7) },
      { first: 0x81, payload: Buffer.alloc(0) },
      { first: 0x81, payload: Buffer.from('last') },
    ]
    const whole = Buffer.concat(kinds.map((kind) => frame({ ...kind, mask: key })))
    const expected = await feed([{ bytes: whole, ownTurn: true }], theirs)
    expect(expected).toHaveLength(kinds.length + 1)
    for (let cut = 1; cut < whole.length; cut++) {
      const parts = [whole.subarray(0, cut), whole.subarray(cut)].map((part) => ({
        bytes: part,
        ownTurn: true,
      }))
      expect(await feed(parts, ours), `cut at ${cut}`).toEqual(expected)
    }
    const single = [...whole].map((byte) => ({ bytes: Buffer.from([byte]), ownTurn: false }))
    expect(await feed(single, ours), 'byte by byte').toEqual(expected)
  })

  it('are read so on every connection', async () => {
    const socket = socketOfMemory()
    ours(socket)
    const [named] = socket.listeners('data')
    const [called] = socket.rawListeners('data')
    expect(called, 'the listener that stands before that of ws').not.toBe(named)
    socket.destroy()
    const readers: unknown[] = []
    await feedOverTcp([], (accepted) => {
      const heard = ours(accepted)
      for (const key of Object.getOwnPropertySymbols(accepted)) readers.push(Reflect.get(accepted, key))
      return heard
    })
    expect(readers, 'what a socket of the kernel’s has').toContainEqual(expect.any(Buffer))
  })

  it.each([0, 2])('are left to ws if %i listeners wait for data, where it is known to be one', (count) => {
    const socket = new EventEmitter() as Duplex
    for (let n = 0; n < count; n++) socket.on('data', () => {})
    const before = socket.listeners('data')
    FrameReader.attach({ socket, hasEvent: false, text() {} }, LIMITS.frameBytes)
    expect(socket.rawListeners('data')).toEqual(before)
  })

  it('stop where ws takes its listener off', () => {
    const listener = () => {}
    const socket = new EventEmitter().on('data', listener) as Duplex
    FrameReader.attach({ socket, hasEvent: false, text() {} }, LIMITS.frameBytes)
    expect(socket.rawListeners('data')).not.toEqual([listener])
    socket.removeListener('data', listener)
    expect(socket.listenerCount('data'), 'listeners').toBe(0)
  })
})
