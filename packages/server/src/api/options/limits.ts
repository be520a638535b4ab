import { suggestion } from '@roomful/protocol/options'
import { MAX_REACTION_BYTES } from '@roomful/protocol/wire'

const KIB = 1024
const MIB = 1024 * KIB

/** Every limit of a server. `Infinity` switches one off. */
export interface Limits {
  /** Longest chat text, in Unicode code points; longer ones get `message_too_long`. @default 1_000 */
  readonly textLength: number
  /** Largest inbound frame, in bytes; a larger one closes the connection with 1009. @default 65_536 */
  readonly frameBytes: number
  /** Maximum number of fragments in one inbound message; more close the connection with 1008. @default 64 */
  readonly frameFragments: number
  /** Deepest nesting of a message, which itself is level 1; deeper ones get `invalid_message`. @default 8 */
  readonly messageDepth: number
  /** Longest reaction, in bytes of UTF-8; longer ones get `invalid_message`. @default 32 */
  readonly reactionBytes: number
  /** How many different reactions a chat message may have; a further one gets `reaction_limit`. @default 20 */
  readonly reactionKinds: number
  /**
   * How many reactions a chat message may have altogether, of all users; one more gets `reaction_limit`. The store keeps
   * each with its user for as long as the message.
   * @default 10_000
   */
  readonly reactionsPerMessage: number
  /** Largest presence state, in bytes of JSON; larger ones get `invalid_message`. @default 2_048 */
  readonly presenceStateBytes: number
  /** Largest profile of an anonymous user, in bytes of JSON; larger ones get `invalid_message`. @default 512 */
  readonly profileBytes: number
  /** How often per minute a connection may set its profile; more get `rate_limited`. @default 10 */
  readonly profileChangesPerMinute: number
  /** Unparseable frames per minute; the last of them closes the connection with 4502. @default 10 */
  readonly unparseablePerMinute: number

  /**
   * Messages per second, including WebSocket pings, for each connection and for each user on one node; more get
   * `rate_limited`.
   * @default 20
   */
  readonly messagesPerSecond: number
  /** Messages that may arrive at once after a quiet time. @default 40 */
  readonly messagesBurst: number
  /**
   * Inbound bytes per second, for each connection and for each user on one node. One second's worth may arrive at
   * once (at least one frame).
   * @default 65_536
   */
  readonly bytesPerSecond: number
  /** Joins per second; a join for the next page is exempt. @default 5 */
  readonly joinsPerSecond: number
  /** Joins that may arrive at once, since a client joins all its rooms again after a reconnect. @default 100 */
  readonly joinsBurst: number
  /** History pages per second. @default 2 */
  readonly historyPerSecond: number
  /**
   * Bytes of `joined` and `history` per second for one connection. A page that exceeds it waits, and so does
   * everything that the connection sent after it.
   * @default 524_288
   */
  readonly pageBytesPerSecond: number
  /**
   * Bytes of these pages that may be sent at once after a quiet time, since a client resumes all its rooms after a
   * reconnect.
   * @default 4_194_304
   */
  readonly pageBytesBurst: number
  /**
   * Joins per second of one user on this node or, without `authenticate`, of one IP address (an IPv6 network of 64
   * bits). Further joins wait for up to 5 s; beyond that they get `rate_limited`. Behind a proxy, set
   * `trustedProxies`, or everybody has the same address.
   * @default 100
   */
  readonly accountJoinsPerSecond: number
  /**
   * Joins of one user or address that may arrive at once, as when an office reconnects after a restart.
   * @default 5_000
   */
  readonly accountJoinsBurst: number
  /**
   * Bytes of `joined` and `history` per second for one user or address. A page that exceeds it waits.
   * @default 1_048_576
   */
  readonly accountPageBytesPerSecond: number
  /** Bytes of these pages that may be sent at once. @default 8_388_608 */
  readonly accountPageBytesBurst: number
  /**
   * Edits, deletions and reactions per second in one room on one node, of all its users together; more get
   * `rate_limited`. One second's worth may arrive at once. Each also counts as a message of its user. What is refused, or
   * changes nothing, counts only there.
   * @default 50
   */
  readonly amendmentsPerSecond: number
  /** Refused bursts per minute; the last of them closes the connection with 4005. @default 3 */
  readonly strikesPerMinute: number

