const SECOND_MS = 1_000

let last = Number.NaN
let text = ''
let second = Number.NaN
/** The text for the current second, up to and including the point before the milliseconds. */
let prefix = ''

/**
 * A time in RFC 3339 format, in UTC. It creates a date once a second, since that takes as long as the rest of an
 * acknowledgement, and a text once a millisecond, since a message and its acknowledgement share it.
 */
export function isoTime(timestampMs: number): string {
  const whole = Math.trunc(timestampMs)
  if (whole !== last) {
    text = textOf(whole)
    last = whole
  }
  return text
}

function textOf(whole: number): string {
  const ms = whole % SECOND_MS
  if (whole - ms !== second) {
    second = whole - ms
    prefix = new Date(second).toISOString().slice(0, -'000Z'.length)
  }
  return `${prefix}${String(ms).padStart(3, '0')}Z`
}
