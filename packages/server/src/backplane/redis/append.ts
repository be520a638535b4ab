import type { Idempotency, Position, Sender } from '../../api/contracts/backplane.js'

export interface Append {
  readonly stream: string
  readonly id: string
  readonly open: string
  readonly timestampMs: number
  readonly sender: Sender | undefined
  readonly idempotency: Idempotency | undefined
  /** The epoch of the log, if it is new. */
  readonly newEpoch: string
}

export type AppendReply =
  | {
      readonly status: 'accepted'
      readonly position: Position
      readonly duplicate: boolean
      readonly timestampMs: number
    }
  | { readonly status: 'conflict' | 'forgotten' | 'out_of_order' }
