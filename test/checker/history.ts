/** What was seen of real servers at raw WebSockets, in the order in which one process saw it. */
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
}

/** Whose frame it was. One client has one connection after the other, and reads and writes in one room. */
interface Seen {
  readonly client: string
  readonly connection: string
  readonly room: string
}

/** How many events had been seen when an answer was asked for. */
interface Answer {
  readonly askedAt: number
}

export type Event =
  /** Every transmission, repeats included. `user` is whom the server said the client is. */
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
    })
  | (Seen & { readonly kind: 'refused'; readonly clientId: string; readonly code: string })
  | (Seen & { readonly kind: 'delivered'; readonly entry: Entry })
  | Joined
  | Page
  | (Seen & { readonly kind: 'resync'; readonly reason: string; readonly cursor: Place })

/** The answer to a join: `since` is the cursor that it was to go on from. */
export type Joined = Seen &
  Answer & {
    readonly kind: 'joined'
    readonly since?: Place
    readonly recovered?: boolean
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
  /** A reader that goes back, or a read that does not show what was known before it was asked for. */
  | 'non-monotonic'
  /** Offsets against the order of acknowledgements, of time, or of what one sender sent. */
  | 'order'
  /** An entry that nobody had sent like that. */
  | 'invented'
  /** A reader was told that it cannot go on from its place, in a log that keeps everything. */
  | 'break'

export interface Violation {
  readonly kind: ViolationKind
  readonly what: string
}

/** The entries that an event showed. */
export function entriesOf(event: Event): readonly Entry[] {
  if (event.kind === 'delivered') return [event.entry]
  return event.kind === 'joined' || event.kind === 'page' ? event.entries : []
}

/** Who saw it, for the text of a violation. */
export function by({ client, connection, room }: Event): string {
  return `${client} (${connection}) in ${room}`
}
