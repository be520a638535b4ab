import type { Target } from '@roomful/protocol'
import type {
  Amendment,
  Break,
  Idempotency,
  LogPage,
  Position,
  Range,
  Reader,
  RestrictionKind,
  Sender,
  UsersPage,
} from '../../api/contracts/backplane.js'
import type { Restraint } from '../log/restricting.js'
import type { RoomRetention } from './options.js'
import type { ReactionRow } from './reactors.js'
import type { Oldest } from './rooms.js'
import type { SweepTimes, Trimmed } from './trimming.js'

/** Requests from the server's thread to the store's, in order. */
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
  readonly writer?: string | undefined
  readonly amends: Amendment | undefined
  readonly readBy?: string | undefined
}

/** Everything except publishes. These are served one by one, each within a few ms. */
export type CallRequest =
  | ReadRequest
  | FeedRequest
  | AgainRequest
  | WrittenRequest
  | ReactedRequest
  | UsersRequest
  | OwnReactionsRequest
  | MarkRequest
  | SweepRequest
  | { readonly kind: 'consumer'; readonly ticket: number; readonly name: string }
  | { readonly kind: 'consumed'; readonly ticket: number; readonly name: string; readonly cursor: Position }
  | { readonly kind: 'erase'; readonly ticket: number; readonly user: string }
  /** Continues the erasures that an earlier process began. */
  | { readonly kind: 'go_on'; readonly ticket: number }
  | { readonly kind: 'delete'; readonly ticket: number; readonly stream: string }
  | RestrictRequest
  | {
      readonly kind: 'keep_profile'
      readonly ticket: number
      readonly user: string
      readonly profile: string
    }
  | { readonly kind: 'profiles'; readonly ticket: number; readonly users: readonly string[] }
  | { readonly kind: 'restricted'; readonly ticket: number; readonly stream: string; readonly user: string }
  | RestrictedUsersRequest
  | { readonly kind: 'backup'; readonly ticket: number; readonly file: string }
  | { readonly kind: 'compact'; readonly ticket: number }
  | { readonly kind: 'close'; readonly ticket: number }

/** Replaces a restriction of a user. */
export interface RestrictRequest {
  readonly kind: 'restrict'
  readonly ticket: number
  readonly stream: string
  readonly user: string
  readonly restriction: RestrictionKind
  /** Wall time, in ms; 0 lifts it. */
  readonly until: number
}

/** Asks who is restricted in a stream. */
export interface RestrictedUsersRequest {
  readonly kind: 'restricted_users'
  readonly ticket: number
  readonly stream: string
  /** The last user of the page before. */
  readonly after: string | undefined
  readonly limit: number
  /** Wall time, in ms. */
  readonly now: number
}

export interface FeedRequest {
  readonly kind: 'feed'
  readonly ticket: number
  readonly after: Position | undefined
  readonly limit: number
  readonly maxBytes: number
}

/** Asks for entries of the feed that were read before. */
export interface AgainRequest {
  readonly kind: 'again'
  readonly ticket: number
  readonly cursors: readonly Position[]
}

/** Asks for what a user wrote, in every room and in the order of the feed. */
export interface WrittenRequest {
  readonly kind: 'written'
  readonly ticket: number
  readonly user: string
  /** The place in the feed after which to look. */
  readonly after: number
}

export interface WrittenPage {
  /** May be empty before the end. */
  readonly texts: readonly string[]
  /** Where to go on; `undefined` at the end. */
  readonly next: number | undefined
}

/** Asks for the reactions of a user of which the log no longer has the entries. */
export interface ReactedRequest {
  readonly kind: 'reacted'
  readonly ticket: number
  readonly user: string
  readonly after: ReactionRow
}

/** Asks who reacted to a message in one way. */
export interface UsersRequest {
  readonly kind: 'reaction_users'
  readonly ticket: number
  readonly stream: string
  readonly target: Target
  readonly reaction: string
  readonly page: UsersPage
}

/** Asks what a user reacted to some messages. */
export interface OwnReactionsRequest {
  readonly kind: 'own_reactions'
  readonly ticket: number
  readonly stream: string
  readonly epoch: string
  readonly user: string
  readonly offsets: readonly number[]
}

export type MarkRequest =
  | {
      readonly kind: 'move'
      readonly ticket: number
      readonly stream: string
      readonly reader: Reader
      readonly to: Position
      /** Wall time, in ms since 1970. */
      readonly at: number
    }
  | { readonly kind: 'reading'; readonly ticket: number; readonly stream: string; readonly reader: Reader }
  /** A user's marks in the rooms after one, by its key. */
  | { readonly kind: 'marks_of'; readonly ticket: number; readonly user: string; readonly after: number }
  | { readonly kind: 'marks'; readonly ticket: number; readonly stream: string; readonly most: number }

export interface SweepRequest {
  readonly kind: 'sweep'
  readonly ticket: number
  /** The limits of these rooms. */
  readonly keep: readonly (readonly [stream: string, retention: RoomRetention])[]
  readonly times: SweepTimes
}

export interface SweepReply {
  readonly trimmed: readonly Trimmed[]
  /** The rooms whose turn is next. */
  readonly names: readonly string[]
  /** Whether more should be dropped at once. */
  readonly isBusy: boolean
  readonly isNearlyFull: boolean
}

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
  | {
      readonly status:
        | 'conflict'
        | 'forgotten'
        | 'out_of_order'
        | 'not_found'
        | 'deleted'
        | 'forbidden'
        | 'reaction_limit'
    }
  | Restraint

export type AcceptedOutcome = Extract<PublishOutcome, { status: 'accepted' }>

/** An entry that the store wrote by itself. */
export interface Announced {
  readonly stream: string
  /** The frame's JSON without its closing brace. */
  readonly open: string
  readonly outcome: AcceptedOutcome
}

export interface Page extends LogPage {
  readonly oldest: Oldest
  readonly fault: Break | undefined
}

/** Answers from the store's thread, in order: a page never shows an entry before the answer that reports it. */
export type Reply =
  | { readonly kind: 'opened'; readonly secret: string }
  /** Another process is using the file; the thread keeps waiting. */
  | { readonly kind: 'waiting'; readonly message: string }
  | { readonly kind: 'not_opened'; readonly message: string }
  /** Tickets and outcomes of one commit, in the order of the log. */
  | { readonly kind: 'committed'; readonly outcomes: readonly (readonly [number, PublishOutcome])[] }
  | { readonly kind: 'answered'; readonly ticket: number; readonly value: unknown }
  /** Texts in these streams were erased, and the announced entries say so. */
  | {
      readonly kind: 'erased'
      readonly changed: ReadonlySet<string>
      readonly announced: readonly Announced[]
    }
  /** A log was deleted; its stream continues at this head. */
  | { readonly kind: 'ended'; readonly stream: string; readonly head: Position }
  | {
      readonly kind: 'refused'
      readonly tickets: readonly number[]
      readonly message: string
      /** Whether the file may hold what is refused, and the next process find it if this one ends before its next commit. */
      readonly isInDoubt: boolean
    }
  /** Why nothing can be acknowledged; `undefined` once a commit has succeeded again. */
  | { readonly kind: 'health'; readonly fault: string | undefined }
  | { readonly kind: 'warned'; readonly message: string }
