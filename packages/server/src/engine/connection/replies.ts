import { ERRORS, type RoomfulError } from '@roomful/protocol'
import type { Clock } from '../../api/clock.js'
import { isoTime } from '../../util/iso-time.js'
import type { Refs, Refusal } from '../inbound/decide.js'
import type { Metrics } from '../metrics.js'
import type { Connection } from './connection.js'

export type { Refs }

/** Writes the frames that answer a connection's own messages. */
export class Replies {
  constructor(
    private readonly clock: Clock,
    private readonly metrics: Metrics,
  ) {}

  timestamp(): string {
    return isoTime(this.clock.wallTime())
  }

  refuse(connection: Connection, refusal: Refusal & { readonly retryAfterMs?: number }): void {
    this.metrics.countError(refusal.code)
    this.send(connection, {
      type: 'error',
      message: refusal.text,
      timestamp: this.timestamp(),
      code: refusal.code,
      ref: refusal.ref,
      client_id: refusal.clientId,
      room_id: refusal.roomId,
      retry_after_ms: refusal.retryAfterMs,
      issues: refusal.issues,
    })
  }

  /** Answers with what a hook, a handler or the backplane threw. */
  fail(connection: Connection, error: RoomfulError, refs: Refs = {}): void {
    this.metrics.countError(Object.hasOwn(ERRORS, error.code) ? error.code : 'application')
    this.send(connection, {
      type: 'error',
      message: error.message,
      timestamp: this.timestamp(),
      code: error.code,
      ref: refs.ref,
      client_id: refs.clientId,
      room_id: refs.roomId,
      retry_after_ms: error.retryAfterMs,
      issues: error.issues.length > 0 ? error.issues : undefined,
    })
  }

  send(connection: Connection, message: object): void {
    this.sendText(connection, JSON.stringify(message))
  }

  /** Sends a frame whose JSON text is made already. */
  sendText(connection: Connection, text: string): void {
    connection.sendText(text)
  }
}
