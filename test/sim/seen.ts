import type { Seen } from './oracle.js'
import { textIn } from './protocol.js'

interface Logged {
  readonly epoch?: string | undefined
  readonly offset?: number | undefined
  readonly id?: string | undefined
  readonly client_id?: string | undefined
  readonly message?: unknown
  readonly text?: unknown
  readonly target?: { readonly id: string } | undefined
  readonly version?: number | undefined
}

/** What the oracle wants to know of an entry. */
export function seen(message: Logged): Seen {
  const { epoch = '', offset = 0, id = '', client_id: clientId, target, version } = message
  return { epoch, offset, id, clientId, text: textIn(message), target: target?.id, version }
}
