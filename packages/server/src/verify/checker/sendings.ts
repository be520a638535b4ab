import { entriesOf, type History } from './history.js'

/** When each message was first sent. */
export function firstSendings(history: History): ReadonlyMap<string, number> {
  const sentAt = new Map<string, number>()
  for (const [at, event] of history.entries())
    if (event.kind === 'sent' && !sentAt.has(event.clientId)) sentAt.set(event.clientId, at)
  return sentAt
}

interface Placed {
  readonly offset: number
  readonly sentAt: number
}

/** Where messages stand in their logs, by when they were first sent. */
export class Sendings {
  readonly #logs = new Map<string, Map<number, Placed>>()

  constructor(history: History) {
    const sentAt = firstSendings(history)
    for (const event of history) {
      for (const { epoch, offset, clientId } of entriesOf(event)) {
        const log = this.#logs.get(`${event.room} ${epoch}`) ?? new Map<number, Placed>()
        this.#logs.set(`${event.room} ${epoch}`, log)
        if (!log.has(offset)) log.set(offset, { offset, sentAt: sentAt.get(clientId) ?? 0 })
      }
    }
  }

  /** The lowest offset of what was first sent when more than `at` events had been seen; `Infinity` if there is none. */
  firstAfter(room: string, epoch: string, at: number): number {
    const log = this.#logs.get(`${room} ${epoch}`) ?? new Map<number, Placed>()
    let lowest = Number.POSITIVE_INFINITY
    for (const { offset, sentAt } of log.values()) if (sentAt > at) lowest = Math.min(lowest, offset)
    return lowest
  }
}
