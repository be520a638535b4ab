/**
 * What the tracing channels of `node:diagnostics_channel` publish, by their names. A channel adds `error` to what
 * failed, and `result` to what it names here.
 *
 * @example
 * const messages = tracingChannel<unknown, MessageTrace>('roomful:message')
 * messages.subscribe({ start, end, asyncStart, asyncEnd, error })
 */
export interface Traces {
  'roomful:connect': ConnectTrace
  'roomful:message': MessageTrace
  'roomful:join': JoinTrace
  'roomful:publish': PublishTrace
  'roomful:flush': FlushTrace
}

/** `roomful:connect`: from an accepted socket until its greeting, `on.connect` and the token in its URL are done. */
export interface ConnectTrace {
  readonly connectionId: string
  readonly remoteAddress: string
  /** Known at the end, if the connection needs no `auth` for it. */
  userId: string | undefined
  /** From the header of the upgrade request. */
  readonly traceparent: string | undefined
}

/** `roomful:message`: a client's message, from its turn until it is answered. `ping` is not traced. */
export interface MessageTrace {
  readonly connectionId: string
  readonly userId: string | undefined
  /** `binary` for a binary frame; `undefined` if the message has no readable type. */
  readonly type: string | undefined
  /** The room that the message names. */
  readonly roomId: string | undefined
  readonly bytes: number
  /** From the message's `meta`. */
  readonly traceparent: string | undefined
}

/** `roomful:join`: one page of a join, within its message. */
export interface JoinTrace {
  readonly connectionId: string
  readonly userId: string | undefined
  readonly roomId: string
}

/** `roomful:publish`: the commit of one message. Its `result` is what the backplane answered. */
export interface PublishTrace {
  /** As members name it: `@me` for a user's own stream. */
  readonly roomId: string
  readonly type: string
  readonly id: string
}

/** `roomful:flush`: the writes at the end of a turn. Its `result` is the number of connections that were written to. */
export type FlushTrace = object
