import type { RoomfulError } from '@roomful/protocol/wire'
import { type Change, changed } from '../room/amendment.js'
import type { Loggable } from '../room/loggable.js'
import type { MessageEntry, OwnActions, TimelineEntry } from '../room/timeline-entry.js'

type Entry = TimelineEntry<Loggable>

interface OwnAmendment {
  /** The id of the message that it changes, or the key of an own message that has no id yet. */
  readonly target: string
  readonly change: Change
  readonly actions: OwnActions
  readonly error?: RoomfulError
}

/** This user's edits and deletions that are on their way or have failed, by client id. The latest of a message is shown. */
export class OwnAmendments {
  readonly #amendments = new Map<string, OwnAmendment>()

  add(clientId: string, amendment: OwnAmendment): void {
    for (const [id, { target, error }] of this.#amendments)
      if (error && target === amendment.target) this.#amendments.delete(id)
    this.#amendments.set(clientId, amendment)
  }

  fail(clientId: string, error: RoomfulError): void {
    const own = this.take(clientId)
    const isLatest = own && ![...this.#amendments.values()].some(({ target }) => target === own.target)
    if (isLatest) this.#amendments.set(clientId, { ...own, error })
  }

  take(clientId: string): OwnAmendment | undefined {
    const own = this.#amendments.get(clientId)
    this.#amendments.delete(clientId)
    return own
  }

  clear(): void {
    this.#amendments.clear()
  }

  /** The entries as they are shown. `dismiss` removes a failed amendment; it returns false if that is gone. */
  show(entries: readonly Entry[], dismiss: (clientId: string) => boolean): readonly Entry[] {
    if (this.#amendments.size === 0) return entries
    const latest = new Map(Array.from(this.#amendments, ([clientId, own]) => [own.target, { clientId, own }]))
    return entries.map((entry) => {
      if (entry.kind === 'break') return entry
      const found = latest.get(entry.key) ?? latest.get(String(entry.message.id))
      return found ? this.#show(entry, found.clientId, found.own, dismiss) : entry
    })
  }

  #show(
    entry: MessageEntry<Loggable>,
    clientId: string,
    own: OwnAmendment,
    dismiss: (clientId: string) => boolean,
  ): Entry {
    const { message, state } = entry
    const isDeleted = 'deleted' in message && message.deleted
    if (isDeleted || state === 'failed' || state === 'lost') return entry
    const { actions, change, error } = own
    if (!error)
      return {
        ...entry,
        state,
        message: changed(message, change),
        amendment: 'pending',
        cancel: () => actions.cancel(),
      }
    const retry = () => {
      const isFailed = dismiss(clientId)
      if (isFailed) actions.retry()
      return isFailed
    }
    return { ...entry, state, amendment: 'failed', error, retry, cancel: () => dismiss(clientId) }
  }
}
