import { expect, it } from 'vitest'
import type { OutboxStorage, StoredMessage } from '../../src/index.js'
import { Script } from '../support/scripted-server.js'

/** A storage whose opening the test decides on. */
function storage(...stored: StoredMessage[]) {
  const kept = new Map(stored.map((message) => [message.clientId, message]))
  const waiting: (() => void)[] = []
  const outbox: OutboxStorage = {
    open(_, opened) {
      let isOpen = true
      waiting.push(() => isOpen && opened([...kept.values()]))
      return () => {
        isOpen = false
      }
    },
    put: (_, message) => void kept.set(message.clientId, message),
    remove: (_, clientId) => void kept.delete(clientId),
  }
  const open = () => {
    for (const run of waiting.splice(0)) run()
  }
  return { outbox, kept, open }
}

const stored = { clientId: 'c1', roomId: 'r', message: 'secret', userId: 'me', sequence: 1 }

it.each([
  ['before the storage could be opened', true],
  ['without having connected', false],
])('forget() clears what is stored also %s', async (_, autoConnect) => {
  const { outbox, kept, open } = storage(stored)
  const { client } = new Script({ storage: outbox, autoConnect })
  client.forget()
  open()
  expect(kept.size).toBe(0)
})

it('close() leaves to the next page what is stored', async () => {
  const { outbox, kept, open } = storage(stored)
  const { client } = new Script({ storage: outbox })
  client.close()
  open()
  expect(kept.size).toBe(1)
})
