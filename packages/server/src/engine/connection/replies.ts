import { ERRORS, RoomfulError } from '@roomful/protocol'
import type { Clock } from '../../api/contracts/clock.js'
import { isoTime } from '../../util/iso-time.js'
import type { Metrics } from '../process/metrics.js'
import { noteAnswer } from '../process/tracing.js'
import { type AckFields, ackText } from './ack-text.js'
import type { Connection } from './connection.js'
import { TextFrame } from './frames.js'
import { historyFrame, type Joined, joinedFrame, type OwnPage, type PageFrame } from './page-frames.js'
import type { Refs, Refusal } from './refs.js'

/** Sends the frames that answer a connection's own messages. */
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
    noteAnswer(() => new RoomfulError(refusal.code, { message: refusal.text, issues: refusal.issues }))
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

  /** Answers with the error from a hook, a handler or the backplane. */
  fail(connection: Connection, error: RoomfulError, refs: Refs = {}): void {
    this.metrics.countError(Object.hasOwn(ERRORS, error.code) ? error.code : 'application')
    noteAnswer(() => error)
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
    connection.send(message)
  }

  acknowledge(connection: Connection, ack: AckFields): void {
    connection.write(new TextFrame(ackText(ack)))
  }

  /** Returns the number of bytes in the frame. */
  joined(connection: Connection, joined: Omit<Joined, 'timestamp'>): number {
    return this.#page(connection, joinedFrame({ ...joined, timestamp: this.timestamp() }))
  }

  /** Returns the number of bytes in the frame. */
  history(connection: Connection, roomId: string, page: OwnPage, ref: string | undefined): number {
    return this.#page(connection, historyFrame(roomId, page, ref))
  }

  #page(connection: Connection, frame: PageFrame): number {
    connection.write(frame)
    return frame.payloadBytes
  }
}
