import type {
  Idempotency,
  LogEntry,
  Position,
  PresenceChange,
  PresenceSnapshot,
  PresentUser,
  Range,
  Relay,
  Sender,
} from '../../api/backplane.js'
import type { Clock } from '../../api/clock.js'
import type { Logger } from '../../api/logger.js'

/** What the store is given by the node, and whom it tells. */
export interface StoreLink {
  readonly clock: Clock
  readonly logger: Logger
  /** Commands can be sent again: to the same Redis, to a restarted one, or to another that was promoted. */
  reconnected(): void
  /** All subscriptions are confirmed again; what was published in between is lost. */
  resubscribed(): void
  /** From any node, this one included. */
  relayed(message: NodeRelay): void
}

export interface NodeRelay {
  readonly from: string
  /** As another node wrote it, which may be of another version. */
  readonly relay: Relay
}

export interface Append {
  readonly stream: string
  readonly id: string
  readonly open: string
  readonly timestampMs: number
  readonly sender: Sender | undefined
  readonly idempotency: Idempotency | undefined
  /** Epoch that the log takes if it is new. */
  readonly newEpoch: string
}

export type AppendReply =
  | {
      readonly status: 'accepted'
      readonly position: Position
      readonly duplicate: boolean
      readonly timestampMs: number
    }
  | { readonly status: 'conflict' | 'out_of_order' }

export interface ReplicatedAppends {
  readonly replies: readonly PromiseSettledResult<AppendReply>[]
  readonly confirmedBy: PromiseSettledResult<number>
}

export interface ReadReply {
  readonly epoch: string
  readonly head: Position
  /** One above the head if no entry is kept. */
  readonly oldestOffset: number
  /** In the order of reading, from the range's end that it starts at. */
  readonly entries: readonly LogEntry[]
  /** Id at the offset that was asked for, if everything after it is still kept. */
  readonly idAt: string | undefined
}

/** Where a stream stands, for the head check. */
export interface StreamState {
  /** `undefined` if there is no such log (any more). */
  readonly head: Position | undefined
  /** 0 if nobody is present. */
  readonly presenceVersion: number
}

/** What comes through a stream's channel. */
export type StreamMessage =
  | { readonly kind: 'entry'; readonly epoch: string; readonly entry: LogEntry }
  | { readonly kind: 'presence'; readonly change: PresenceChange; readonly connection: string | undefined }
  | { readonly kind: 'relay'; readonly message: NodeRelay }

export interface PresentConnection {
  readonly stream: string
  readonly userId: string
  readonly connection: string
}

/**
 * Redis, in the terms of the backplane. Each method is one script or command, or one pipeline; none of them decides,
 * waits for a connection or tries again. All of them reject with `unavailable` if Redis does not answer in time, and
 * what they asked for may have happened then all the same.
 */
export interface RedisStore {
  /** Resolves once Redis can be used and the channel of relays is subscribed. */
  open(link: StoreLink): Promise<void>
  readonly ready: boolean
  close(): Promise<void>

  append(append: Append): Promise<AppendReply>
  /**
   * Appends in one pipeline with WAIT, on a connection of its own. `confirmedBy`, the number of replicas that have
   * them all, is rejected unless that connection was one and the same from the first append to the answer: on a fresh
   * one, WAIT answers at once, whatever has been replicated.
   */
  appendReplicated(
    appends: readonly Append[],
    replicas: number,
    timeoutMs: number,
  ): Promise<ReplicatedAppends>
  /** Makes an empty log under `newEpoch` if there is none, so that a reader has a place to go on from. */
  read(stream: string, range: Range, idAt: number | undefined, newEpoch: string): Promise<ReadReply>
  /** One pipeline; keeps the streams' keys from expiring. */
  streamStates(streams: readonly string[]): Promise<readonly StreamState[]>

  /** Resolves once Redis has confirmed; a stream has one listener. */
  subscribe(stream: string, listener: (message: StreamMessage) => void): Promise<void>
  unsubscribe(stream: string): Promise<void>
  /** To the nodes that are subscribed to a stream. */
  relayToStream(stream: string, message: NodeRelay): Promise<void>
  relayToAll(message: NodeRelay): Promise<void>

  /** `seen` is the newest presence version that the caller knows: after a failover, Redis may have gone back behind it. */
  enter(
    stream: string,
    user: PresentUser,
    at: {
      readonly connection: string
      readonly lease: string
      readonly seen: number
      readonly listed: number
    },
  ): Promise<PresenceSnapshot>
  update(stream: string, userId: string, state: string, seen: number): Promise<void>
  /** Takes a connection away if it is there, and under this lease where one is given. */
  leave(
    membership: PresentConnection,
    how: { readonly lease: string | undefined; readonly graceMs: number; readonly seen: number },
  ): Promise<void>
  /** Removes a user whose grace is over. Answers how long it still lasts, in ms: 0 if there is nothing to wait for. */
  endGrace(stream: string, userId: string, seen: number): Promise<number>
  present(stream: string, listed: number): Promise<PresenceSnapshot>

  /** Notes a task that is due in `ms` by the time of Redis, or sets its time anew. */
  schedule(task: string, ms: number): Promise<void>
  /** Puts a task off; false if it is not noted, or was taken. */
  extend(task: string, ms: number): Promise<boolean>
  /** Takes tasks that are due; each is due again for someone else after `retryMs`, unless it is done by then. */
  takeDue(limit: number, retryMs: number): Promise<readonly string[]>
  done(task: string): Promise<void>

  /** Notes memberships of a lease, so that others can end them. */
  record(lease: string, memberships: readonly PresentConnection[]): Promise<void>
  remove(lease: string, memberships: readonly PresentConnection[]): Promise<void>
  /** Keeps what is noted for a lease from expiring. */
  keepNoted(lease: string): Promise<void>
  /** Some of a lease's memberships; none if all are struck. */
  noted(lease: string, limit: number): Promise<readonly PresentConnection[]>

  /** The secret that all nodes share: the candidate, if there was none. */
  secret(candidate: string): Promise<string>
}
