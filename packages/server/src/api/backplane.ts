import type { Durability, JsonObject } from '@roomful/protocol'
import type { MaybePromise } from '../util/maybe-promise.js'
import type { ChangeFeed } from './change-feed.js'
import type { Clock } from './clock.js'
import type { Logger } from './logger.js'

/** A reader's place in a log: `id` is that of the entry at `offset`, or the epoch in an empty log. */
export interface Position {
  readonly epoch: string
  readonly offset: number
  readonly id: string
}

export interface LogEntry {
  readonly offset: number
  readonly id: string
  /** Id of the entry before, so that a reader can tell a fork from a gap. */
  readonly previousId: string
  /** JSON text of the frame that members get, live and from history alike. */
  readonly text: string
}

/** Which entries to read: the oldest after an offset, or the newest before one (without one, the newest). */
export type Range =
  | { readonly after: number; readonly limit: number; readonly maxBytes: number }
  | { readonly before: number | undefined; readonly limit: number; readonly maxBytes: number }

export interface LogPage {
  /** In the order of their offsets. */
  readonly entries: readonly LogEntry[]
  /** Whether the log holds further entries in the direction of reading. */
  readonly more: boolean
  /** Whether entries in that direction existed once and are gone. */
  readonly truncated: boolean
  readonly epoch: string
  readonly head: Position
  /** Offset of the oldest entry that is kept; one above the head if none is. */
  readonly oldestOffset: number
}

/** Why a resume is not complete. */
export type Break = 'epoch_changed' | 'forked' | 'expired'

export interface PresentUser {
  readonly userId: string
  readonly profile?: JsonObject
  readonly state?: JsonObject
}

export type PresenceEvent = 'enter' | 'update' | 'leave'

/** One step in a room's presence; `version` rises by one with each, so that a reader sees a gap. */
export interface PresenceChange {
  readonly event: PresenceEvent
  readonly user: PresentUser
  readonly version: number
  /** Distinct users after the change, those in grace included. */
  readonly count: number
}

/** Who was present at a `version`. */
export interface PresenceSnapshot {
  /** `undefined` in a room with more users than the node lists: 10,000 joins must not copy 10,000 lists. */
  readonly users: readonly PresentUser[] | undefined
  readonly count: number
  readonly version: number
}

/** A message on its way into a log. */
export interface Draft {
  /** Random id, made by the node for this append. */
  readonly id: string
  /** The frame that members get, but for `epoch` and `offset`, which only the log knows: an entry's text ends with them. */
  readonly message: JsonObject
  /** Wall time, in ms since 1970. */
  readonly timestampMs: number
  /** Absent for the server's own messages. */
  readonly sender?: Sender | undefined
  /** Absent where the server's own message has no key; a message with a sender never has one. */
  readonly idempotency?: Idempotency | undefined
  /** Whose share of a node's memory it takes: a user's, or, of anonymous ones, that of their address. Absent for the server's own. */
  readonly account?: string | undefined
}

/** What makes a repeat of a client's message known. */
export interface Sender {
  readonly userId: string
  readonly clientId: string
  readonly fingerprint: number
  /** With a repeat: the newest offset that the client had seen when it first transmitted this message. */
  readonly seen?: number | undefined
  /** Where the sender's message before it was accepted: it must still stand there, or this one would overtake its retry. */
  readonly after?: Position | undefined
}

/** What makes a repeat of the server's own message known, in its stream and for as long as the log keeps the entry. */
export interface Idempotency {
  /** 1 to 256 UTF-16 units, without lone surrogates. */
  readonly key: string
  readonly fingerprint: number
}

export type PublishResult =
  | {
      readonly status: 'accepted'
      readonly position: Position
      /** True if the log had accepted this message before, by its sender or its key; position and time are those of then. */
      readonly duplicate: boolean
      readonly timestampMs: number
      readonly durability: Durability
    }
  /** The same client id, or key, stands for another message already. */
  | { readonly status: 'conflict' }
  /** It may have been accepted once, and what would tell is no longer remembered. */
  | { readonly status: 'forgotten' }
  /** The log has lost the message before it. */
  | { readonly status: 'out_of_order' }

