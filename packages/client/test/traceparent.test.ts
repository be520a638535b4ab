import { defineProtocol, request } from '@roomful/protocol'
import { createTestServer, Device } from '@roomful/server/testing'
import { expect, it, onTestFinished } from 'vitest'
import * as z from 'zod/mini'
import { createClient, type Meta } from '../src/index.js'

const protocol = defineProtocol({
  client: { wave: z.object({}), dance: request(z.object({}), z.object({})) },
})
const spanOf = (last: number) => `00-${'a'.repeat(32)}-${String(last).padStart(16, '0')}-01`

/** A client whose traces are counted up with each call, and what arrives with them. */
async function start(meta: () => Meta | undefined) {
  const arrived: [string, string | undefined][] = []
  const { network, clock } = await createTestServer({
    protocol,
    handle: {
      chat_message(context, chat) {
        arrived.push([chat.message, context.traceparent])
        return chat
      },
      wave: (context) => void arrived.push(['wave', context.traceparent]),
      dance(context) {
        arrived.push(['dance', context.traceparent])
        return {}
      },
    },
  })
  const device = new Device(network)
  const options = { url: 'ws://test', protocol, session: 'memory', meta } as const
  const client = createClient(options, device.runtime)
  onTestFinished(() => client.close())
  const room = client.room('lobby')
  room.join()
  await clock.settle()
  return { arrived, clock, device, room }
}

it('each message carries the trace in which it was sent, also if it waits for the network', async () => {
  let calls = 0
  const { arrived, clock, device, room } = await start(() => ({ traceparent: spanOf(++calls) }))
  room.emit('wave', {})
  const danced = room.request('dance', {})
  await clock.settle()
  await danced
  device.goOffline()
  room.send('one')
  room.send('two')
  await clock.advance(5_000)
  device.goOnline()
  await clock.advance(5_000)
  expect(arrived).toEqual([
    ['wave', spanOf(1)],
    ['dance', spanOf(2)],
    ['one', spanOf(3)],
    ['two', spanOf(4)],
  ])
})

it('a repeat carries the trace of the first transmission', async () => {
  let calls = 0
  const { arrived, clock, device, room } = await start(() => ({ traceparent: spanOf(++calls) }))
  room.send('hi')
  device.link?.dropNext('to_client')
  await clock.advance(60_000)
  expect(arrived).toEqual([
    ['hi', spanOf(1)],
    ['hi', spanOf(1)],
  ])
})

it('without a trace, nothing is carried', async () => {
  const { arrived, clock, room } = await start(() => undefined)
  room.send('hi')
  await clock.settle()
  expect(arrived).toEqual([['hi', undefined]])
})
