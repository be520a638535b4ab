import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createClient } from '@roomful/client'
import { createTestServer, Device } from '@roomful/server/testing'
import { protocol } from './protocol.js'
import { rooms } from './rooms.js'

/**
 * Starts the server without a port, in virtual time. Each real client runs on a device of its own. Its token is the name
 * of its user here, whatever `authenticate` in server.ts asks for.
 */
async function start() {
  const authenticate = ({ token = '' }) => ({ userId: token })
  const { network, clock } = await createTestServer({ ...rooms, authenticate })
  const connect = (token: string, device = new Device(network)) => {
    const client = createClient({ url: 'ws://test', protocol, token, session: 'memory' }, device.runtime)
    return { device, room: client.room('general') }
  }
  return { clock, connect }
}

it('everybody in the room sees a wave', async () => {
  const { clock, connect } = await start()
  const [ada, bob] = [connect('ada'), connect('bob')]
  const seen: string[] = []
  bob.room.on('waved', ({ emoji }) => seen.push(emoji))
  ada.room.join()
  bob.room.join()
  await clock.settle()
  ada.room.emit('wave', { emoji: '👋' })
  await clock.settle()
  assert.deepEqual(seen, ['👋'])
})

it('messages that are sent offline arrive later, once and in order', async () => {
  const { clock, connect } = await start()
  const [ada, bob] = [connect('ada'), connect('bob')]
  const heard: string[] = []
  bob.room.on('chat_message', ({ message }) => heard.push(message))
  ada.room.join()
  bob.room.join()
  await clock.settle()
  ada.device.goOffline()
  ada.room.send('one  ')
  ada.room.send('two')
  await clock.advance(5_000)
  assert.deepEqual(heard, [])
  ada.device.goOnline()
  await clock.advance(5_000)
  assert.deepEqual(heard, ['one', 'two'])
})