/** What happens in a stream, in order, as one subscriber sees it. */
export type StreamEvent =
  | { readonly kind: 'entry'; readonly entry: LogEntry; readonly epoch: string }
  | { readonly kind: 'presence'; readonly change: PresenceChange; readonly connection: string | undefined }
  /** Changes of presence were lost: whoever follows them needs a snapshot. */
  | { readonly kind: 'presence_missed' }
  /** Continuity was broken; the stream goes on at `head`. */
  | { readonly kind: 'resync'; readonly reason: string; readonly head: Position }

export interface Subscription {
  close(): void
}

/** What one node tells the others: volatile, at most once. */
export interface Relay {
  readonly to: 'streams' | 'users' | 'everyone' | 'disconnect' | 'kick'
  readonly targets: readonly string[]
  readonly payload: JsonObject
}

/** What the node gives to its backplane. */
export interface NodeLink {
  readonly clock: Clock
  readonly logger: Logger
  /** Time that a user whose connection broke stays present, in ms. */
  readonly graceMs: number
  /** Users up to which a room's presence is listed by name. */
  readonly listedMembers: number
  newId(): string
  /** Takes what another node told, as it came: the node passes over what is not a {@link Relay}, and never throws. */
  receive(relay: unknown): void
}

/**
 * What joins nodes: the logs of rooms and users, who is present in them, and what nodes tell each other.
 * A *stream* is the log of a room, or that of a user under `@user:ID`.
 * Every method rejects with `unavailable` while its store is away; none of them queues.
 */
export interface Backplane {
  /** Attaches the node; called once, before anything else. @throws Error if it serves a node already */
  start(node: NodeLink): Promise<void>

  /**
   * Appends in one atomic step (dedupe, offset, log) and tells every subscriber. Resolves once accepted; a store that
   * accepts at once returns its result as it is. Rejects with `unavailable` if the same draft can be given again: it was
   * not accepted, or its `sender` or `idempotency` tells that it is a repeat. Rejects with `outcome_unknown` where the store
   * did not say whether it accepted a draft with neither.
   */
  publish(stream: string, draft: Draft): MaybePromise<PublishResult>

  /** Resolves once the subscription is confirmed: whatever is published from then on reaches the listener. */
  subscribe(stream: string, listener: (event: StreamEvent) => void): Promise<Subscription>

  /**
   * Reads a page; with `since`, in the same step, also why a reader there cannot go on without a hole. By the time it
   * resolves, subscribers here have been told of everything up to the page's head.
   */
  read(
    stream: string,
    range: Range,
    since?: Position,
  ): Promise<LogPage & { readonly fault: Break | undefined }>

  /** Adds a connection to a stream's presence, and tells subscribers if its user was not there. */
  enter(stream: string, user: PresentUser, connection: string): Promise<PresenceSnapshot>
  update(stream: string, userId: string, state: JsonObject): Promise<void>
  /** Removes a connection; with `mayReturn`, its user stays for the grace time. */
  leave(stream: string, userId: string, connection: string, mayReturn: boolean): Promise<void>
  present(stream: string): Promise<PresenceSnapshot>

  /** Passes a volatile message to all other nodes. */
  relay(message: Relay): void

  /**
   * Ends a stream's log and begins an empty one under another epoch, whose subscribers are told by `resync`. Nothing of the old
   * one can be read from then on. Absent where the store cannot.
   */
  delete?(stream: string): Promise<void>
  /** All entries of all streams in one order, where the store keeps them so. */
  readonly changes?: ChangeFeed | undefined

  /** Whether the store can be reached now. */
  readonly ready: boolean
  /** The weakest promise that an acknowledgement makes. */
  readonly durability: Durability
  /** A secret that the nodes share, once started; a node without others needs none. */
  readonly sharedSecret?: string | undefined
  /** How long a repeat of a client's message is recognised, in ms. */
  readonly dedupeWindowMs: number

  close(): Promise<void>
}
