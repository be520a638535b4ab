import { createClient } from '@roomful/client'
import { WebSocket } from 'ws'
import { Stage } from './stage.js'
import { Wire } from './wire.js'

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
    const watchers = await Promise.all(others.map((port) => Wire.open(port)))
    for (const watcher of watchers) await watcher.join(ROOM)
    const gone = await Promise.all(Array.from({ length: members }, () => Wire.open(killed ?? 0)))
    for (const member of gone) await member.join(ROOM)
    await Promise.all(watchers.map((watcher) => untilTold(watcher, 'user_joined', gone)))
    const killedAt = performance.now()
    await cluster.node(0).kill()
    await Promise.all(watchers.map((watcher) => untilTold(watcher, 'user_left', gone)))
    const ghostMs = performance.now() - killedAt
    await cluster.restart(0)
    const ghosts = await countListed(killed ?? 0, gone)

    const travellers = Array.from({ length: members }, () => traveller(cluster.balancer.port))
    for (const { client, room } of travellers) {
      stage.keep(client, () => client.close())
      await room.join()
    }
    const all = leaseMs + graceMs + 1_000
    await pause(all)
    const leavesEach = watchers.map((watcher) => leavesOf(watcher, gone) / gone.length)
    for (const watcher of watchers) watcher.frames.length = 0
    // Those whom it served come to the other two, where the watchers are.
    await cluster.node(0).kill()
    await cluster.restart(0)
    await pause(all)
    gate.shut()
    await pause(blipMs)
    gate.open()
    await pause(all)
    const flickers = watchers.flatMap((watcher) => [
      ...watcher.all('user_left'),
      ...watcher.all('user_joined'),
    ])
    const violations = [...(await cluster.faults())]
    return { killed: gone.length, ghostMs, leavesEach, ghosts, flickers: flickers.length, violations }
  })
}

function traveller(port: number) {
  const client = createClient({ url: `ws://127.0.0.1:${port}`, WebSocket, session: 'memory' })
  return { client, room: client.room(ROOM) }
}

async function untilTold(watcher: Wire, type: string, members: readonly Wire[]): Promise<void> {
  const isTold = () => {
    const told = new Set(watcher.all(type).map((frame) => frame.user_id))
    return members.every(({ userId }) => told.has(userId))
  }
  await watcher.until(isTold, `'${type}' of all`, LONG_MS)
}

function leavesOf(watcher: Wire, members: readonly Wire[]): number {
  const ids = new Set<unknown>(members.map(({ userId }) => userId))
  return watcher.all('user_left').filter((frame) => ids.has(frame.user_id)).length
}

/** How many of them a list shows to one who joins now. */
async function countListed(port: number, members: readonly Wire[]): Promise<number> {
  const visitor = await Wire.open(port)
  const joined = await visitor.join(ROOM)
  const listed = new Set((joined.members as readonly { user_id: string }[]).map(({ user_id }) => user_id))
  visitor.send({ type: 'leave', room_id: ROOM })
  visitor.vanish()
  return members.filter(({ userId }) => listed.has(userId)).length
}
