import { createClient } from '@roomful/client'
import { createTestServer, Device } from '@roomful/server/testing'
import { expect, it } from 'vitest'

it('the client delivers what was written while the phone was offline, once and in order', async () => {
  // Your server, without a port: pass the same options as to createServer().
  const { network, clock, server } = await createTestServer({
    handle: { chat_message: (_, chat) => ({ ...chat, message: chat.message.trim() }) },
  })

  // Your clients, the real ones: each runs on a device of its own.
  const [phone, laptop] = [new Device(network), new Device(network)]
  const connect = ({ runtime }: Device) =>
    createClient({ url: 'ws://test', session: 'memory' }, runtime).room('general')
  const [ada, bob] = [connect(phone), connect(laptop)]
  const heard: string[] = []
  bob.on('chat_message', ({ message }) => heard.push(message))
  ada.join()
  bob.join()
  await clock.settle() // everything that can happen now has happened

  phone.goOffline()
  ada.send('  one')
  ada.send('two  ')
  await clock.advance(5_000) // five seconds, in no time
  expect(heard).toEqual([])

  phone.goOnline()
  await clock.advance(2_000)
  expect(heard).toEqual(['one', 'two'])

  // The acknowledgement is lost with its connection: the client sends again, and the server recognises the message.
  const sent = ada.send('three')
  phone.link?.dropNext('to_client')
  await clock.advance(30_000)
  expect(await sent).toMatchObject({ offset: 3 })
  expect(heard).toEqual(['one', 'two', 'three'])
  expect((await server.room('general').info()).head.offset).toBe(3)
})
