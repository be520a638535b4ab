import type { RoomfulError } from '@roomful/protocol/wire'
import type { Coverage, Loggable, Place } from './loggable.js'

export type TimelineEntry<M> =
  | ({
      readonly kind: 'message' /** Stable through all states. */
      readonly key: string
      readonly message: M
    } & EntryActions &
      MessageState)
  /** The entries above and below this one do not adjoin: `reason` says why. */
  | { readonly kind: 'break'; readonly key: string; readonly reason: string }

export type MessageState =
  /** `amendment: 'pending'`: `message` shows an edit or a deletion by this user that the server does not have yet. */
  | { readonly state: 'pending' | 'sent'; readonly amendment?: 'pending' }
  /** The server refused an edit or a deletion by this user: `message` shows neither. */
  | { readonly state: 'pending' | 'sent'; readonly amendment: 'failed'; readonly error: RoomfulError }
  | { readonly state: 'failed'; readonly error: RoomfulError; readonly amendment?: never }
  /** It was in the log, but a failure of the server's storage removed it. */
  | { readonly state: 'lost'; readonly amendment?: never }

export interface EntryActions {
  /**
   * Sends a failed message again, as a new one at the end, or a failed edit or deletion. Returns false if nothing has
   * failed.
   */
  retry(): boolean
  /**
   * Takes back what was not transmitted yet, or dismisses what failed: an edit or a deletion if there is one, else the
   * message. Returns false for anything else.
   */
  cancel(): boolean
}

export type MessageEntry<M> = Extract<TimelineEntry<M>, { kind: 'message' }>

/** Actions of the room on an own message or amendment. */
export interface OwnActions {
  /** Sends it again, as a new one. */
  retry(): void
  /** Returns false if it was already transmitted. */
  cancel(): boolean
}

/** Adds to what a timeline shows; `chat()` makes it. */
export interface TimelineFollower {
  /** Entries come, live or in a page. */
  received(entries: readonly (Loggable | Place)[], page: Coverage): void
  /** The room is live, and has told all that its log has. */
  joined(): void
  /** The log has forked: versions mean nothing any more. */
  forked(): void
  show(entries: readonly TimelineEntry<Loggable>[]): readonly TimelineEntry<Loggable>[]
}
