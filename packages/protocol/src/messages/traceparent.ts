/** Version 00: trace id, parent id and flags, in hexadecimal; an id of zeros names nothing. */
const TRACEPARENT = /^00-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/

/** Whether this is a `traceparent` of W3C Trace Context, version 00. */
export function isTraceparent(value: unknown): value is string {
  return typeof value === 'string' && TRACEPARENT.test(value)
}
