/** What raw WebSockets and HTTP requests of one process saw of real servers, in order. */
export type History = readonly Event[]

/** Where an entry stands in a room's log. */
export interface Place {
  readonly epoch: string
  readonly offset: number
  readonly id: string
}

/** An entry as a frame showed it. */
export interface Entry extends Place {
  readonly user: string
  readonly clientId: string
  readonly text: string
  /** The application wrote it, so nobody here knows what it should be; its place counts. */
  readonly isForeign?: true
}

/** The client that saw an event. A client has one connection at a time, and reads and writes in one room. */
interface Seen {
  readonly client: string
  readonly connection: string
  readonly room: string
}

/** How many events had been recorded when the answer was requested. */
interface Answer {
  readonly askedAt: number
}

export type Event =
  /** Every transmission, repeats included. `user` is the id that the server gave the client. */
  | (Seen & {
      readonly kind: 'sent'
      readonly clientId: string
      readonly text: string
      readonly user: string
    })
  | (Seen & {
      readonly kind: 'acked'
      readonly clientId: string
      readonly at: Place
      readonly duplicate: boolean
      /** Where the server said that it is kept. */
      readonly durability?: string
    })
  | (Seen & { readonly kind: 'refused'; readonly clientId: string; readonly code: string })
  /** The headers of a stream came, which begins now. */
  | (Seen & Answer & { readonly kind: 'opened' })
  | (Seen & { readonly kind: 'delivered'; readonly entry: Entry })
  | Joined
  | Page
  | (Seen & { readonly kind: 'resync'; readonly reason: string; readonly cursor: Place })

/** The answer to a join; `since` is the cursor from which the client resumed. */
export type Joined = Seen &
  Answer & {
    readonly kind: 'joined'
    readonly since?: Place
    readonly recovered?: boolean
    /** Why it did not recover. */
    readonly reason?: string
    readonly entries: readonly Entry[]
    readonly cursor: Place
    readonly more: boolean
  }

/** A page of history: the oldest entries above `after`, or the newest below `before`. */
export type Page = Seen &
  Answer & {
    readonly kind: 'page'
    readonly after?: number
    readonly before?: number
    readonly epoch: string
    /** The lowest offset that the log keeps. */
    readonly oldest?: number
    readonly entries: readonly Entry[]
    readonly more: boolean
  }

export type ViolationKind =
  /** Acknowledged or shown to a reader, and not in the log that was read at the end. */
  | 'lost'
  /** One message at two places. */
  | 'duplicate'
  /** Two messages at one place. */
  | 'inconsistent'
  /** A reader or a page that passes over an offset. */
  | 'hole'
  /** A reader that goes back, or a read without entries that were known before it was requested. */
  | 'non-monotonic'
  /** Offsets that contradict the order of acknowledgements, of time, or of one sender's messages. */
  | 'order'
  /** An entry that nobody sent, or not with this content. */
  | 'invented'
  /** A resume that did not recover, although the log keeps everything. */
  | 'break'

export interface Violation {
  readonly kind: ViolationKind
  readonly room: string
  readonly what: string
  /** What was lost. */
  readonly lost?: { readonly clientId: string; readonly epoch: string; readonly offset: number }
}

/** The entries that an event showed. */
export function entriesOf(event: Event): readonly Entry[] {
  if (event.kind === 'delivered') return [event.entry]
  return event.kind === 'joined' || event.kind === 'page' ? event.entries : []
}

/** Names the client that saw an event, for the text of a violation. */
export function by({ client, connection, room }: Event): string {
  return `${client} (${connection}) in ${room}`
}
