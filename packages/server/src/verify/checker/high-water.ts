import { type Event, entriesOf, type History } from './history.js'

interface Mark {
  readonly at: number
  readonly offset: number
}

/** The highest offset of each log that anybody had seen at a moment of a history. */
export class HighWater {
  readonly #marks = new Map<string, Mark[]>()

  constructor(history: History) {
    for (const [at, event] of history.entries()) {
      for (const { epoch, offset } of placesOf(event)) this.#rise(`${event.room} ${epoch}`, { at, offset })
    }
  }

  /** What was known of a log when `at` events had been seen. */
  before(room: string, epoch: string, at: number): number {
    const marks = this.#marks.get(`${room} ${epoch}`) ?? []
    let [low, high] = [0, marks.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((marks[middle]?.at ?? at) < at) low = middle + 1
      else high = middle
    }
    return marks[low - 1]?.offset ?? 0
  }

  #rise(log: string, mark: Mark): void {
    const marks = this.#marks.get(log) ?? []
    this.#marks.set(log, marks)
    if (mark.offset > (marks.at(-1)?.offset ?? 0)) marks.push(mark)
  }
}

function placesOf(event: Event) {
  return event.kind === 'acked' ? [event.at] : entriesOf(event)
}
