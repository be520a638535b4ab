import { compileShape } from '@roomful/protocol'
import type { Relay } from '../../api/backplane.js'
import { closeFault } from '../connection/closing.js'

const MESSAGE = { message: 'type' }

const checkRelay = compileShape('to targets:string[] payload:object')

/** What each kind of relay carries. */
const PAYLOADS: Readonly<Record<Relay['to'], ReturnType<typeof compileShape>>> = {
  streams: compileShape('message:message exceptConnection? exceptUser? coalesceKey?', MESSAGE),
  users: compileShape('message:message', MESSAGE),
  everyone: compileShape('message:message exceptUser?', MESSAGE),
  disconnect: compileShape('code:integer reason'),
  kick: compileShape('userId'),
}

/**
 * The first field that keeps a node from carrying out a relay, or `undefined` if it is one. Checked where it is made,
 * so that the mistake is the caller's, and where it arrives, since it may come from a node of another version.
 */
export function relayFault(value: unknown): string | undefined {
  const misfit = checkRelay(value)
  if (misfit !== undefined) return misfit || 'the whole of it'
  const { to, payload } = value as Relay
  if (!Object.hasOwn(PAYLOADS, to)) return 'to'
  const inside = PAYLOADS[to](payload)
  if (inside !== undefined) return `payload.${inside}`
  const isClose = to === 'disconnect' && closeFault(payload.code, payload.reason) !== undefined
  return isClose ? 'payload.code' : undefined
}
