import { assertOptions, is, type OptionRules } from '@roomful/protocol/options'
import type { RedisClientType } from 'redis'

/** A node-redis client, whatever modules and scripts it was made with. */
export type AnyRedisClient = Pick<RedisClientType, 'duplicate' | 'options'>

export interface RedisOptions {
  /** Where Redis is: `redis://user:password@host:6379/0`, or `rediss://` over TLS. @default 'redis://localhost:6379' */
  readonly url?: string
  /** Instead of `url`: a node-redis client whose settings are copied. It is not used itself, and stays yours to close. */
  readonly client?: AnyRedisClient
  /** Begins every key and channel. Servers that share it, and the Redis, are one cluster. @default 'roomful' */
  readonly prefix?: string
  /**
   * What an acknowledgement promises: with `primary` that Redis has the message, which a failover may still lose (and
   * tells); with `replicated` that `replicas` of its replicas have it too, at the price of a round trip to them.
   * @default 'primary'
   */
  readonly durability?: 'primary' | 'replicated'
  /** Replicas that must confirm a `replicated` message; with fewer, nothing is acknowledged. @default 1 */
  readonly replicas?: number
  /** How long they have for it, in ms; after it, the sender is told `unavailable` and tries again. @default 1_000 */
  readonly replicationTimeoutMs?: number
  /** How long Redis has for an answer, in ms; after it, the caller is told `unavailable`. @default 2_000 */
  readonly commandTimeoutMs?: number
  /** Entries that a room's log keeps; a resume from further back is told `recovered: false`. @default 1_000 */
  readonly historyCount?: number
  /** Bytes that a room's log keeps: of text, and 120 for each entry, which is near what Redis takes. @default 1_048_576 */
  readonly historyBytes?: number
  /** Age up to which a room's log keeps entries, in ms. @default 3_600_000 */
  readonly historyMs?: number
  /** How long a client's message is remembered, in ms. Clients are told, and never repeat one blindly after it. @default 600_000 */
  readonly dedupeMs?: number
  /** How long the log of an unused room is known after its last entry, in ms. @default 86_400_000 */
  readonly idleMs?: number
  /** How long after a node was last heard of its members are taken for gone, in ms. @default 15_000 */
  readonly leaseMs?: number
  /** How often a node makes itself heard, in ms. @default 5_000 */
  readonly leaseRenewMs?: number
  /** How often a node compares the heads of its rooms with the logs, to find a lost publish or a fork, in ms. @default 10_000 */
  readonly headCheckMs?: number
}

export type RedisSettings = Required<Omit<RedisOptions, 'url' | 'client'>> & {
  /** How long Redis keeps the record of a client's message, in ms. */
  readonly sentMs: number
}

/** A repeat that left its client within the window may be on its way for as long as a dead connection goes unnoticed. */
const IN_TRANSIT_MS = 60_000

const DEFAULTS: Omit<RedisSettings, 'sentMs'> = {
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
}

/** @throws TypeError for an option that cannot work, with what to do about it */
export function resolveSettings(given: RedisOptions): RedisSettings {
  assertOptions('redis', given, OPTIONS)
  const { url, client, ...options } = given
  if (url !== undefined && client !== undefined)
    throw new TypeError('redis: pass url or client, not both: only one of them would be used')
  const settings = { ...DEFAULTS, ...options }
  const { leaseMs, leaseRenewMs, idleMs, historyMs, dedupeMs } = settings
  if (leaseRenewMs * 2 > leaseMs)
    throw new TypeError(
      'redis: leaseMs must be at least twice leaseRenewMs, or a slow renewal loses the lease',
    )
  // What is known about a log outlives its entries and its dedupe records.
  const sentMs = dedupeMs + IN_TRANSIT_MS
  return { ...settings, sentMs, idleMs: Math.max(idleMs, historyMs, sentMs) }
}
