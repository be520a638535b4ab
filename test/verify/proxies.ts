import { createServer as createHttpServer } from 'node:http'
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { TcpProxy } from '../support/tcp-proxy.js'
import { listening, tcp } from './targets.js'

const url = (port: number) => `ws://127.0.0.1:${port}`

/** Passes connections on to one of several servers, each time the next, as a balancer does. */
export async function balancer(ports: readonly number[]): Promise<string> {
  let turn = 0
  const port = await tcp((near) => join(near, connect(ports[turn++ % ports.length] ?? 0, '127.0.0.1')))
  return url(port)
}

/** Collects what a server says, and passes it on once in a while. */
export async function collecting(target: number, everyMs: number): Promise<string> {
  const port = await tcp((near) => {
    const far = connect(target, '127.0.0.1')
    const held: Buffer[] = []
    let isUpgraded = false
    const timer = setInterval(() => near.write(Buffer.concat(held.splice(0))), everyMs)
    near.on('data', (bytes) => far.write(bytes))
    far.on('data', (bytes) => {
      // The answer to the handshake has passed at once.
      if (isUpgraded) held.push(bytes)
      else near.write(bytes)
      isUpgraded = true
    })
    ends(near, far, () => clearInterval(timer))
  })
  return url(port)
}

/** Passes nothing on but whole blocks. */
export async function inBlocks(target: number, bytes: number): Promise<string> {
  const port = await tcp((near) => {
    const far = connect(target, '127.0.0.1')
    let held = Buffer.alloc(0)
    near.on('data', (chunk) => far.write(chunk))
    far.on('data', (chunk) => {
      held = Buffer.concat([held, chunk])
      const whole = held.length - (held.length % bytes)
      const head = held.indexOf('\r\n\r\n')
      // The head of the answer has no place in a block.
      const passed = head >= 0 ? head + 4 : whole
      near.write(held.subarray(0, passed))
      held = held.subarray(passed)
    })
    ends(near, far)
  })
  return url(port)
}

/** Ends the WebSocket and opens another one, with compression on the client's side. */
export async function compressing(target: number): Promise<string> {
  const server = createHttpServer()
  const sockets = new WebSocketServer({ server, perMessageDeflate: true })
  onTestFinished(() => sockets.close())
  sockets.on('connection', (near) => {
    const far = new WebSocket(url(target), { perMessageDeflate: false })
    onTestFinished(() => far.terminate())
    // Nothing is sent before the server's greeting has come.
    near.on('message', (data) => far.send(data.toString()))
    far.on('message', (data) => near.send(data.toString()))
    near.on('close', () => far.terminate())
    far.on('error', () => near.terminate()).on('close', () => near.terminate())
  })
  return url(await listening(server))
}

/** What becomes of a frame of the server: nothing, itself, or itself several times. */
export type Fate = (text: string) => number

/** Passes each frame of the server on as often as `fate` says, once for each connection. */
export async function spoiling(target: number, fate: () => Fate): Promise<string> {
  const proxy = await TcpProxy.to(target, () => {
    const timesOf = fate()
    let held = Buffer.alloc(0)
    let isUpgraded = false
    return function* (bytes) {
      held = Buffer.concat([held, bytes])
      if (!isUpgraded) {
        const end = held.indexOf('\r\n\r\n')
        if (end < 0) return
        yield held.subarray(0, end + 4)
        held = held.subarray(end + 4)
        isUpgraded = true
      }
      for (let size = sizeOf(held); size !== undefined && size.whole <= held.length; size = sizeOf(held)) {
        const frame = held.subarray(0, size.whole)
        held = held.subarray(size.whole)
        const times = timesOf(frame.subarray(size.head).toString())
        for (let time = 0; time < times; time++) yield frame
      }
    }
  })
  onTestFinished(() => proxy.close())
  return proxy.url
}

/** Of an unmasked frame, as servers send them. */
function sizeOf(bytes: Buffer): { readonly head: number; readonly whole: number } | undefined {
  if (bytes.length < 2) return undefined
  const short = bytes.readUInt8(1)
  if (short < 126) return { head: 2, whole: 2 + short }
  if (short === 126) return bytes.length < 4 ? undefined : { head: 4, whole: 4 + bytes.readUInt16BE(2) }
  return bytes.length < 10 ? undefined : { head: 10, whole: 10 + Number(bytes.readBigUInt64BE(2)) }
}

function join(near: Socket, far: Socket): void {
  near.on('data', (bytes) => far.write(bytes))
  far.on('data', (bytes) => near.write(bytes))
  ends(near, far)
}

function ends(near: Socket, far: Socket, closed = () => {}): void {
  far.on('error', () => near.destroy()).on('close', () => near.destroy())
  near.on('close', () => {
    far.destroy()
    closed()
  })
}
