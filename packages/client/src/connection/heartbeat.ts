import type { HeartbeatOptions } from '../options/options.js'

/**
 * A timer that fires later than this ran in a throttled or sleeping page, so it proves nothing about the connection.
 */
const LATE_MS = 2_000

/** Shortest time between two probes, since the focus may change many times a second. */
const PROBE_MS = 1_000

export type Heartbeat =
  | { readonly state: 'resting'; readonly id: number; readonly dueAt: number; readonly sentAt: number }
  | {
      readonly state: 'waiting'
      readonly id: number
      readonly dueAt: number
      readonly sentAt: number
      readonly deadAt: number
    }

export type HeartbeatEvent =
  | { readonly type: 'start' }
  | { readonly type: 'timer' }
  /** Checks whether the connection is alive: the pong must arrive within `overdueMs`. */
  | { readonly type: 'probe' }
  /** A server that speaks only base messages does not echo the id. */
  | { readonly type: 'pong'; readonly id: unknown }

export type HeartbeatEffect =
  | { readonly type: 'ping'; readonly id: number }
  | { readonly type: 'latency'; readonly ms: number }
  | { readonly type: 'overdue' }
  | { readonly type: 'dead' }

export interface HeartbeatStep {
  /** Call again with `timer` at this state's `dueAt`. */
  readonly heartbeat: Heartbeat
  readonly effects: readonly HeartbeatEffect[]
}

export const initialHeartbeat: Heartbeat = {
  state: 'resting',
  id: 0,
  dueAt: 0,
  sentAt: Number.NEGATIVE_INFINITY,
}

export function heartbeatStep(
  heartbeat: Heartbeat,
  event: HeartbeatEvent,
  now: number,
  random: number,
  options: HeartbeatOptions,
): HeartbeatStep {
  const { id } = heartbeat
  switch (event.type) {
    case 'start':
      return ping(id, now, now + options.overdueMs, options.deadMs)
    case 'probe':
      if (now - heartbeat.sentAt < PROBE_MS || isProbed(heartbeat, now, options))
        return { heartbeat, effects: [] }
      return ping(id, now, now + options.overdueMs, options.overdueMs)
    case 'pong': {
      if (heartbeat.state === 'resting' || (event.id !== undefined && event.id !== id)) {
        return { heartbeat, effects: [] }
      }
      const dueAt = now + options.intervalMs * (0.8 + 0.2 * random)
      return {
        heartbeat: { state: 'resting', id, dueAt, sentAt: heartbeat.sentAt },
        effects: [{ type: 'latency', ms: now - heartbeat.sentAt }],
      }
    }
    case 'timer': {
      if (heartbeat.state === 'resting') return ping(id, now, now + options.overdueMs, options.deadMs)
      if (now - heartbeat.dueAt > LATE_MS) return ping(id, now, now + options.overdueMs, options.overdueMs)
      if (now >= heartbeat.deadAt) return { heartbeat, effects: [{ type: 'dead' }] }
      return { heartbeat: { ...heartbeat, dueAt: heartbeat.deadAt }, effects: [{ type: 'overdue' }] }
    }
  }
}

function ping(lastId: number, now: number, dueAt: number, deadMs: number): HeartbeatStep {
  const id = lastId + 1
  return {
    heartbeat: { state: 'waiting', id, sentAt: now, dueAt, deadAt: now + deadMs },
    effects: [{ type: 'ping', id }],
  }
}

/** Whether a probe is in flight. */
function isProbed(heartbeat: Heartbeat, now: number, { overdueMs }: HeartbeatOptions): boolean {
  return (
    heartbeat.state === 'waiting' &&
    now < heartbeat.deadAt &&
    heartbeat.deadAt <= heartbeat.sentAt + overdueMs
  )
}
