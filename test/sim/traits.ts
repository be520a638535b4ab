import { DEFAULT_LIMITS, type Limits, type MemoryOptions } from '@roomful/server'
import { Random } from './random.js'

/** What makes a world harder than the plain one. Each seed draws some. */
export const TRAITS = [
  /** Logs keep so little that some resumes come too late. */
  'short history',
  /** Each call of the backplane takes its time, so that things happen while it is under way. */
  'distant store',
  /** A resume takes several pages. */
  'small pages',
  /** Ids are remembered for so short a time that some outcomes stay unknown. */
  'short dedupe',
  /** The server publishes messages of the application's own. */
  'server messages',
  /** Members leave rooms and join them again. */
  'wanderers',
  /** Some come in the middle, and ask for a part of the past. */
  'latecomers',
  /** One speaks nothing but the base messages. */
  'naive',
  /** Users have tokens that expire; two devices are one user; getter, authentication and authorization fail at times. */
  'tokens',
  /** Pages die and come back over the same storage. */
  'reloads',
  /** Fewer messages, and fewer edits and deletions, are allowed than are written. */
  'tight rates',
  /** The application takes its time with each message. */
  'slow handlers',
  /** The application refuses some messages, and fails on some. */
  'refusals',
  /** Members are sent away, and join again. */
  'kicks',
  /** So few ids are remembered that a message in doubt may be one that is forgotten. */
  'few remembered',
  /** Rooms gather their messages, so that joins and breaks fall into the time between. */
  'gathering rooms',
] as const

export type Trait = (typeof TRAITS)[number]

export interface Traits {
  readonly names: ReadonlySet<Trait>
  readonly memory: { readonly historyCount: number; readonly dedupeMs: number } & MemoryOptions
  readonly limits: Partial<Limits>
}

/** By trait, why messages may be refused to a sender. */
const REFUSALS: Partial<Record<Trait, readonly string[]>> = {
  // Refused on a later connection than the first, nothing is known of the first.
  refusals: ['bad_word', 'internal', 'outcome_unknown'],
  wanderers: ['not_in_room', 'outcome_unknown'],
  kicks: ['not_in_room', 'forbidden', 'outcome_unknown'],
  'short dedupe': ['outcome_unknown'],
  'few remembered': ['outcome_unknown'],
  // The age of messages that a dead page left is measured by the wall clock, which jumps.
  reloads: ['outcome_unknown'],
}

export function refusalsIn(names: ReadonlySet<Trait>): ReadonlySet<string> {
  return new Set([...names].flatMap((name) => REFUSALS[name] ?? []))
}

export function traitsOf(seed: number): Traits {
  const random = new Random(seed ^ 0x5eed)
  const names = new Set(TRAITS.filter(() => random.next() < 0.3))
  // Without a token a page that comes back is another user, whom the messages of the first one do not concern.
  if (names.has('reloads')) names.add('tokens')
  return {
    names,
    memory: {
      historyCount: names.has('short history') ? 12 : 1_000,
      dedupeMs: names.has('short dedupe') ? 12_000 : 600_000,
      dedupeCount: names.has('few remembered') ? 5 : 100_000,
    },
    limits: {
      flushMs: names.has('gathering rooms') ? 200 : DEFAULT_LIMITS.flushMs,
      pageBytes: names.has('small pages') ? 1_000 : DEFAULT_LIMITS.pageBytes,
      ...(names.has('tight rates') && {
        messagesPerSecond: 3,
        messagesBurst: 6,
        joinsBurst: 4,
        amendmentsPerSecond: 1,
      }),
    },
  }
}
