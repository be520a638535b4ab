import type { Break, Idempotency, LogPage, Position, Range, Sender } from '../../api/backplane.js'

/** What the server's thread asks of the store's, in order. */
export type Request = PublishRequest | CallRequest

export interface PublishRequest {
  readonly kind: 'publish'
  readonly ticket: number
  readonly stream: string
  readonly id: string
  /** The frame's JSON without its closing brace. */
  readonly open: string
  readonly timestampMs: number
  readonly author: string | undefined
  readonly sender: Sender | undefined
  readonly idempotency: Idempotency | undefined
}

/** All but publishes: they are served one by one, each within a few ms. */
export type CallRequest = ReadRequest | { readonly kind: 'close'; readonly ticket: number }

export interface ReadRequest {
  readonly kind: 'read'
  readonly ticket: number
  readonly stream: string
  readonly range: Range
  readonly since: Position | undefined
}

export type PublishOutcome =
  | {
      readonly status: 'accepted'
      readonly position: Position
      readonly previousId: string
      readonly duplicate: boolean
      readonly timestampMs: number
    }
  | { readonly status: 'conflict' | 'forgotten' | 'out_of_order' }

export interface Page extends LogPage {
  readonly fault: Break | undefined
}

/** What the store's thread answers, in order: a page never shows what no answer before it has told. */
export type Reply =
  | { readonly kind: 'opened'; readonly secret: string }
  /** Another process has the file; it goes on waiting. */
  | { readonly kind: 'waiting'; readonly message: string }
  | { readonly kind: 'not_opened'; readonly message: string }
  /** Tickets and outcomes of one commit, in the order of the log. */
  | { readonly kind: 'committed'; readonly outcomes: readonly (readonly [number, PublishOutcome])[] }
  | { readonly kind: 'answered'; readonly ticket: number; readonly value: unknown }
  | { readonly kind: 'refused'; readonly tickets: readonly number[]; readonly message: string }
  /** Why nothing can be acknowledged; `undefined` once a commit has succeeded again. */
  | { readonly kind: 'health'; readonly fault: string | undefined }
  | { readonly kind: 'warned'; readonly message: string }
