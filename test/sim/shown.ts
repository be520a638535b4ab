import type { LogMessage, TimelineEntry } from '@roomful/client'
import type { Fold } from './fold.js'
import type { SimProtocol } from './protocol.js'

type Entry = TimelineEntry<LogMessage<SimProtocol>>
type Chat = Extract<LogMessage<SimProtocol>, { readonly type: 'chat_message' }>

interface Progress {
  /** The entry as it was checked last; it is never changed, only replaced. */
  entry: Entry | undefined
  /** The state that was shown, among those of its message. */
  state: number
  /** What was shown when the log forked. It may stay until the page hears more, and proves nothing of the log. */
  stale?: string | undefined
}

/**
 * What timelines show on the way: each message once, only what it has said, nothing older than before, and nothing older
 * than what its viewer's own amendment has made of it.
 */
export class Shown {
  readonly #progress = new Map<string, Map<string, Progress>>()

  constructor(
    private readonly fold: Fold,
    private readonly fail: (violation: string) => void,
  ) {}

  /** @param who a page and its room */
  look(who: string, entries: readonly Entry[]): void {
    const shown = new Set<string>()
    for (const entry of entries) {
      if (entry.kind !== 'message' || entry.message.type !== 'chat_message') continue
      const { state, message } = entry
      if (state !== 'sent' || message.id === undefined) continue
      if (shown.has(message.id)) this.fail(`duplicated: ${who} shows '${message.message}' twice`)
      shown.add(message.id)
      // What is to become of it need not be true yet.
      if (entry.amendment !== 'pending') this.#check(who, message.id, entry, message)
    }
  }

  /** An amendment of this viewer's has been accepted: from now on, its message is shown as it has made it, or later. */
  amended(who: string, message: string, by: string): void {
    const progress = this.#of(who, message)
    const state = this.fold.statesOf(message).findIndex(({ id }) => id === by)
    progress.state = Math.max(progress.state, state)
    progress.entry = undefined
  }

  /** A page is told that the log has forked: what it was told before may be of the log that is gone. */
  forked(who: string): void {
    for (const [id, progress] of this.#progress.get(who) ?? []) {
      progress.stale = this.fold.statesOf(id)[progress.state]?.text
      progress.entry = undefined
      progress.state = 0
    }
  }

  #check(who: string, id: string, entry: Entry, message: Chat): void {
    const progress = this.#of(who, id)
    if (progress.entry === entry) return
    progress.entry = entry
    const text = message.deleted ? '' : message.message
    if (message.message !== text || (message.deleted && message.data !== undefined))
      this.fail(`${who} shows a deleted message with '${message.message}'`)
    if (!this.fold.hasSaid(id, text)) this.fail(`invented: ${who} shows '${text}', which it has never said`)
    if (text === progress.stale) return
    progress.stale = undefined
    // A failover takes the newest states away, and those who have seen them go back.
    if (this.fold.lostOf(id).length > 0) return
    const states = this.fold.statesOf(id)
    const state = states.findIndex((one, index) => index >= progress.state && one.text === text)
    if (state >= 0) progress.state = state
    else this.fail(`reverted: ${who} shows '${text}' after '${states[progress.state]?.text}'`)
  }

  #of(who: string, message: string): Progress {
    const known = this.#progress.get(who) ?? new Map<string, Progress>()
    this.#progress.set(who, known)
    const progress = known.get(message) ?? { entry: undefined, state: 0 }
    known.set(message, progress)
    return progress
  }
}
