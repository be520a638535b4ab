import { compileShape } from '@roomful/protocol'
import type { Relay } from '../../api/contracts/backplane.js'
import { closeFault } from '../connection/closing.js'

const MESSAGE = { message: 'type' }
const PLACE = { place: 'epoch offset:natural id' }

const checkRelay = compileShape('to targets:string[] payload:object')

/** The fields of each kind of relay. */
const PAYLOADS: Readonly<Record<Relay['to'], ReturnType<typeof compileShape>>> = {
  streams: compileShape('message:message exceptConnection? exceptUser? coalesceKey?', MESSAGE),
  users: compileShape('message:message', MESSAGE),
  everyone: compileShape('message:message exceptUser?', MESSAGE),
  disconnect: compileShape('code:integer reason'),
  kick: compileShape('userId'),
  marks: compileShape(
    'stream mark:place counted:natural unread:natural mentions:natural exceptConnection?',
    PLACE,
  ),
}

/**
 * The first field that prevents a node from carrying out a relay, or `undefined` if there is none. Checked by the
 * sender, so that the caller gets the error, and by the receiver, since the sender may run another version.
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
