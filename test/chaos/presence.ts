import { createClient } from '@roomful/client'
import { WebSocket } from 'ws'
import { WireClient } from '../support/wire-client.js'
import { Stage } from './stage.js'

export interface PresenceOptions {
  readonly members: number
  /** Of a node at Redis, in ms. */
  readonly leaseMs: number
  readonly graceMs: number
  /** How long Redis is out of reach at the end, in ms. */
  readonly blipMs: number
}

export interface PresenceResult {
  /** Members whose node was killed. */
  readonly killed: number
  /** From the kill until the last of them had left, in ms. */
  readonly ghostMs: number
  /** Leaves that a watcher was told of, for each member whose node was killed. */
  readonly leavesEach: readonly number[]
  /** Members that are still listed to who joins then. */
  readonly ghosts: number
  /** Joins and leaves that watchers were told of while members moved to another node, and while Redis was away. */
  readonly flickers: number
  readonly violations: readonly string[]
}

const ROOM = 'room-0'
const LONG_MS = 60_000
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Kills the node of members who do not come back, then that of members who do, and takes Redis away for a moment. */
export function watchPresence({
  members,
  leaseMs,
  graceMs,
  blipMs,
}: PresenceOptions): Promise<PresenceResult> {
  return Stage.play(async (stage) => {
    const gate = await stage.gate(await stage.redis())
    const redis = { leaseMs, leaseRenewMs: Math.floor(leaseMs / 3) }
    const cluster = await stage.cluster(3, gate, { redis, limits: { graceMs } })
    const [killed, ...others] = cluster.nodes.map(({ port }) => port)
    const watchers = await Promise.all(others.map((port) => WireClient.open(port)))
    for (const watcher of watchers) await watcher.join(ROOM)
    const gone = await Promise.all(Array.from({ length: members }, () => WireClient.open(killed ?? 0)))
    for (const member of gone) await member.join(ROOM)
    const goneIds = new Set(gone.map(({ userId }) => userId))
    await Promise.all(watchers.map((watcher) => untilTold(watcher, 'user_joined', goneIds)))
    const killedAt = performance.now()
    await cluster.node(0).kill()
    await Promise.all(watchers.map((watcher) => untilTold(watcher, 'user_left', goneIds)))
    const ghostMs = performance.now() - killedAt
    await cluster.restart(0)
    const ghosts = await countListed(killed ?? 0, goneIds)

    const travellers = Array.from({ length: members }, () => traveller(cluster.balancer.port))
    for (const { client, room } of travellers) {
      stage.keep(client, () => client.close())
      await room.join()
    }
    const ids = new Set(travellers.map(({ client }) => client.user.get() ?? ''))
    await Promise.all(watchers.map((watcher) => untilTold(watcher, 'user_joined', ids)))
    // Those whom it served come to the other two, where the watchers are.
    await cluster.node(0).kill()
    await cluster.restart(0)
    gate.proxy.shut()
    await pause(blipMs)
    gate.proxy.open()
    await pause(leaseMs + graceMs + 1_000)
    // Each of them was to be told of once, when it came.
    const flickers = watchers.reduce(
      (sum, watcher) =>
        sum + timesTold(watcher, 'user_left', ids) + timesTold(watcher, 'user_joined', ids) - members,
      0,
    )
    return {
      killed: gone.length,
      ghostMs,
      leavesEach: watchers.map((watcher) => timesTold(watcher, 'user_left', goneIds) / gone.length),
      ghosts,
      flickers,
      violations: [...(await cluster.faults())],
    }
  })
}

function traveller(port: number) {
  const client = createClient({ url: `ws://127.0.0.1:${port}`, WebSocket, session: 'memory' })
  return { client, room: client.room(ROOM) }
}

async function untilTold(watcher: WireClient, type: string, ids: ReadonlySet<string>): Promise<void> {
  await watcher.until(() => told(watcher, type, ids).size === ids.size, `'${type}' of all`, LONG_MS)
}

/** Users of a set that a watcher was told of, and how often. */
function told(watcher: WireClient, type: string, ids: ReadonlySet<string>): ReadonlyMap<string, number> {
  const times = new Map<string, number>()
  for (const { user_id } of watcher.all(type)) {
    const id = String(user_id)
    if (ids.has(id)) times.set(id, (times.get(id) ?? 0) + 1)
  }
  return times
}

function timesTold(watcher: WireClient, type: string, ids: ReadonlySet<string>): number {
  return [...told(watcher, type, ids).values()].reduce((sum, times) => sum + times, 0)
}

/** How many of them a list shows to one who joins now. */
async function countListed(port: number, ids: ReadonlySet<string>): Promise<number> {
  const visitor = await WireClient.open(port)
  const { members } = await visitor.join(ROOM)
  visitor.send({ type: 'leave', room_id: ROOM })
  await visitor.next('left')
  visitor.socket.terminate()
  return (members as readonly { readonly user_id: string }[]).filter(({ user_id }) => ids.has(user_id)).length
}
