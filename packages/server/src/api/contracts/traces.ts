/**
 * What each tracing channel of `node:diagnostics_channel` publishes, by its name. If the operation fails, the channel
 * adds `error`; the comments below say which channels add a `result`.
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

/** `roomful:connect`: from an accepted socket until its greeting, `on.connect` and the check of a token in its URL are done. */
export interface ConnectTrace {
  readonly connectionId: string
  readonly remoteAddress: string
  /** Set at the end, if the user is known without an `auth` message. */
  userId: string | undefined
  /** From the header of the upgrade request. */
  readonly traceparent: string | undefined
}

/** `roomful:message`: a client's message, from when it leaves its connection's queue until it is answered. Not for `ping`. */
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

/** `roomful:join`: a join, within the trace of its message. A join of several pages has one trace for each. */
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
