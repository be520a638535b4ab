import type { Cursor } from '@roomful/protocol'
import type { RoomfulError } from '@roomful/protocol/wire'
import { type Observable, type Report, Value } from './observable.js'

/** What every message of a log has, and what chat and own messages add. */
export interface Loggable {
  readonly type: string
  readonly id?: string | number | undefined
  readonly epoch?: string | undefined
  readonly offset?: number | undefined
  readonly client_id?: string | undefined
  readonly user_id?: unknown
}

export type TimelineEntry<M> =
  | ({
      readonly kind: 'message' /** Stable through all states. */
      readonly key: string
      readonly message: M
    } & Actions &
      MessageState)
  /** What stood above is not continued below: `reason` says why. */
  | { readonly kind: 'break'; readonly key: string; readonly reason: string }

export type MessageState =
  | { readonly state: 'pending' | 'sent' }
  | { readonly state: 'failed'; readonly error: RoomfulError }
  /** Was in the log, but a failure of the server's storage took it away. */
  | { readonly state: 'lost' }

export interface Actions {
  /** Sends a failed message again, as a new one at the end. Returns false for any other. */
  retry(): boolean
  /** Takes back a message that was not transmitted yet, or puts away a failed one. Returns false for any other. */
  cancel(): boolean
}

type MessageEntry<M> = Extract<TimelineEntry<M>, { kind: 'message' }>

/** What the room does with its own messages. */
export interface TimelineActions<M> {
  /** Sends a message again as a new one. */
  retry(message: M): void
  /** Returns false if the message was transmitted already. */
  cancel(clientId: string): boolean
}

/** A room's messages as a list to render: those in the log by offset, then the own ones that are under way. */
export class Timeline<M extends Loggable> implements Observable<readonly TimelineEntry<M>[]> {
  readonly get: () => readonly TimelineEntry<M>[]
  readonly subscribe: Observable<readonly TimelineEntry<M>[]>['subscribe']
  readonly #snapshot: Value<readonly TimelineEntry<M>[]>
  readonly #actions: TimelineActions<M>
  readonly #limit: number
  readonly #log: TimelineEntry<M>[] = []
  /** Pending and failed ones by client id, in the order in which they were sent. */
  readonly #own = new Map<string, MessageEntry<M>>()
  /** Entries of the log by sender and client id: the same message may come back at another place. */
  readonly #byAuthor = new Map<string, MessageEntry<M>>()
  #breaks = 0

  constructor(actions: TimelineActions<M>, limit: number, report: Report) {
    this.#actions = actions
    this.#limit = limit
    this.#snapshot = new Value<readonly TimelineEntry<M>[]>([], report)
    this.get = this.#snapshot.get
    this.subscribe = this.#snapshot.subscribe
  }

  /** Shows an own message before the server has it. */
  pending(clientId: string, message: M): void {
    this.#own.set(clientId, this.#entry(clientId, message, { state: 'pending' }))
    this.#changed()
  }

  failed(clientId: string, error: RoomfulError): void {
    const entry = this.#own.get(clientId)
    if (!entry) return
    this.#own.set(clientId, this.#entry(clientId, entry.message, { state: 'failed', error }))
    this.#changed()
  }

  /** Acknowledged: the message has its place, although its broadcast may still be out. */
  placed(clientId: string, place: Partial<M>): void {
    const entry = this.#own.get(clientId)
    if (entry) this.received([{ ...entry.message, ...place }])
  }

  removed(clientId: string): void {
    if (this.#own.delete(clientId)) this.#changed()
  }

  /** Entries of the present log, live or from its past. */
  received(messages: readonly M[]): void {
    for (const message of messages) this.#insert(message)
    while (this.#log.length > this.#limit) this.#forget(this.#log.shift())
    this.#changed()
  }

  /** A page of the past joins only what it touches, else there would be a hole that nobody sees. */
  prepended(messages: readonly M[]): void {
    const first = this.#log[this.#lastBreak() + 1]
    const end = messages.at(-1)?.offset
    const touches = first?.kind !== 'message' || (end ?? 0) + 1 >= (first.message.offset ?? 0)
    if (touches && end !== undefined) this.received(messages)
  }

  broke(reason: string, head: Cursor | undefined): void {
    if (this.#log.length === 0) return
    for (const [index, entry] of this.#log.entries()) {
      // The new log of the same epoch ends before it, so it is not in there.
      if (
        entry.kind === 'message' &&
        head &&
        entry.message.epoch === head.epoch &&
        (entry.message.offset ?? 0) > head.offset
      ) {
        this.#lose(index, entry)
      }
    }
    if (this.#log.at(-1)?.kind === 'break') this.#log.pop()
    this.#log.push({ kind: 'break', key: `break-${++this.#breaks}`, reason })
    this.#changed()
  }

  #insert(message: M): void {
    const author = authorOf(message)
    const known = author === undefined ? undefined : this.#byAuthor.get(author)
    if (known) this.#log.splice(this.#log.indexOf(known), 1)
    const own = message.client_id === undefined ? undefined : this.#own.get(message.client_id)
    if (own && message.client_id) this.#own.delete(message.client_id)
    const key = own?.key ?? known?.key ?? String(message.id ?? `live-${++this.#breaks}`)
    const entry = this.#entry(key, message, { state: 'sent' })
    if (author !== undefined) this.#byAuthor.set(author, entry)
    const index = this.#place(message)
    const before = this.#log[index - 1]
    if (before?.kind === 'message' && message.id !== undefined && before.message.offset === message.offset) {
      if (before.message.id === message.id) this.#log.splice(index - 1, 1, entry)
      else {
        this.#lose(index - 1, before)
        this.#log.splice(index, 0, entry)
      }
    } else this.#log.splice(index, 0, entry)
  }

  /** Behind the last entry of the present segment whose offset is not higher. */
  #place({ offset }: M): number {
    let index = this.#log.length
    if (offset === undefined) return index
    for (; index > 0; index--) {
      const entry = this.#log[index - 1]
      if (entry?.kind !== 'message' || (entry.message.offset ?? 0) <= offset) break
    }
    return index
  }

  #lastBreak(): number {
    return this.#log.findLastIndex(({ kind }) => kind === 'break')
  }

  #lose(index: number, entry: MessageEntry<M>): void {
    this.#forget(entry)
    this.#log[index] = this.#entry(entry.key, entry.message, { state: 'lost' })
  }

  #forget(entry: TimelineEntry<M> | undefined): void {
    const author = entry?.kind === 'message' ? authorOf(entry.message) : undefined
    if (author !== undefined) this.#byAuthor.delete(author)
  }

  #entry(key: string, message: M, state: MessageState): MessageEntry<M> {
    const clientId = message.client_id ?? ''
    return {
      kind: 'message',
      key,
      message,
      ...state,
      retry: () => {
        if (state.state !== 'failed' || !this.#own.delete(clientId)) return false
        this.#actions.retry(message)
        return true
      },
      cancel: () => {
        if (state.state === 'pending') return this.#actions.cancel(clientId)
        if (state.state !== 'failed' || !this.#own.delete(clientId)) return false
        this.#changed()
        return true
      },
    }
  }

  #changed(): void {
    this.#snapshot.set([...this.#log, ...this.#own.values()])
  }
}

function authorOf({ user_id, client_id }: Loggable): string | undefined {
  return typeof user_id === 'string' && client_id !== undefined ? `${client_id} ${user_id}` : undefined
}
