import { Random } from '../random.js'
import { type Trait, type Traits, traitsOf } from '../traits.js'

/** What makes a disk worse than a good one. */
const DISK_TRAITS = [
  /** Messages are acknowledged once the system has them; they reach the disk later. */
  'buffered',
  /** The whole machine goes down, not only the process. */
  'power cuts',
  /** Now and then the disk is slow, full, or cannot write. */
  'sick',
  /** The thread that owns the file crashes in the middle of its work. */
  'thread crashes',
  /** An old copy of the file takes its place. */
  'restored backups',
] as const

export type DiskTrait = (typeof DISK_TRAITS)[number]

export interface DiskTraits {
  readonly people: Traits
  readonly disk: ReadonlySet<DiskTrait>
  /** An application reads all rooms by `consume`. */
  readonly hasConsumer: boolean
}

/** Not needed: thread and disk are slow anyway. */
const WITHOUT: Trait = 'distant store'

export function diskTraitsOf(seed: number): DiskTraits {
  const random = new Random(seed ^ 0xd15c)
  const disk = new Set(DISK_TRAITS.filter(() => random.next() < 0.5))
  const hasConsumer = random.next() < 0.3
  const people = traitsOf(seed)
  const names = new Set([...people.names].filter((name) => name !== WITHOUT))
  // A client that knows only the base messages cannot learn of a fork.
  if (disk.has('restored backups') || (disk.has('buffered') && disk.has('power cuts'))) names.delete('naive')
  // By default a file keeps everything, so every resume must recover.
  const historyCount = names.has('short history') ? people.memory.historyCount : Number.POSITIVE_INFINITY
  return { disk, hasConsumer, people: { ...people, names, memory: { ...people.memory, historyCount } } }
}
