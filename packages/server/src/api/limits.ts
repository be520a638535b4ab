import { suggestion } from '@roomful/protocol/options'

const KIB = 1024
const MIB = 1024 * KIB

/** Every limit of a server. `Infinity` switches one off, through the same code. */
export interface Limits {
  /** Longest chat text, in Unicode code points; longer ones get `message_too_long`. @default 1_000 */
  readonly textLength: number
  /** Largest inbound frame, in bytes; a larger one closes the connection with 1009. @default 65_536 */
  readonly frameBytes: number
  /** Most fragments of one inbound message; more close the connection with 1008. @default 64 */
  readonly frameFragments: number
  /** Deepest nesting of a message, itself being 1; deeper ones get `invalid_message`. @default 8 */
  readonly messageDepth: number
  /** Largest presence state, in bytes of JSON; larger ones get `invalid_message`. @default 2_048 */
  readonly presenceStateBytes: number
  /** Unparseable frames a minute; the last of them closes the connection with 4502. @default 10 */
  readonly unparseablePerMinute: number

  /** Messages a second, WebSocket pings among them, for a connection and for a user on one node; more get `rate_limited`. @default 20 */
  readonly messagesPerSecond: number
  /** Messages that may come at once after a quiet time. @default 40 */
  readonly messagesBurst: number
  /** Inbound bytes a second, for a connection and for a user on one node, with one second's worth at once (one frame at the least). @default 65_536 */
  readonly bytesPerSecond: number
  /** Joins a second; a join that continues a paged one is exempt. @default 5 */
  readonly joinsPerSecond: number
  /** Joins that may come at once: a client rejoins all its rooms after a reconnect. @default 100 */
  readonly joinsBurst: number
  /** History pages a second. @default 2 */
  readonly historyPerSecond: number
  /** Bytes of `joined` and `history` a second for one connection. What would be more waits, and with it what the connection sent after it. @default 524_288 */
  readonly pageBytesPerSecond: number
  /** Bytes of them that may come at once after a quiet time: a client resumes all its rooms after a reconnect. @default 4_194_304 */
  readonly pageBytesBurst: number
  /** Joins a second of one user on this node, or, without `authenticate`, of one IP address (an IPv6 network of 64 bits). More wait for up to 5 s, beyond that they get `rate_limited`. Behind a proxy, set `trustedProxies`, or everybody is one address. @default 100 */
  readonly accountJoinsPerSecond: number
  /** Joins of theirs that may come at once: an office comes back after a restart. @default 5_000 */
  readonly accountJoinsBurst: number
  /** Bytes of `joined` and `history` a second for the same ones together. What would be more waits. @default 1_048_576 */
  readonly accountPageBytesPerSecond: number
  /** Bytes of them that may come at once. @default 8_388_608 */
  readonly accountPageBytesBurst: number
  /** Refused bursts a minute; the last of them closes the connection with 4005. @default 3 */
  readonly strikesPerMinute: number

  /** Connections of one IP address (of one IPv6 network, /64) that have not authenticated yet, also those whose token is being checked; more get HTTP 503. An office is one address, and comes back at once after a restart. @default 500 */
  readonly pendingPerAddress: number
  /** Of those, how many may take longer than `silentMs` to send their `auth`; the others are closed with 1013 and told when to come back. @default 20 */
  readonly silentPerAddress: number
  /** Time within which an `auth` is expected where many of an address wait, in ms; a busy server counts it longer. @default 2_000 */
  readonly silentMs: number
  /**
   * Connections of one user on one node; one more closes the one that sent nothing for longest, with 4009: its client waits
   * until somebody looks at its page. @default 10
   */
  readonly connectionsPerUser: number
  /** Connections of one node; more get HTTP 503. @default 10_000 */
  readonly connections: number
  /** Rooms of one connection; more get `room_limit`. @default 100 */
  readonly roomsPerConnection: number
  /** Rooms with members on one node; a join of one more gets `unavailable`. @default 100_000 */
  readonly rooms: number
  /** Users of a room up to which its members are listed and each join and leave is told; above, one count a second, until nine tenths of them are left. So where the list would be longer than half of `pageBytes`. @default 200 */
  readonly listedMembers: number
  /** Bytes a second, all members together, that whole member lists of one room may take when it has become small again; after a long one, the next waits. @default 1_048_576 */
  readonly listBytesPerSecond: number
  /** Times a second that a room is told of nothing but joins and leaves; more are gathered until the next. They never wait longer than a message after them. @default 2 */
  readonly presenceUpdatesPerSecond: number
  /** Times that a room is told at once after a quiet time. @default 10 */
  readonly presenceUpdatesBurst: number
  /** Users of one room shown as typing; more are dropped silently. @default 50 */
  readonly typersPerRoom: number

