import type { Idempotency, Position, RestrictionKind, Sender } from '../../api/contracts/backplane.js'
import type { Restraint } from '../log/restricting.js'
import type { Rewrite } from './log-editor.js'

export interface Append {
  readonly stream: string
  readonly id: string
  readonly open: string
  readonly timestampMs: number
  readonly sender: Sender | undefined
  readonly idempotency: Idempotency | undefined
  /** Whether it changes nothing if it is accepted twice. */
  readonly isReaction?: boolean | undefined
  /** Whose restrictions forbid it, and which kinds of them. */
  readonly writer?: { readonly userId: string; readonly kinds: readonly RestrictionKind[] } | undefined
  /** What becomes of an amendment, as the node has decided from what it read. A repeat gets its first answer all the same. */
  readonly amends?: Amends | undefined
  /** The user whose mark moves to this entry. */
  readonly readBy?: string | undefined
  /** The epoch of the log, if it is new. */
  readonly newEpoch: string
}

export type Amends =
  | { readonly status: 'refused' }
  /** The entry that made the state that is asked for. */
  | {
      readonly status: 'unchanged'
      readonly madeBy: { readonly offset: number; readonly id: string; readonly timestampMs: number }
    }
  | {
      readonly status: 'changed'
      /** The offset of the target, and the text from which the new one was made. */
      readonly target: number
      readonly read: string
      /** The new text, before and after the offset that the append will have. */
      readonly open: readonly [string, string]
      /** The offset of the amendment before this one, if the target was edited; 0 otherwise. */
      readonly previous: number
      /** What becomes of the reactions to the target, unless they stay. */
      readonly reactions?: ReactionsChange | undefined
      readonly redactions: readonly Rewrite[]
    }

export type ReactionsChange =
  | { readonly kind: 'note'; readonly field: string; readonly name: string; readonly isOn: boolean }
  /** All names that begin so are removed. */
  | { readonly kind: 'forget'; readonly field: string; readonly start: string }
  /** All of them are. */
  | { readonly kind: 'drop' }

export type AppendReply =
  | {
      readonly status: 'accepted'
      readonly position: Position
      readonly duplicate: boolean
      readonly timestampMs: number
    }
  | { readonly status: 'conflict' | 'forgotten' | 'out_of_order' }
  | Restraint
  /** The amendment is not a repeat, and what it changes is no longer what the node has read; or it was refused. */
  | { readonly status: 'moved' }
  | { readonly status: 'refused' }
