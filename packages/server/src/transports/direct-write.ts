import type { Duplex } from 'node:stream'
import { getSystemErrorName } from 'node:util'
import { handleOf } from './handle.js'

/** What a plain socket of Node's writes to. docs/decisions/0109 has what it is worth to do so directly. */
export interface WriteHandle {
  /** Returns 0, or a negative number of the system's. What the kernel does not take at once is written later. */
  writeBuffer(request: WriteRequest, bytes: Buffer): number
  /** Bytes that the kernel has not taken yet. */
  readonly writeQueueSize: number
}

/** Belongs to a write until that ends. One that ends at once leaves it free for the next. */
interface WriteRequest {
  /** Below 0 while it belongs to none. */
  getAsyncId(): number
  handle?: WriteHandle
  bytes?: Buffer
  oncomplete?: (status: number) => void
}

/** Whoever writes directly to a socket. */
export interface DirectWriter {
  readonly socket: Duplex
  /** As {@link writeHandleOf} found it when the socket was new. */
  readonly handle: WriteHandle | undefined
  /** Bytes of a direct write that have not left the process: the next write goes through the stream, behind them. */
  unsent: number
}

let Request: (new () => WriteRequest) | undefined
let spare: WriteRequest | undefined

/** The handle of a plain socket, if it has all parts. */
export function writeHandleOf(socket: Duplex): WriteHandle | undefined {
  const handle = handleOf<WriteHandle>(socket)
  return typeof handle?.writeBuffer === 'function' && typeof handle.writeQueueSize === 'number'
    ? (handle as WriteHandle)
    : undefined
}

/**
 * Writes to a plain socket on which nothing waits, past the stream that Node puts in front of it: that costs as much
 * as a fifth of the system call. False if it cannot, and has written nothing.
 */
export function writeDirectly(writer: DirectWriter, bytes: Buffer): boolean {
  const { socket, handle } = writer
  if (!handle || writer.unsent > 0 || socket.writableLength > 0) return false
  if (!Request) {
    learnRequest(handle)
    return false
  }
  spare ??= new Request()
  const status = handle.writeBuffer(spare, bytes)
  // A handle that was closed meanwhile says so as well; its socket is destroyed already.
  if (status !== 0) socket.destroy(writeError(status))
  // An empty queue does not tell: the kernel may take the rest in a second try, and the write ends later all the same.
  else if (spare.getAsyncId() >= 0) finishLater(writer, handle, spare, bytes)
  return true
}

/** Node keeps the class of requests to itself, but hands one to the handle with the first write. */
function learnRequest(handle: WriteHandle): void {
  const { writeBuffer } = handle
  handle.writeBuffer = (request, bytes) => {
    Reflect.deleteProperty(handle, 'writeBuffer')
    if (typeof request.getAsyncId === 'function') Request = request.constructor as new () => WriteRequest
    return writeBuffer.call(handle, request, bytes)
  }
}

function finishLater(writer: DirectWriter, handle: WriteHandle, request: WriteRequest, bytes: Buffer): void {
  spare = undefined
  writer.unsent = handle.writeQueueSize
  request.handle = handle
  // Held until the write ends: the kernel is given the memory itself, not a copy.
  request.bytes = bytes
  request.oncomplete = (status) => {
    // What another write has left since then is still there.
    writer.unsent = writer.socket.destroyed ? 0 : handle.writeQueueSize
    if (status !== 0 && !writer.socket.destroyed) writer.socket.destroy(writeError(status))
  }
}

function writeError(status: number): Error {
  const code = getSystemErrorName(status)
  return Object.assign(new Error(`write ${code}`), { code, errno: status, syscall: 'write' })
}
