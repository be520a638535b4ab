import type { Durability } from '@roomful/protocol'
import type { Chatter } from '../faults/chatter.js'
import { TcpProxy } from '../support/tcp-proxy.js'
import { ForkOracle } from './fork-oracle.js'
import { Stage } from './stage.js'

export interface FailoverOptions {
  readonly durability: Extract<Durability, 'primary' | 'replicated'>
  readonly clients: number
  readonly rooms: number
  readonly messagesPerSecond: number
}

export interface FailoverResult {
  readonly acked: number
  /** Messages that were acknowledged but are not in the log of the promoted replica. */
  readonly lost: number
  readonly viewers: number
  /** Viewers that received the fork's `resync`. */
  readonly told: number
  /** Lost messages that their sender's timeline shows as lost. */
  readonly shownAsLost: number
  readonly violations: readonly string[]
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const FORKED_ENTRIES = 5

/** Promotes the replica of a Redis that is killed under load, whose newest entries the replica may not have got. */
export function failOver({ durability, ...options }: FailoverOptions): Promise<FailoverResult> {
  return Stage.play(async (stage) => {
    const primary = await stage.redis()
    const replica = await stage.redis({ replicaOf: primary })
    // Copies the replica: once that is the primary, there must be one that confirms.
    await stage.redis({ replicaOf: replica })
    const gate = await stage.gate(primary)
    const cluster = await stage.cluster(2, gate, { redis: { durability } })
    const oracle = new ForkOracle()
    const crowd = stage.crowd({ ...options, port: cluster.balancer.port, oracle })
    await crowd.join()
    await crowd.talkDuring(options.messagesPerSecond, async () => {
      await pause(2_000)
      gate.proxy.shut()
      await primary.kill()
      await replica.promote()
      gate.proxy.open(replica.port)
      await pause(2_000)
    })
    const { violations, acked } = await crowd.verdict(cluster, replica)
    return { acked, violations, ...forksOf(oracle, crowd.chatters) }
  })
}

/**
 * The failover that fools an epoch and an offset. The replica has not got the last entries, which were acknowledged and
 * seen by all. After its promotion as many others get their offsets. In one room people go on talking, in one nobody
 * says anything more, and in one some were away meanwhile, and come back to a log that is as long as the one they knew.
 */
export function fool(): Promise<FailoverResult> {
  return Stage.play(async (stage) => {
    const primary = await stage.redis()
    const replication = stage.keep(await TcpProxy.to(primary.port), (proxy) => proxy.close())
    const replica = await stage.redis({ args: ['--replicaof', '127.0.0.1', `${replication.port}`] })
    const gate = await stage.gate(primary)
    const cluster = await stage.cluster(2, gate)
    const road = stage.keep(await TcpProxy.to(cluster.balancer.port), (proxy) => proxy.close())
    const oracle = new ForkOracle()
    const crowd = stage.crowd({ clients: 12, rooms: 3, port: cluster.balancer.port, oracle })
    const travellers = stage.crowd({ clients: 12, rooms: 3, port: road.port, oracle, prefix: 't' })
    const [talking = '', idle = '', left = ''] = crowd.rooms
    await Promise.all([crowd.join(), travellers.join()])
    const both = [crowd, travellers]

    for (const room of crowd.rooms) await crowd.say(room, FORKED_ENTRIES, both)
    // WAIT waits for the last write of this very connection.
    await primary.command('SET', 'all', 'written')
    await primary.command('WAIT', '1', '5000')
    for (const wire of replication.wires) wire.stall('to_client')
    for (const room of crowd.rooms) await crowd.say(room, FORKED_ENTRIES, both)
    road.shut()
    gate.proxy.shut()
    await primary.kill()
    await replica.promote()
    gate.proxy.open(replica.port)
    for (const room of [talking, left]) await crowd.say(room, FORKED_ENTRIES, [crowd])
    road.open()
    await Promise.all(both.map((each) => each.untilBroken()))
    await crowd.say(idle, 1, both)
    await travellers.lastWords()
    const { violations, acked } = await crowd.verdict(cluster, replica)
    return { acked, violations, ...forksOf(oracle, [...crowd.chatters, ...travellers.chatters]) }
  })
}

function forksOf(oracle: ForkOracle, viewers: readonly Chatter[]) {
  const { lost, viewersTold: told } = oracle
  const isShown = ({ clientId, sender }: (typeof lost)[number]) => {
    const { client, roomId } = viewers.find(({ name }) => name === sender) ?? raise(sender)
    const entries = client.room(roomId).timeline.get()
    return entries.some(
      (entry) => entry.kind === 'message' && entry.state === 'lost' && entry.message.client_id === clientId,
    )
  }
  return { lost: lost.length, viewers: viewers.length, told, shownAsLost: lost.filter(isShown).length }
}

function raise(sender: string): never {
  throw new Error(`Nobody is called ${sender}`)
}
