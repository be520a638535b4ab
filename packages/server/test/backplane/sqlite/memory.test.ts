import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it, onTestFinished } from 'vitest'
import { newFile, opened } from './files.js'

const newest = { before: undefined, limit: 10, maxBytes: 100_000 }

function heapInUse(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}

it('a room that nobody is in any more uses no memory, however many are in the file', async () => {
  const backplane = await opened({ file: newFile() })
  onTestFinished(() => backplane.close())
  const visit = async (n: number) => {
    const room = `room-${n}`
    const message = { type: 'chat_message', message: 'hello' }
    await backplane.publish(room, { id: `id-${n}`, message, timestampMs: 1 })
    const subscription = await backplane.subscribe(room, () => {})
    await backplane.enter(room, { userId: 'ana' }, 'connection')
    expect((await backplane.read(room, newest)).entries).toHaveLength(1)
    await backplane.leave(room, 'ana', 'connection', false)
    subscription.close()
  }
  const visitAll = async (first: number, count: number) => {
    for (let n = first; n < first + count; n += 100)
      await Promise.all(Array.from({ length: 100 }, (_, index) => visit(n + index)))
  }
  await visitAll(0, 2_000)
  const before = heapInUse()
  await visitAll(2_000, 4_000)
  const bytesARoom = (heapInUse() - before) / 4_000
  expect(bytesARoom).toBeLessThan(150)
})