  /**
   * Connections of one IP address (an IPv6 network /64 counts as one) that have not authenticated yet, including
   * those whose token is being checked; more get HTTP 503. An office has one address, and reconnects all at once
   * after a restart.
   * @default 500
   */
  readonly pendingPerAddress: number
  /**
   * How many of these may take longer than `silentMs` to send their `auth`; the others are closed with 1013 and learn
   * when to return.
   * @default 20
   */
  readonly silentPerAddress: number
  /**
   * Time within which an `auth` is expected if many connections of an address wait, in ms; a busy server waits
   * longer.
   * @default 2_000
   */
  readonly silentMs: number
  /**
   * Connections of one user on one node. One more closes the connection that has been silent for the longest time,
   * with 4009; its client waits until somebody looks at its page.
   * @default 10
   */
  readonly connectionsPerUser: number
  /** Connections of one node; more get HTTP 503. @default 10_000 */
  readonly connections: number
  /** Rooms of one connection; a further join gets `room_limit`. @default 100 */
  readonly roomsPerConnection: number
  /**
   * Rooms that one connection may watch; a longer list gets `room_limit`. They do not count as rooms of the connection.
   * @default 200
   */
  readonly watchedRoomsPerConnection: number
  /**
   * Rooms that the connections of one node may watch together, counted for each connection; a list beyond it gets
   * `unavailable`. Each takes about 400 bytes.
   * @default 200_000
   */
  readonly watchedRooms: number
  /** Rooms with members on one node; a join to a further room gets `unavailable`. @default 100_000 */
  readonly rooms: number
  /**
   * Up to this number of users, a room's members are listed and each join and leave is announced. A larger room gets
   * one count a second, until it has shrunk to nine tenths. A room whose list would be longer than half of
   * `pageBytes` counts as larger, too.
   * @default 200
   */
  readonly listedMembers: number
  /**
   * Bytes per second, for all members together, of the complete member lists that a room sends when it has become
   * small again; after a long list, the next one waits.
   * @default 1_048_576
   */
  readonly listBytesPerSecond: number
  /**
   * How often per second a room announces only joins and leaves; further ones are collected for the next time. They
   * never wait longer than a message after them.
   * @default 2
   */
  readonly presenceUpdatesPerSecond: number
  /** How often a room may announce them at once after a quiet time. @default 10 */
  readonly presenceUpdatesBurst: number
  /** Users of one room who are shown as typing; more are dropped silently. @default 50 */
  readonly typersPerRoom: number

  /** Messages of one connection that may wait to be handled; more pause its socket. @default 64 */
  readonly inboundQueue: number
  /**
   * Outbound backlog of one connection, in bytes. Above a quarter of it, volatile messages are dropped; above it, the
   * connection is closed with 4002.
   * @default 1_048_576
   */
  readonly backlogBytes: number
  /**
   * Outbound backlog of the node, in bytes; above it, the slowest readers are closed with 4002.
   * @default 268_435_456
   */
  readonly nodeBacklogBytes: number
  /** Largest `joined` or `history` page, in bytes; a member list may take half of it. @default 262_144 */
  readonly pageBytes: number

  /**
   * How long the messages of a room are collected, counted from the first, so that each member gets them in one
   * write, in ms; 0 sends at the end of the turn of the event loop. A longer time makes busy rooms cheaper, and
   * delays each message by up to that time.
   * @default 0
   */
  readonly flushMs: number
  /** This many messages of a room are sent without further waiting. @default 100 */
  readonly flushMessages: number
  /** This many bytes of a room are sent without further waiting. @default 65_536 */
  readonly flushBytes: number

  /**
   * Sockets that are not (yet) WebSockets; more are dropped at once, and so is a socket that has not read ten
   * answers. Only for `listen` and the command: your own HTTP server has its own limits.
   * @default 1_000
   */
  readonly httpSockets: number
  /**
   * Time for an HTTP request to arrive in full, a TLS handshake to complete, or an answer to be read, in ms; then the
   * socket is closed. Only for `listen` and the command.
   * @default 10_000
   */
  readonly requestMs: number
  /**
   * Log lines per event and minute; at the end of the minute, one more line gives the number of omitted lines.
   * @default 60
   */
  readonly logLinesPerMinute: number

  /** Time within which a connection must authenticate, in ms; then it is closed with 4008. @default 10_000 */
  readonly authenticationMs: number
  /**
   * Time between WebSocket pings, in ms; a connection that misses a whole interval is dropped (4001).
   * @default 25_000
   */
  readonly heartbeatMs: number
  /** Time that a hook or handler may take, in ms; then its signal aborts and the client gets `internal`. @default 30_000 */
  readonly handlerMs: number
  /** Time after which a typing notice ends by itself, in ms. @default 5_000 */
  readonly typingMs: number
  /** How long a user whose connection broke stays in its rooms, in ms. @default 10_000 */
  readonly graceMs: number
}

