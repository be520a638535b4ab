import type { JsonObject, Target } from '@roomful/protocol'

/** What an entry changes in a chat message that the log has already, its target. */
export type Amendment = Change & {
  readonly target: Target
  /** Who changes it: `@server`, if nobody else. */
  readonly userId: string
  /** Whether this user may also change the messages of others. */
  readonly moderates: boolean
}

type Change =
  /** Replaces the text and the data. */
  | { readonly kind: 'edit'; readonly message: string; readonly data?: JsonObject | undefined }
  /** Leaves a tombstone. */
  | { readonly kind: 'delete' }
  | Reacting

/** A user adds a reaction to a message, or takes it back. Everybody may, whatever `moderates` says. */
export type Reacting =
  | {
      readonly kind: 'react'
      readonly reaction: string
      /** How many different reactions the message may have, and how many altogether. */
      readonly most: { readonly kinds: number; readonly users: number }
    }
  | { readonly kind: 'unreact'; readonly reaction: string }
