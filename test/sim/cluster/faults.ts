import { pickByWeight } from '../faults.js'
import type { Random } from '../random.js'
import type { ModelRedis } from './model-redis.js'
import type { SimNode } from './node.js'
import type { Blockade } from './road.js'
import type { ClusterTrait } from './traits.js'

/** What a fault between nodes and Redis can strike. */
export interface ClusterTargets {
  readonly redis: ModelRedis
  readonly nodes: readonly SimNode[]
  readonly traits: ReadonlySet<ClusterTrait>
  after(ms: number, task: () => void): void
  log(event: string): void
}

type Strike = (targets: ClusterTargets, node: SimNode, size: number) => void

const block =
  (how: Blockade): Strike =>
  ({ after }, { road }, size) => {
    road?.block(how)
    after(size * 22_000, () => road?.open())
  }

/** By weight; `size` in [0, 1) says how bad it is. */
const FAULTS: readonly (readonly [weight: number, name: string, strike: Strike])[] = [
  [14, 'loses publications', (_, { store }, size) => store && losePublications(store, size)],
  [8, 'loses its subscriber', (_, { store }) => store?.subscriptions.cut()],
  [8, 'loses its connection for commands', (_, { store }) => store?.cutCommands()],
  [8, 'is far from Redis', stray],
  [6, 'is refused by Redis', block('refused')],
  [3, 'is not heard by Redis', block('to_redis')],
  [3, 'does not hear Redis', block('to_node')],
  [3, 'is cut off from Redis', block('both')],
  [6, 'crashes', (_, node, size) => node.crash(200 + size * 8_000)],
  [4, 'drains', (_, node, size) => void node.drain(size * 8_000)],
  [6, 'sees Redis restarted', ({ redis }, _, size) => redis.restart(100 + size * 5_000)],
  [6, 'sees the replicas fall behind', ({ redis }, _, size) => redis.stallReplicas(size * 5_000)],
  [18, 'sees a replica promoted', promote],
  [6, 'sees Redis come back with nothing', forget],
]

/** Draws a fault now; it strikes when the returned function is called. */
export function drawClusterFault(random: Random): (targets: ClusterTargets) => void {
  const [, name, strike] = pickByWeight(FAULTS, random.next())
  const whom = random.next()
  const size = random.next()
  return (targets) => {
    const node = targets.nodes[Math.floor(whom * targets.nodes.length)]
    if (!node) return
    targets.log(`${node.name} ${name} (${size.toFixed(2)})`)
    strike(targets, node, size)
  }
}

function losePublications({ subscriptions }: { subscriptions: { deafFor: number } }, size: number): void {
  subscriptions.deafFor = 1 + Math.floor(size * 6)
}

function stray({ after }: ClusterTargets, { road }: SimNode, size: number): void {
  road?.lengthen(Math.round(size * 600))
  after(5_000, () => road?.shorten())
}

/** Half of the time, the replicas lag behind when the primary dies. */
function promote({ redis, traits, after }: ClusterTargets, _: SimNode, size: number): void {
  if (!traits.has('failovers')) return
  const behindMs = Math.max(0, size - 0.5) * 4_000
  if (behindMs > 0) redis.stallReplicas(behindMs + 1)
  after(behindMs, () => redis.failOver(100 + size * 4_000))
}

function forget({ redis, traits }: ClusterTargets, _: SimNode, size: number): void {
  if (traits.has('forgetful')) redis.forget(100 + size * 3_000)
}