export const DEFAULT_LIMITS: Limits = {
  textLength: 1_000,
  frameBytes: 64 * KIB,
  frameFragments: 64,
  messageDepth: 8,
  reactionBytes: MAX_REACTION_BYTES,
  reactionKinds: 20,
  reactionsPerMessage: 10_000,
  presenceStateBytes: 2 * KIB,
  profileBytes: 512,
  profileChangesPerMinute: 10,
  unparseablePerMinute: 10,
  messagesPerSecond: 20,
  messagesBurst: 40,
  bytesPerSecond: 64 * KIB,
  joinsPerSecond: 5,
  joinsBurst: 100,
  historyPerSecond: 2,
  pageBytesPerSecond: 512 * KIB,
  pageBytesBurst: 4 * MIB,
  accountJoinsPerSecond: 100,
  accountJoinsBurst: 5_000,
  accountPageBytesPerSecond: MIB,
  accountPageBytesBurst: 8 * MIB,
  amendmentsPerSecond: 50,
  strikesPerMinute: 3,
  pendingPerAddress: 500,
  silentPerAddress: 20,
  silentMs: 2_000,
  connectionsPerUser: 10,
  connections: 10_000,
  roomsPerConnection: 100,
  watchedRoomsPerConnection: 200,
  watchedRooms: 200_000,
  rooms: 100_000,
  listedMembers: 200,
  listBytesPerSecond: MIB,
  presenceUpdatesPerSecond: 2,
  presenceUpdatesBurst: 10,
  typersPerRoom: 50,
  inboundQueue: 64,
  backlogBytes: MIB,
  nodeBacklogBytes: 256 * MIB,
  pageBytes: 256 * KIB,
  flushMs: 0,
  flushMessages: 100,
  flushBytes: 64 * KIB,
  httpSockets: 1_000,
  requestMs: 10_000,
  logLinesPerMinute: 60,
  authenticationMs: 10_000,
  heartbeatMs: 25_000,
  handlerMs: 30_000,
  typingMs: 5_000,
  graceMs: 10_000,
}

/** The limits for per-client fairness, which `ROOMFUL_LIMITS=off` sets to infinite. */
export const UNLIMITED: Partial<Limits> = {
  messagesPerSecond: Number.POSITIVE_INFINITY,
  messagesBurst: Number.POSITIVE_INFINITY,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  joinsPerSecond: Number.POSITIVE_INFINITY,
  joinsBurst: Number.POSITIVE_INFINITY,
  historyPerSecond: Number.POSITIVE_INFINITY,
  pageBytesPerSecond: Number.POSITIVE_INFINITY,
  pageBytesBurst: Number.POSITIVE_INFINITY,
  accountJoinsPerSecond: Number.POSITIVE_INFINITY,
  accountJoinsBurst: Number.POSITIVE_INFINITY,
  accountPageBytesPerSecond: Number.POSITIVE_INFINITY,
  accountPageBytesBurst: Number.POSITIVE_INFINITY,
  amendmentsPerSecond: Number.POSITIVE_INFINITY,
  profileChangesPerMinute: Number.POSITIVE_INFINITY,
  pendingPerAddress: Number.POSITIVE_INFINITY,
  silentPerAddress: Number.POSITIVE_INFINITY,
  connectionsPerUser: Number.POSITIVE_INFINITY,
  connections: Number.POSITIVE_INFINITY,
  roomsPerConnection: Number.POSITIVE_INFINITY,
  watchedRoomsPerConnection: Number.POSITIVE_INFINITY,
  watchedRooms: Number.POSITIVE_INFINITY,
  rooms: Number.POSITIVE_INFINITY,
  httpSockets: Number.POSITIVE_INFINITY,
}

/** Limits for which 0 is a valid choice. */
const MAY_BE_ZERO: ReadonlySet<string> = new Set<keyof Limits>(['flushMs'])

/** Fills in the defaults. @throws TypeError for an unknown name, or for a value that is not a number above 0 */
export function resolveLimits(given: Partial<Limits> = {}): Limits {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) {
      throw new TypeError(
        `createServer: there is no option 'limits.${name}'; ${suggestion(name, Object.keys(DEFAULT_LIMITS))}`,
      )
    }
    if (typeof value !== 'number' || !(value > 0 || (value === 0 && MAY_BE_ZERO.has(name)))) {
      throw new TypeError(
        `createServer: limits.${name} must be a number above 0 (or Infinity to switch it off), not ${String(value)}`,
      )
    }
  }
  return { ...DEFAULT_LIMITS, ...given }
}
