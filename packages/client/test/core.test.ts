import type { Cursor, Entry } from '@roomful/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Heartbeat, heartbeatStep, initialHeartbeat } from '../src/connection/heartbeat.js'
import { backoffMs } from '../src/connection/retry.js'
import { DEFAULT_BACKOFF, DEFAULT_HEARTBEAT } from '../src/options/options.js'
import type { Loggable } from '../src/room/loggable.js'
import { initialRoom, type RoomEvent, type RoomMachine, roomStep } from '../src/room/room-state.js'
import { Timeline } from '../src/room/timeline.js'

describe('back-off', () => {
  it('[K3] the back-off stays between its bounds for every failure and every random number', () => {
    fc.assert(
      fc.property(
        fc.nat(10_000),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (failures, random) => {
          const ms = backoffMs(failures, random)
          expect(ms).toBeGreaterThanOrEqual(DEFAULT_BACKOFF.minMs)
          expect(ms).toBeLessThanOrEqual(
            Math.min(DEFAULT_BACKOFF.maxMs, DEFAULT_BACKOFF.baseMs * 2 ** failures),
          )
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

describe('heartbeat', () => {
  /** Runs the machine for a day against a server that answers each ping after `delay`, or never. */
  function run(delays: readonly (number | undefined)[]) {
    let heartbeat: Heartbeat = initialHeartbeat
    let now = 0
    let pongAt: number | undefined
    let pings = 0
    const seen: string[] = []
    const apply = (type: 'start' | 'timer' | 'pong') => {
      const event = type === 'pong' ? { type, id: heartbeat.id } : { type }
      const step = heartbeatStep(heartbeat, event, now, 0.5, DEFAULT_HEARTBEAT)
      heartbeat = step.heartbeat
      for (const effect of step.effects) {
        seen.push(effect.type)
        if (effect.type !== 'ping') continue
        const delay = delays[pings++ % delays.length]
        pongAt = delay === undefined ? undefined : now + delay
      }
    }
    apply('start')
    while (now < 86_400_000 && !seen.includes('dead')) {
      const isPong = pongAt !== undefined && pongAt <= heartbeat.dueAt
      now = isPong ? (pongAt ?? now) : heartbeat.dueAt
      if (isPong) pongAt = undefined
      apply(isPong ? 'pong' : 'timer')
    }
    return { seen, now }
  }

  it('[C16] the heartbeat never ends a connection whose pongs come within 10 s', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9_999), { minLength: 1 }), (delays) => {
        expect(run(delays).seen).not.toContain('dead')
      }),
      { numRuns: 50 },
    )
  })

  it('[C16] the heartbeat ends one without a pong 10 s after the ping, and calls it overdue before', () => {
    const { seen, now } = run([undefined])
    expect(seen).toEqual(['ping', 'overdue', 'dead'])
    expect(now).toBe(10_000)
  })
})

describe('the cursor of a room', () => {
  const entryAt = (offset: number): Entry => ({
    type: 'x',
    room_id: 'r',
    epoch: 'e',
    offset,
    id: `i${offset}`,
  })

  it('[H13] whatever the network drops, doubles or cuts, each offset is delivered once and in order', () => {
    const fault = fc.constantFrom('deliver', 'deliver', 'drop', 'double', 'cut', 'answer')
    fc.assert(
      fc.property(fc.array(fault, { maxLength: 150 }), (faults) => {
        let machine: RoomMachine = initialRoom
        let head = 0
        let asked: Cursor | undefined | 'no' = 'no'
        const delivered: number[] = []
        const apply = (event: RoomEvent) => {
          const step = roomStep(machine, event)
          machine = step.machine
          for (const effect of step.effects) {
            if (effect.type === 'send_join') asked = effect.since
            if (effect.type === 'deliver' && event.type === 'entry') delivered.push(event.at.offset)
            if (effect.type === 'deliver_page') delivered.push(...effect.entries.map(({ offset }) => offset))
            expect(effect.type).not.toBe('break')
          }
        }
        const answer = () => {
          if (asked === 'no') return
          const since = asked
          asked = 'no'
          const from = since?.offset ?? head
          const end = Math.min(head, from + 3)
          const messages = Array.from({ length: end - from }, (_, index) => entryAt(from + index + 1))
          const cursor = {
            epoch: 'e',
            offset: end,
            id: end === 0 ? 'e' : `i${end}`,
            messages,
            more: end < head,
          }
          const recovered = since ? { recovered: true } : {}
          apply({
            type: 'joined',
            since,
            frame: { type: 'joined', room_id: 'r', message: '', timestamp: '', ...cursor, ...recovered },
          })
        }
        apply({ type: 'join', history: undefined })
        apply({ type: 'up' })
        answer()
        for (const next of faults) {
          if (next === 'answer') answer()
          else if (next === 'cut') {
            asked = 'no'
            apply({ type: 'down', reason: '' })
            apply({ type: 'up' })
          } else {
            head++
            for (let i = 0; i < (next === 'double' ? 2 : next === 'drop' ? 0 : 1); i++)
              apply({ type: 'entry', at: entryAt(head) })
          }
        }
        apply({ type: 'down', reason: '' })
        apply({ type: 'up' })
        while (asked !== 'no') answer()
        expect(machine.status.state).toBe('live')
        expect(delivered).toEqual(Array.from({ length: head }, (_, index) => index + 1))
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('the timeline', () => {
  const report = () => {}
  const actions = { retry: () => {}, cancel: () => false }

  it('[M10] the timeline is sorted by offset and shows each message once, in whatever order acks, echoes and pages come', () => {
    const step = fc.record({
      offset: fc.integer({ min: 1, max: 12 }),
      how: fc.constantFrom('echo', 'ack', 'page'),
    })
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
        (steps, isOwn) => {
          const timeline = new Timeline(1_000, report)
          const message = (offset: number): Loggable => ({
            type: 'chat_message',
            id: `i${offset}`,
            epoch: 'e',
            offset,
            user_id: isOwn[offset - 1] ? 'me' : 'other',
            ...(isOwn[offset - 1] && { client_id: `c${offset}` }),
          })
          for (const [index, own] of isOwn.entries()) {
            if (own)
              timeline.pending(
                `c${index + 1}`,
                { type: 'chat_message', user_id: 'me', client_id: `c${index + 1}` },
                actions,
              )
          }
          const settled = new Set<number>()
          for (const { offset, how } of steps) {
            if (how === 'ack' && !isOwn[offset - 1]) continue
            if (how === 'ack') timeline.placed(`c${offset}`, { id: `i${offset}`, epoch: 'e', offset })
            else timeline.received([message(offset)])
            settled.add(offset)
          }
          const entries = timeline.get().flatMap((entry) => (entry.kind === 'message' ? [entry] : []))
          const sent = entries
            .filter(({ state }) => state === 'sent')
            .map(({ message: { offset } }) => offset)
          expect(sent).toEqual([...settled].sort((a, b) => a - b))
          expect(new Set(entries.map(({ key }) => key)).size).toBe(entries.length)
          expect(entries.length).toBe(
            settled.size + isOwn.filter((own, index) => own && !settled.has(index + 1)).length,
          )
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('[H12] after a break the same message comes back once, and never vanishes', () => {
    const timeline = new Timeline(1_000, report)
    const mine = { type: 'chat_message', user_id: 'me', client_id: 'c1' }
    timeline.received([
      { ...mine, id: 'a', epoch: 'e1', offset: 1 },
      { type: 'x', id: 'b', epoch: 'e1', offset: 2 },
    ])
    timeline.broke('epoch_changed', { epoch: 'e2', offset: 0, id: 'e2' })
    timeline.received([{ ...mine, id: 'z', epoch: 'e2', offset: 1 }])
    expect(timeline.get()).toMatchObject([
      { message: { id: 'b' } },
      { kind: 'break' },
      { key: 'a', message: { id: 'z', epoch: 'e2' } },
    ])
  })

  it('the timeline gives the same snapshot until something changes, and forgets the oldest beyond its limit', () => {
    const timeline = new Timeline(3, report)
    timeline.received([1, 2, 3].map((offset) => ({ type: 'x', id: `i${offset}`, epoch: 'e', offset })))
    const before = timeline.get()
    expect(timeline.get()).toBe(before)
    timeline.received([{ type: 'x', id: 'i4', epoch: 'e', offset: 4 }])
    expect(timeline.get().map(({ key }) => key)).toEqual(['i2', 'i3', 'i4'])
    expect(before.map(({ key }) => key)).toEqual(['i1', 'i2', 'i3'])
  })
})
