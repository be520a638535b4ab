import { createServer as createHttpServer } from 'node:http'
import { defineProtocol, RoomfulError, volatile } from '@roomful/protocol'
import { type Backplane, createServer, memory, silentLogger } from '@roomful/server'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { gate, WireClock } from '../support/wire-server.js'

const protocol = defineProtocol({ server: { note: z.object({}), hint: volatile(z.object({})) } })
const note = { type: 'note' } as const
const hint = { type: 'hint' } as const

/** A backplane that starts when it is told to, and may be asked for nothing before. */
function slow(begin: Promise<void>): Backplane & { readonly relayed: string[] } {
  const backplane = memory()
  const relayed: string[] = []
  let hasStarted = false
  const assertStarted = () => {
    if (!hasStarted) throw new Error('start() comes first')
  }
  const { start, publish, read, present } = backplane
  return Object.assign(backplane, {
    relayed,
    start: async (node: Parameters<Backplane['start']>[0]) => {
      await begin
      await start.call(backplane, node)
      hasStarted = true
    },
    publish: (...args: Parameters<Backplane['publish']>) => {
      assertStarted()
      return publish.apply(backplane, args)
    },
    read: (...args: Parameters<Backplane['read']>) => {
      assertStarted()
      return read.apply(backplane, args)
    },
    present: (...args: Parameters<Backplane['present']>) => {
      assertStarted()
      return present.apply(backplane, args)
    },
    relay: ({ to }: Parameters<Backplane['relay']>[0]) => {
      assertStarted()
      relayed.push(to)
    },
  })
}

describe('before its backplane has started, a server', () => {
  it('before its backplane has started, a server lets what is published, read and told wait, in order', async () => {
    const { opened, open } = gate()
    const backplane = slow(opened)
    const server = createServer({ protocol, backplane, logger: silentLogger })
    const room = server.room('r')
    const asked = Promise.all([
      room.publish(note),
      server.user('ana').publish(note),
      room.info(),
      room.history(),
      server.user('ana').history(),
      room.snapshot({ as: '@server' }),
      server.listRooms(),
    ])
    room.broadcast(hint)
    server.user('ana').disconnect()
    open()
    const [position, own, info, history, ownHistory, snapshot, { rooms }] = await asked
    expect([position.offset, own.offset, info.head.offset]).toEqual([1, 1, 1])
    expect([history, ownHistory, snapshot].map(({ messages }) => messages.length)).toEqual([1, 1, 1])
    expect(rooms).toEqual([])
    expect(backplane.relayed).toEqual(['streams', 'disconnect'])
    await server.close()
  })

  it('before its backplane has started, a server tells what waits that the start failed, and why', async () => {
    const cause = new Error('no Redis')
    const server = createServer({ protocol, backplane: slow(Promise.reject(cause)), logger: silentLogger })
    const published = server.room('r').publish(note)
    await expect(published).rejects.toMatchObject({ code: 'unavailable', cause })
    await server.close()
  })

  it('before its backplane has started, a server that is closed starts nothing behind its back', async () => {
    const { opened, open } = gate()
    let timers = 0
    const clock = new (class extends WireClock {
      override every(ms: number, task: () => void): () => void {
        const cancel = super.every(ms, task)
        timers++
        return () => {
          timers--
          cancel()
        }
      }
    })()
    const server = createServer({ protocol, backplane: slow(opened), logger: silentLogger, clock })
    const published = server.room('r').publish(note)
    const refused = expect(published).rejects.toMatchObject({ code: 'closed' })
    const closed = server.close()
    await clock.advance(2_000)
    await closed
    open()
    await refused
    await new Promise((resolve) => setImmediate(resolve))
    expect(timers).toBe(0)
  })
})

describe('after close, a server', () => {
  it('after close, a server refuses in words whatever it is asked for', async () => {
    const server = createServer({ protocol, logger: silentLogger })
    await server.start()
    const [room, user] = [server.room('r'), server.user('ana')]
    await server.close()
    await server.close()
    const calls: Readonly<Record<string, () => unknown>> = {
      listen: () => server.listen({ port: 0 }),
      attach: () => server.attach(createHttpServer()),
      start: () => server.start(),
      publish: () => room.publish(note),
      info: () => room.info(),
      history: () => room.history(),
      snapshot: () => room.snapshot({ as: 'ana' }),
      'room.broadcast': () => room.broadcast(hint),
      kick: () => room.kick('ana'),
      'rooms.broadcast': () => server.rooms(['r', 's']).broadcast(hint),
      'user.publish': () => user.publish(note),
      'user.history': () => user.history(),
      'user.send': () => user.broadcast(hint),
      'chat.send': () => server.room('r').chat.send('hi'),
      'users.broadcast': () => server.users(['ana', 'bob']).broadcast(hint),
      disconnect: () => user.disconnect(),
      broadcast: () => server.broadcast(hint),
    }
    for (const [name, call] of Object.entries(calls)) {
      const error: unknown = await (async () => call())().then(
        () => undefined,
        (refused: unknown) => refused,
      )
      expect(error, name).toBeInstanceOf(RoomfulError)
      expect(error, name).toMatchObject({ code: 'closed', message: expect.stringContaining('createServer') })
    }
    expect(server.ready).toBe(false)
    expect(server.stats().connections).toBe(0)
  })

  it('after close, a server took what was published while it closed', async () => {
    const server = createServer({ protocol, logger: silentLogger })
    await server.start()
    const closed = server.close()
    expect(await server.room('r').publish(note)).toMatchObject({ offset: 1 })
    await closed
  })
})
