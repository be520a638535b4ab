import type {
  LogEntry,
  Position,
  PresenceChange,
  PresenceSnapshot,
  PresentUser,
  Range,
  Relay,
} from '../../api/contracts/backplane.js'
import type { Clock } from '../../api/contracts/clock.js'
import type { Logger } from '../../api/contracts/logger.js'
import type { Append, AppendReply } from './append.js'
import type { ChangeStore } from './change-store.js'
import type { LogUpkeep } from './log-upkeep.js'
import type { MarkCommands } from './mark-commands.js'
import type { RedisProfileStore } from './profile-store.js'
import type { RestrictionStore } from './restriction-store.js'

/** The node, as its store sees it. */
export interface StoreLink {
  readonly clock: Clock
  readonly logger: Logger
  /** Commands can be sent again: to the same Redis, to a restarted one, or to a promoted one. */
  reconnected(): void
  /** All subscriptions are confirmed again; messages published in between are lost. */
  resubscribed(): void
  /** A message from any node, including this one. */
  relayed(message: NodeRelay): void
}

export interface NodeRelay {
  readonly from: string
  /** As another node wrote it, which may run another version. */
  readonly relay: Relay
}

export interface ReplicatedAppends {
  readonly replies: readonly PromiseSettledResult<AppendReply>[]
  readonly confirmedBy: PromiseSettledResult<number>
}

export interface ReadReply {
  readonly epoch: string
  readonly head: Position
  /** The head's offset plus 1 if no entry is left. */
  readonly oldestOffset: number
  /** In the order of reading, from the end of the range at which it starts. */
  readonly entries: readonly LogEntry[]
  /** The id at the requested offset, if all later entries are still in the log. */
  readonly idAt: string | undefined
  /** For a page of messages alone: whether there are more. */
  readonly more: boolean | undefined
}

/** Fields with reactions, as far as the log has them, and the epoch of the log if there is one. */
export interface ReactionsReply {
  readonly epoch: string | undefined
  readonly fields: readonly (string | null)[]
}

/** The state of a stream, for the head check. */
export interface StreamState {
  /** `undefined` if the log does not exist (any more). */
  readonly head: Position | undefined
  /** 0 if nobody is present. */
  readonly presenceVersion: number
}

/** A message on a stream's channel. */
export type StreamMessage =
  | { readonly kind: 'entry'; readonly epoch: string; readonly entry: LogEntry }
  | { readonly kind: 'presence'; readonly change: PresenceChange; readonly connection: string | undefined }
  | { readonly kind: 'relay'; readonly message: NodeRelay }
  /** The log has ended, and an empty one has begun under this epoch. */
  | { readonly kind: 'ended'; readonly epoch: string }

export interface PresentConnection {
  readonly stream: string
  readonly userId: string
  readonly connection: string
}

export interface Entered {
  readonly snapshot: PresenceSnapshot
  /** Whether the user was not present before. */
  readonly isNew: boolean
}

export interface GraceEnd {
  /** How long the grace period still lasts, in ms; 0 if there is nothing to wait for. */
  readonly leftMs: number
  /** The number of users who are left, if the user has left. */
  readonly count: number | undefined
}

/**
 * Redis, in the terms of the backplane. Each method is one script or command, or one pipeline; none of them decides,
 * waits for a connection or tries again. All reject with `unavailable` if Redis does not answer in time; the
 * operation may then have happened anyway.
 */
export interface RedisStore {
  /** Resolves once Redis can be used and the relay channel is subscribed. */
  open(link: StoreLink): Promise<void>
  readonly ready: boolean
  close(): Promise<void>

  /** Where the feed of all streams is kept. */
  readonly changes?: ChangeStore | undefined
  readonly upkeep: LogUpkeep
  /** Absent in a model of Redis that has none, as are restrictions. */
  readonly profiles?: RedisProfileStore | undefined
  readonly restrictions?: RestrictionStore | undefined
  readonly marks: MarkCommands

  append(append: Append): Promise<AppendReply>
  /**
   * Appends in one pipeline with WAIT, on a separate connection. `confirmedBy`, the number of replicas that have all
   * entries, rejects unless the connection was the same from the first append to the answer: on a new connection,
   * WAIT answers at once, whatever has been replicated.
   */
  appendReplicated(
    appends: readonly Append[],
    replicas: number,
    timeoutMs: number,
  ): Promise<ReplicatedAppends>
  /** Creates an empty log under `newEpoch` if there is none, so that a reader has a position to continue from. */
  read(stream: string, range: Range, idAt: number | undefined, newEpoch: string): Promise<ReadReply>
  readReactions(stream: string, fields: readonly string[]): Promise<ReactionsReply>
  /** One pipeline; it also keeps the streams' keys from expiring. */
  streamStates(streams: readonly string[]): Promise<readonly StreamState[]>

  /** Resolves once Redis has confirmed; a stream has one listener. */
  subscribe(stream: string, listener: (message: StreamMessage) => void): Promise<void>
  unsubscribe(stream: string): Promise<void>
  /** Sends a message to the nodes that are subscribed to a stream. */
  relayToStream(stream: string, message: NodeRelay): Promise<void>
  relayToAll(message: NodeRelay): Promise<void>

  /** `seen` is the newest presence version that the caller knows: after a failover, Redis may have an older one. */
  enter(
    stream: string,
    user: PresentUser,
    at: {
      readonly connection: string
      readonly lease: string
      readonly seen: number
      readonly listed: number
    },
  ): Promise<Entered>
  update(stream: string, userId: string, state: string, seen: number): Promise<void>
  /**
   * Removes a connection if it is present, and, if a lease is given, only under this lease. Resolves with the number of
   * users who are left, if the user has left with it.
   */
  leave(
    membership: PresentConnection,
    how: { readonly lease: string | undefined; readonly graceMs: number; readonly seen: number },
  ): Promise<number | undefined>
  /** Removes a user whose grace period is over. */
  endGrace(stream: string, userId: string, seen: number): Promise<GraceEnd>
  present(stream: string, listed: number): Promise<PresenceSnapshot>

  /** Records a task that is due in `ms` by Redis' clock, or changes its time. */
  schedule(task: string, ms: number): Promise<void>
  /** Postpones a task; returns false if it is not recorded, or was taken. */
  extend(task: string, ms: number): Promise<boolean>
  /** Takes tasks that are due; each is due again for another node after `retryMs`, unless it is done by then. */
  takeDue(limit: number, retryMs: number): Promise<readonly string[]>
  done(task: string): Promise<void>

  /** Records memberships of a lease, so that other nodes can end them. */
  record(lease: string, memberships: readonly PresentConnection[]): Promise<void>
  remove(lease: string, memberships: readonly PresentConnection[]): Promise<void>
  /** Keeps the records of a lease from expiring. */
  keepNoted(lease: string): Promise<void>
  /** Some of a lease's memberships; none if all have been removed. */
  noted(lease: string, limit: number): Promise<readonly PresentConnection[]>

  /** The secret that all nodes share: the candidate, if there was none. */
  secret(candidate: string): Promise<string>
}
