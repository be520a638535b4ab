import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net'
import type { Duplex } from 'node:stream'
import { handleOf } from './handle.js'

/** Called with the socket as `this`. The bytes, from the buffer's start on, are overwritten once it has returned. */
export type ReadCallback = (this: Duplex, length: number, buffer: Buffer) => true

interface Handle {
  useUserBuffer(buffer: Buffer): void
}

/** Where Node keeps the option `onread` of a socket. */
interface Slots {
  readonly buffer: symbol
  readonly callback: symbol
}

/** As much as Node reads at once by itself. One does for all sockets, since each read is done with before the next. */
const SHARED_BYTES = 65_536

/** On Windows, the system may be given the memory before there is something to read: it cannot be shared there. */
const isShareable = process.platform !== 'win32'

let shared: Buffer | undefined
const slots = findSlots()

/**
 * Has a plain socket read into one buffer of all sockets, past the stream that Node puts in front of it: without one
 * made for each read. It is what `onread` does, which Node has as an option for new sockets alone; for those that a
 * server accepts, each part is looked for before it is used. Pausing, ends and errors come through the stream as ever,
 * and so does what it holds already, which comes first. False if it cannot; then the stream reads.
 */
export function readDirectly(socket: Duplex, callback: ReadCallback): boolean {
  const handle = handleOf<Handle>(socket)
  if (!slots || !handle || typeof handle.useUserBuffer !== 'function') return false
  if (Reflect.get(socket, slots.buffer) !== null || Reflect.get(socket, slots.callback) !== null) return false
  shared ??= Buffer.allocUnsafeSlow(SHARED_BYTES)
  Reflect.set(socket, slots.buffer, shared)
  Reflect.set(socket, slots.callback, callback)
  handle.useUserBuffer(shared)
  return true
}

/** Node's names for them are its own, but a socket that was made with the option shows them. */
function findSlots(): Slots | undefined {
  if (!isShareable) return undefined
  const onread: OnReadOpts = { buffer: Buffer.alloc(1), callback: () => true }
  const options: SocketConstructorOpts & { onread: OnReadOpts } = { onread }
  const socket = new Socket(options)
  const keyOf = (value: unknown) =>
    Object.getOwnPropertySymbols(socket).find((key) => Reflect.get(socket, key) === value)
  const buffer = keyOf(onread.buffer)
  const callback = keyOf(onread.callback)
  return buffer && callback && { buffer, callback }
}
