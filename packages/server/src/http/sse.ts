/** A Server-Sent Event. A field that is absent is not written; without `data`, a client learns of no event. */
export interface ServerSentEvent {
  /** What the client sends as `Last-Event-ID` when it comes back. */
  readonly id?: string
  readonly type?: string
  readonly data?: string
  /** After which time a client that lost its connection comes back, in ms. */
  readonly retryMs?: number
}

export const EVENT_STREAM = 'text/event-stream'

/** A comment, which clients ignore. */
export const HEARTBEAT = ':\n\n'

const LINE_BREAK = /\r\n|\r|\n/

/** The text of an event, as the HTML standard has it. */
export function eventText({ id, type, data, retryMs }: ServerSentEvent): string {
  const lines = [
    ...(retryMs === undefined ? [] : [`retry: ${retryMs}`]),
    ...(id === undefined ? [] : [`id: ${oneLine(id)}`]),
    ...(type === undefined ? [] : [`event: ${oneLine(type)}`]),
    ...(data === undefined ? [] : data.split(LINE_BREAK).map((line) => `data: ${line}`)),
  ]
  return `${lines.join('\n')}\n\n`
}

/** What follows a line break would be another field. */
function oneLine(value: string): string {
  return value.replaceAll(/[\r\n]/g, ' ')
}
