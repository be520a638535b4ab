import { type Backplane, createServer, memory, silentLogger } from '@roomful/server'
import { sqlite } from '@roomful/server/sqlite'
import { expect, it } from 'vitest'
import { newFile } from './files.js'

it.each([
  ['on disk', () => sqlite({ file: newFile() })],
  ['in memory', () => memory()],
])('a deleted room %s is empty, and goes on under another epoch', async (_where, backplane) => {
  const server = createServer({ backplane: backplane(), logger: silentLogger })
  const room = server.room('r')
  const { epoch } = await room.chat.send('hello')
  await room.delete()
  expect((await room.history()).messages).toEqual([])
  const next = await room.chat.send('again')
  expect(next.offset).toBe(1)
  expect(next.epoch).not.toBe(epoch)
  await server.close()
})

it('the changes of a file go on after a restart, from the cursor of the last one read', async () => {
  const file = newFile()
  const open = () => createServer({ backplane: sqlite({ file }), logger: silentLogger })
  const first = open()
  await first.room('a').chat.send('one')
  await first.room('b').chat.send('two')
  let cursor = ''
  for await (const change of first.changes()) {
    cursor = change.cursor
    break
  }
  await first.close()
  const second = open()
  for await (const change of second.changes({ after: cursor })) {
    expect(change).toMatchObject({ roomId: 'b' })
    break
  }
  await second.close()
})

it('a server whose backplane can neither erase nor end a log says so', async () => {
  const backplane = Object.assign(memory(), { erase: undefined, delete: undefined })
  const server = createServer({ backplane: backplane as unknown as Backplane, logger: silentLogger })
  await expect(server.user('ada').erase()).rejects.toThrow(
    new TypeError('erase: this backplane cannot change what is logged; memory(), sqlite() and redis() can'),
  )
  await expect(server.room('r').delete()).rejects.toThrow(
    new TypeError('delete: this backplane cannot end a log; memory(), sqlite() and redis() can'),
  )
  await server.close()
})
