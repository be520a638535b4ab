import { CLOSE_CODES, type CloseName } from '@roomful/protocol'
import type { Connection } from './connection.js'

/** Closes a connection with one of the codes that both sides know. */
export function closeWith(connection: Connection, name: CloseName): void {
  const { code, reason } = CLOSE_CODES[name]
  connection.close(code, reason)
}
