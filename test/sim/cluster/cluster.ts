import type { Backplane, RoomInfo, ServerOptions } from '@roomful/server'
import type { TestServer } from '@roomful/server/testing'
import type { StreamMessage } from '../../../packages/server/src/backplane/redis/store.js'
import { textOf } from '../oracle.js'
import type { SimProtocol } from '../protocol.js'
import { seen } from '../seen.js'
import { checkPresent, checkRoom, checkState } from '../settled.js'
import { DURATION_MS, type Run, World } from '../world.js'
import { Balancer } from './balancer.js'
import { drawClusterFault } from './faults.js'
import { ModelRedis } from './model-redis.js'
import { SimNode } from './node.js'
import { type ClusterTrait, type ClusterTraits, clusterTraitsOf } from './traits.js'

/** What the single node's world reports, and what a failover took. */
export interface ClusterRun extends Run {
  readonly lost: number
  readonly acknowledgedAndLost: number
}

const CLUSTER_FAULTS = 12

/** Runs real clients against real nodes on a model of Redis, all by one seed. */
export async function simulateCluster(seed: number, traits = clusterTraitsOf(seed)): Promise<ClusterRun> {
  const world = new Cluster(seed, traits)
  await world.run()
  const { lostCount: lost, acknowledgedAndLost } = world.oracle
  return { ...world.result(), lost, acknowledgedAndLost }
}

class Cluster extends World {
  override readonly network: Balancer
  readonly #redis: ModelRedis
  readonly #nodes: readonly SimNode[]
  readonly #traits: ClusterTraits

  constructor(seed: number, traits: ClusterTraits) {
    super(seed, traits.people)
    const { clock, oracle } = this
    const random = this.random.fork()
    this.#traits = traits
    this.log(`a cluster with ${[...traits.cluster].join(', ') || 'nothing special'}`)
    this.network = new Balancer(clock, random.fork())
    this.#redis = new ModelRedis(clock, random.fork(), traits.settings, {
      logged: (room, { epoch, entry }) => {
        if (isRoom(room)) oracle.logged(room, seenIn(epoch, entry), entry.previousId)
      },
      lost: (room, { epoch, entry }) => {
        if (isRoom(room)) oracle.vanished(room, seenIn(epoch, entry))
      },
      forgotten: (room) => {
        if (isRoom(room)) oracle.restarts++
      },
    })
    const deps = {
      clock,
      redis: this.#redis,
      settings: traits.settings,
      balancer: this.network,
      options: () => this.options(),
      newId: () => this.newId(),
    }
    this.#nodes = Array.from(
      { length: this.#is('two nodes') ? 2 : 3 },
      (_, index) => new SimNode(`n${index}`, random.fork(), deps),
    )
  }

  protected override async start(): Promise<void> {
    for (const node of this.#nodes) node.start()
  }

  protected override options(): ServerOptions<SimProtocol> {
    const { sessionSecret, ...options } = super.options()
    // One that Redis forgets would make another user of whoever comes back.
    return this.#is('forgetful') && sessionSecret !== undefined ? { ...options, sessionSecret } : options
  }

  protected override speaker(): TestServer<SimProtocol> | undefined {
    return this.random.pick(this.#nodes).server
  }

  protected override store(): Backplane | undefined {
    return this.random.pick(this.#nodes).backplane
  }

  /**
   * Whether it was accepted is not known if the node dies, or Redis is away: it may stand behind the next one. So each
   * is of another sender.
   */
  protected override async publish(
    server: TestServer<SimProtocol>,
    roomId: string,
    sequence: number,
  ): Promise<void> {
    const text = textOf(`server-${sequence}`, 0)
    await this.say(server, roomId, text).catch(() => this.log(`nobody knows what became of '${text}'`))
  }

  protected override restart(how: 'crash' | 'drain', downMs: number): void {
    const node = this.random.pick(this.#nodes)
    this.log(`it is ${node.name}`)
    if (how === 'crash') node.crash(200 + downMs)
    else void node.drain(200 + downMs)
  }

  protected override planFaults(): void {
    super.planFaults()
    for (let i = 0; i < CLUSTER_FAULTS; i++) {
      const at = this.random.between(1_000, DURATION_MS)
      const strike = drawClusterFault(this.random)
      this.strikeAt(at, () =>
        strike({
          redis: this.#redis,
          nodes: this.#nodes,
          traits: this.#traits.cluster,
          after: (ms, task) => void this.clock.after(ms, task),
          log: (event) => this.log(event),
        }),
      )
    }
  }

  protected override heal(): void {
    super.heal()
    for (const { road } of this.#nodes) {
      road?.open()
      road?.shorten()
    }
  }

  protected override async conclude(): Promise<void> {
    await super.conclude()
    for (const { client } of this.people)
      for (const room of this.rooms)
        for (const entry of client.room(room).timeline.get())
          if (entry.kind === 'message' && entry.state === 'lost')
            this.oracle.shownAsLost(String(entry.message.client_id))
  }

  /** With everything whole again, every node says the same, and every client shows it. */
  protected override async checkSettled(): Promise<void> {
    for (const room of this.rooms) {
      for (const node of this.#nodes) {
        let info: RoomInfo | undefined
        void node.server?.server
          .room(room)
          .info()
          .then((told) => {
            info = told
          })
        await this.clock.advance(1_000)
        if (!info) return this.oracle.fail(`${node.name} is away at the end`)
        checkPresent(info, this.people, 0, this.oracle)
        for (const person of this.people) {
          checkRoom(info, person, this.oracle)
          if (this.#tellsStates && person.userId !== 'user-1') checkState(info, person, this.oracle)
        }
      }
    }
  }

  /** A failover may bring back the state before the last one. */
  get #tellsStates(): boolean {
    return !this.#is('failovers') && !this.#is('forgetful')
  }

  #is(trait: ClusterTrait): boolean {
    return this.#traits.cluster.has(trait)
  }
}

function isRoom(stream: string): boolean {
  return !stream.startsWith('@')
}

function seenIn(epoch: string, { offset, id, text }: Extract<StreamMessage, { kind: 'entry' }>['entry']) {
  return seen({ ...JSON.parse(text), epoch, offset, id })
}
