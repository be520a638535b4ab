/** A Server-Sent Event. Absent fields are not written. Without `data`, a client takes the fields but reports no event. */
export interface ServerSentEvent {
  /** The client sends it as `Last-Event-ID` when it reconnects. */
  readonly id?: string
  readonly type?: string
  readonly data?: string
  /** How long a client that lost its connection waits before it reconnects, in ms. */
  readonly retryMs?: number
}

export const EVENT_STREAM = 'text/event-stream'

/** A comment, which clients ignore. */
export const HEARTBEAT = ':\n\n'

const LINE_BREAK = /\r\n|\r|\n/

/** The text of an event, in the format of the HTML standard. */
export function eventText({ id, type, data, retryMs }: ServerSentEvent): string {
  const lines = [
    ...(retryMs === undefined ? [] : [`retry: ${retryMs}`]),
    ...(id === undefined ? [] : [`id: ${oneLine(id)}`]),
    ...(type === undefined ? [] : [`event: ${oneLine(type)}`]),
    ...(data === undefined ? [] : data.split(LINE_BREAK).map((line) => `data: ${line}`)),
  ]
  return `${lines.join('\n')}\n\n`
}

/** A line break would begin another field. */
function oneLine(value: string): string {
  return value.replaceAll(/[\r\n]/g, ' ')
}
