import { type RedisSettings, resolveSettings } from '../../../packages/server/src/backplane/redis/options.js'
import { Random } from '../random.js'
import { type Trait, type Traits, traitsOf } from '../traits.js'

/** What makes a cluster harder than the plain one. */
const CLUSTER_TRAITS = [
  /** Acknowledged is what a replica has. */
  'replicated',
  /** Replicas are promoted, perhaps before they have got everything. */
  'failovers',
  /** Redis comes back from a restart with nothing. */
  'forgetful',
  /** Two nodes, and not three. */
  'two nodes',
] as const

export type ClusterTrait = (typeof CLUSTER_TRAITS)[number]

export interface ClusterTraits {
  readonly people: Traits
  readonly cluster: ReadonlySet<ClusterTrait>
  readonly settings: RedisSettings
}

/** Features of the memory backplane alone, and clients that cannot learn of a break. */
const WITHOUT: readonly Trait[] = ['distant store', 'few remembered', 'naive']

export function clusterTraitsOf(seed: number): ClusterTraits {
  const random = new Random(seed ^ 0xc105)
  const cluster = new Set(CLUSTER_TRAITS.filter(() => random.next() < 0.4))
  // No promise survives the loss of everything.
  if (cluster.has('replicated')) cluster.delete('forgetful')
  const people = traitsOf(seed)
  const names = new Set([...people.names].filter((name) => !WITHOUT.includes(name)))
  const { historyCount, dedupeMs } = people.memory
  const durability = cluster.has('replicated') ? 'replicated' : 'primary'
  return {
    cluster,
    people: { ...people, names },
    settings: resolveSettings({ historyCount, dedupeMs, durability }),
  }
}
