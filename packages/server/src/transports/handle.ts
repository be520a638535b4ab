import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/**
 * What a socket of the kernel's is behind Node's stream. It is no documented part of Node, so whoever uses it looks for
 * each part first; where one is missing, the stream does the work. Others (TLS) have work to do on what passes through.
 */
export function handleOf<Handle extends object>(socket: Duplex): Partial<Handle> | undefined {
  if (!(socket instanceof Socket) || 'encrypted' in socket) return undefined
  const { _handle: handle } = socket as { _handle?: Partial<Handle> | null }
  return handle ?? undefined
}
