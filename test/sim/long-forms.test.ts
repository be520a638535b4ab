import { createClient } from '@roomful/client'
import { memory } from '@roomful/server'
import { createTestServer, Device, newNetwork, VirtualClock } from '@roomful/server/testing'
import { describe, expect, it } from 'vitest'
import { runChild } from '../support/child.js'
import { loseAcks } from './ack-loss.js'
import { amendUnderFaults } from './amendments.js'
import type { ChurnResult } from './churn.js'
import { handOver, type Phase } from './handover.js'
import { raceJoins } from './join-race.js'
import { countHistories } from './unread-histories.js'

describe('delivery in numbers', () => {
  it('[M7] acknowledgements that are lost double nothing', { timeout: 60_000 }, async () => {
    expect(await loseAcks(1_000)).toBeGreaterThan(20)
  })

  it('[H3] history and live meet in every join while messages are published', {
    timeout: 60_000,
  }, async () => {
    expect(await raceJoins(1_000, 1)).toBeGreaterThanOrEqual(1_000)
  })
})

describe('edits, deletions and reactions', () => {
  it('[D2] [D7] [D8] [D10] [D13] [D17] [D19] edits, deletions and reactions on connections that break: every page is one moment of the log, and all agree at the end', {
    timeout: 60_000,
  }, async () => {
    const total = { repeated: 0, refused: 0, compared: 0, reactions: 0 }
    for (let seed = 1; seed <= 12; seed++) {
      const one = await amendUnderFaults(300, seed).catch((cause) => {
        throw new Error(`Seed ${seed}`, { cause })
      })
      for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += one[name]
    }
    expect(Math.min(...Object.values(total))).toBeGreaterThan(100)
  })
})

const HISTORIES = Number(process.env.SIM_HISTORIES ?? 150)

describe('what is unread', () => {
  it('[U1] [U3] [U4] [U6] unread on two devices of a user equals a recount, whatever others wrote and deleted and whenever connections broke', {
    timeout: 60_000 + HISTORIES * 100,
  }, async () => {
    let operations = 0
    for (let seed = 1; seed <= HISTORIES / 150; seed++) operations += await countHistories(150, seed)
    expect(operations).toBeGreaterThan(5 * HISTORIES)
  })
})

describe('a rendered room that goes live', () => {
  it('[H6] a page shows each message once, whenever it was published between rendering and live', {
    timeout: 60_000,
  }, async () => {
    const published: Record<Phase, number> = { reading: 0, 'under way': 0, joining: 0, live: 0 }
    for (let seed = 1; seed <= 100; seed++) {
      const one = await handOver(seed).catch((cause) => {
        throw new Error(`Seed ${seed}`, { cause })
      })
      for (const phase of Object.keys(published) as Phase[]) published[phase] += one[phase]
    }
    for (const count of Object.values(published)) expect(count).toBeGreaterThan(300)
  })
})

describe('rooms, typing and sessions that come and go', () => {
  it('[J9] rooms, typing and sessions that come and go leave nothing behind once they have expired: no memory, no timer', {
    timeout: 60_000,
  }, async () => {
    const churn = new URL('churn.ts', import.meta.url)
    const result = await runChild<ChurnResult>(churn, ['5000'], ['--expose-gc'])
    expect(result).toMatchObject({ connections: 0, rooms: 0, timersAfter: result.timersBefore })
    expect(result.heapAfter).toBeLessThan(result.heapBefore * 1.05)
  })
})

describe('retention', () => {
  const KEPT = 5

  /** A member misses some messages of a log that keeps few; what does its next join say? */
  async function miss(missed: number) {
    const { network, clock, server } = await createTestServer({ backplane: memory({ historyCount: KEPT }) })
    const device = new Device(network)
    const room = createClient({ url: 'ws://test', session: 'memory' }, device.runtime).room('r')
    const writer = createClient({ url: 'ws://test', session: 'memory' }, new Device(network).runtime).room(
      'r',
    )
    const heard: number[] = []
    const breaks: string[] = []
    room.on('chat_message', ({ offset = 0 }) => heard.push(offset))
    room.on('resync', ({ reason }) => breaks.push(reason))
    room.join({ history: 100 })
    writer.join()
    await clock.settle()
    writer.send('before')
    await clock.settle()
    device.goOffline()
    for (let i = 0; i < missed; i++) writer.send(`${i}`)
    await clock.settle()
    device.goOnline()
    await clock.advance(5_000)
    const { head } = await server.room('r').info()
    return { heard, breaks, head: head.offset, status: room.status.get() }
  }

  it.each([KEPT - 1, KEPT])(
    '[H6] retention recovers %i missed messages of 5 that are kept',
    async (missed) => {
      const { heard, breaks, status } = await miss(missed)
      expect(status).toMatchObject({ state: 'live', recovered: true })
      expect(heard).toEqual(Array.from({ length: missed + 1 }, (_, index) => index + 1))
      expect(breaks).toEqual([])
    },
  )

  it('[H7] retention says so when the first of 6 missed messages is gone, and goes on with what is kept', async () => {
    const { heard, breaks, status } = await miss(KEPT + 1)
    expect(status).toMatchObject({ state: 'live', recovered: false })
    expect(breaks).toEqual(['expired'])
    expect(heard).toEqual([1, 3, 4, 5, 6, 7])
  })
})

describe('a wall clock that jumps', () => {
  it.each([3_600_000, -3_600_000])(
    '[C12] [J11] [T2] a wall clock that jumps by %i ms ends nothing early and keeps nothing late',
    async (jump) => {
      const clock = new VirtualClock()
      const network = newNetwork(clock)
      const errors: unknown[] = []
      const log = () => {}
      const error = (...what: unknown[]) => errors.push(what)
      const server = await createTestServer(
        {
          logger: { debug: log, info: log, warn: log, error },
          authenticate: ({ token = '' }) => ({ userId: token, expiresAt: clock.wallTime() + 60_000 }),
          authorize: () => true,
        },
        { network },
      )
      const devices = ['ada', 'bob'].map((token) => {
        const device = new Device(network)
        const logger = { warn: error, error }
        const client = createClient({ url: 'ws://test', token: () => token, logger }, device.runtime)
        return { device, room: client.room('r'), client }
      })
      const [ada, bob] = devices as [(typeof devices)[0], (typeof devices)[0]]
      for (const { room } of devices) room.join()
      await clock.settle()
      for (let round = 0; round < 10; round++) {
        ada.room.typing.keystroke()
        clock.jumpWall(round % 2 === 0 ? jump : -jump)
        await clock.settle()
        expect(bob.room.typing.get()).toEqual(['ada'])
        await clock.advance(6_000)
        expect(bob.room.typing.get()).toEqual([])
        const sent = ada.room.send(`${round}`)
        ada.device.link?.cut()
        clock.jumpWall(jump)
        await clock.advance(5_000)
        clock.jumpWall(-jump)
        expect(await sent).toMatchObject({ offset: round + 1 })
        expect(bob.room.occupancy.get(), 'a blip within the grace is not seen').toBe(2)
        await clock.advance(20_000)
        expect(devices.map(({ client }) => client.status.get().state)).toEqual(['online', 'online'])
      }
      expect(server.server.stats().connections).toBe(2)
      expect(errors).toEqual([])
    },
  )
})
