import { assertOptions, is, type OptionRules } from '@roomful/protocol/options'
import type { RedisClientType } from 'redis'

/** A node-redis client, whatever modules and scripts it was created with. */
export type AnyRedisClient = Pick<RedisClientType, 'duplicate' | 'options'>

export interface RedisOptions {
  /**
   * The address of Redis: `redis://user:password@host:6379/0`, or `rediss://` for TLS.
   * @default 'redis://localhost:6379'
   */
  readonly url?: string
  /**
   * Instead of `url`: a node-redis client whose settings are copied. The client itself is not used, and you must
   * close it yourself.
   */
  readonly client?: AnyRedisClient
  /**
   * The beginning of every key and channel. Servers with the same prefix and Redis form one cluster.
   * @default 'roomful'
   */
  readonly prefix?: string
  /**
   * What an acknowledgement promises. With `primary`, Redis has the message; a failover may still lose it, which
   * clients learn. With `replicated`, `replicas` of its replicas have it too, at the cost of a round trip to them.
   * @default 'primary'
   */
  readonly durability?: 'primary' | 'replicated'
  /** How many replicas must confirm a `replicated` message; with fewer, nothing is acknowledged. @default 1 */
  readonly replicas?: number
  /**
   * Time-out for their confirmation, in ms; after it, the sender gets `unavailable` and tries again.
   * @default 1_000
   */
  readonly replicationTimeoutMs?: number
  /** Time-out for an answer from Redis, in ms; after it, the caller gets `unavailable`. @default 2_000 */
  readonly commandTimeoutMs?: number
  /** Maximum number of entries in a room's log; a resume from further back gets `recovered: false`. @default 1_000 */
  readonly historyCount?: number
  /**
   * Maximum bytes in a room's log: its text, plus 120 for each entry, which is close to what Redis uses.
   * @default 1_048_576
   */
  readonly historyBytes?: number
  /** Maximum age of entries in a room's log, in ms. @default 3_600_000 */
  readonly historyMs?: number
  /**
   * How long a client's message is remembered, in ms. Clients receive this time, and never repeat a message blindly
   * after it.
   * @default 600_000
   */
  readonly dedupeMs?: number
  /** How long the log of an unused room exists after its last entry, in ms. @default 86_400_000 */
  readonly idleMs?: number
  /** How long after a node's last sign of life its members count as gone, in ms. @default 15_000 */
  readonly leaseMs?: number
  /** How often a node renews its lease, in ms. @default 5_000 */
  readonly leaseRenewMs?: number
  /**
   * Keeps a feed of all entries of all rooms, for `server.changes()` and `server.consume()`: the newest `count` entries
   * and `bytes`, beside the rooms' own logs. Give it to every node of a cluster.
   * @default none; `{}` keeps 100_000 entries and 67_108_864 bytes
   */
  readonly changes?: { readonly count?: number; readonly bytes?: number }
  /**
   * How often a node compares the heads of its rooms with the logs, to detect a lost publish or a fork, in ms.
   * @default 10_000
   */
  readonly headCheckMs?: number
  /** How many users' marks a room keeps; the one that was moved longest ago goes first. @default 10_000 */
  readonly marksCount?: number
  /** How long a user's mark is kept after it was moved last, in ms, if the room's log lives so long. @default 7_776_000_000, 90 days */
  readonly marksMs?: number
}

export interface ChangeSettings {
  readonly count: number
  readonly bytes: number
}

export type RedisSettings = Required<Omit<RedisOptions, 'url' | 'client' | 'changes'>> & {
  readonly changes: ChangeSettings | undefined
  /** How long Redis keeps the record of a client's message, in ms. */
  readonly sentMs: number
}

/** A repeat that was sent within the window may travel for as long as a dead connection goes unnoticed. */
const IN_TRANSIT_MS = 60_000

const DEFAULT_CHANGES: ChangeSettings = { count: 100_000, bytes: 67_108_864 }

const DEFAULTS: Omit<RedisSettings, 'sentMs' | 'changes'> = {
  prefix: 'roomful',
  durability: 'primary',
  replicas: 1,
  replicationTimeoutMs: 1_000,
  commandTimeoutMs: 2_000,
  historyCount: 1_000,
  historyBytes: 1_048_576,
  historyMs: 3_600_000,
  dedupeMs: 600_000,
  idleMs: 86_400_000,
  leaseMs: 15_000,
  leaseRenewMs: 5_000,
  headCheckMs: 10_000,
  marksCount: 10_000,
  marksMs: 7_776_000_000,
}

const aCount = is.rule('a whole number above 0', (value) => Number.isSafeInteger(value) && Number(value) > 0)

const OPTIONS: OptionRules<RedisOptions> = {
  url: is.rule(
    'a URL such as redis://localhost:6379, or rediss:// for TLS',
    (value) => typeof value === 'string' && URL.canParse(value) && /^rediss?:/.test(value),
  ),
  client: is.with('a client that createClient() of node-redis returned', 'duplicate'),
  prefix: is.rule(
    'a string without braces, which would move the keys of a cluster',
    (value) => typeof value === 'string' && !/[{}]/.test(value),
  ),
  durability: is.oneOf('primary', 'replicated'),
  replicas: aCount,
  replicationTimeoutMs: aCount,
  commandTimeoutMs: aCount,
  historyCount: aCount,
  historyBytes: aCount,
  historyMs: aCount,
  dedupeMs: aCount,
  idleMs: aCount,
  leaseMs: aCount,
  leaseRenewMs: aCount,
  headCheckMs: aCount,
  marksCount: aCount,
  marksMs: aCount,
  changes: is.object,
}

const CHANGES: OptionRules<ChangeSettings> = { count: aCount, bytes: aCount }

/** @throws TypeError for an option that cannot work; it says how to fix it */
export function resolveSettings(given: RedisOptions): RedisSettings {
  assertOptions('redis', given, OPTIONS)
  if (given.changes) assertOptions('redis', given.changes, CHANGES, 'changes')
  const { url, client, changes, ...options } = given
  if (url !== undefined && client !== undefined)
    throw new TypeError('redis: pass url or client, not both: only one of them would be used')
  const settings = { ...DEFAULTS, ...options }
  const { leaseMs, leaseRenewMs, idleMs, historyMs, dedupeMs } = settings
  if (leaseRenewMs * 2 > leaseMs)
    throw new TypeError(
      'redis: leaseMs must be at least twice leaseRenewMs, or a slow renewal loses the lease',
    )
  // The state of a log outlives its entries and its dedupe records.
  const sentMs = dedupeMs + IN_TRANSIT_MS
  const feed = changes && { ...DEFAULT_CHANGES, ...changes }
  return { ...settings, changes: feed, sentMs, idleMs: Math.max(idleMs, historyMs, sentMs) }
}