  /** Messages of one connection that wait to be handled; more pause its socket. @default 64 */
  readonly inboundQueue: number
  /** Outbound backlog of one connection, in bytes: volatile messages stop at a quarter of it, above it the connection is closed with 4002. @default 1_048_576 */
  readonly backlogBytes: number
  /** Outbound backlog of the node, in bytes; above it, those who read the slowest are closed with 4002. @default 268_435_456 */
  readonly nodeBacklogBytes: number
  /** Largest `joined` or `history` page, in bytes; a member list may take half of it. @default 262_144 */
  readonly pageBytes: number

  /** Time for which messages of a room are gathered, from the first of them, so that they go out in one write a member, in ms; 0 sends at the end of the turn of the event loop. A longer one makes hot rooms cheaper, and delays each message by up to that. @default 0 */
  readonly flushMs: number
  /** Messages of a room that are sent without a further wait. @default 100 */
  readonly flushMessages: number
  /** The same, in bytes. @default 65_536 */
  readonly flushBytes: number

  /** Sockets that are no WebSocket, or not yet; more are dropped at once, as is one with more than ten answers that it has not read. For `listen` and the command: an HTTP server of your own has its own. @default 1_000 */
  readonly httpSockets: number
  /** Time for an HTTP request to arrive in full, a TLS handshake to end or an answer to be read, in ms; then the socket is closed. For `listen` and the command, as `httpSockets`. @default 10_000 */
  readonly requestMs: number
  /** Log lines of one event a minute; of more, their number is logged when the minute is over. @default 60 */
  readonly logLinesPerMinute: number

  /** Time to authenticate in, in ms; then the connection is closed with 4008. @default 10_000 */
  readonly authenticationMs: number
  /** Time between WebSocket pings, in ms; a connection that misses one whole interval is dropped (4001). @default 25_000 */
  readonly heartbeatMs: number
  /** Time that a hook or handler may take, in ms; then its signal aborts and the client gets `internal`. @default 30_000 */
  readonly handlerMs: number
  /** Time after which a typing notice ends by itself, in ms. @default 5_000 */
  readonly typingMs: number
  /** Time that a user whose connection broke stays in its rooms, in ms. @default 10_000 */
  readonly graceMs: number
}

export const DEFAULT_LIMITS: Limits = {
  textLength: 1_000,
  frameBytes: 64 * KIB,
  frameFragments: 64,
  messageDepth: 8,
  presenceStateBytes: 2 * KIB,
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
  strikesPerMinute: 3,
  pendingPerAddress: 500,
  silentPerAddress: 20,
  silentMs: 2_000,
  connectionsPerUser: 10,
  connections: 10_000,
  roomsPerConnection: 100,
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

/** The limits that keep one client from another's throat; what `ROOMFUL_LIMITS=off` makes infinite. */
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
  pendingPerAddress: Number.POSITIVE_INFINITY,
  silentPerAddress: Number.POSITIVE_INFINITY,
  connectionsPerUser: Number.POSITIVE_INFINITY,
  connections: Number.POSITIVE_INFINITY,
  roomsPerConnection: Number.POSITIVE_INFINITY,
  rooms: Number.POSITIVE_INFINITY,
  httpSockets: Number.POSITIVE_INFINITY,
}

/** Where none at all is a choice. */
const MAY_BE_ZERO: ReadonlySet<string> = new Set<keyof Limits>(['flushMs'])

/** Fills in the defaults. @throws TypeError for an unknown name or a value that is no number above 0 */
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
