import { setImmediate as nextTask } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createTestServer, Device } from '@roomful/server/testing'
import { describe, expect, it } from 'vitest'
import { createClient, type Room } from '../src/index.js'
import { joinedFrame, ScriptedServer } from './support/scripted-server.js'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

async function collect(): Promise<void> {
  // A WeakRef keeps what it points to until the end of the task.
  for (let round = 0; round < 3; round++) {
    await nextTask()
    gc()
  }
}

async function online() {
  const limits = {
    joinsPerSecond: 1e9,
    joinsBurst: 1e9,
    messagesPerSecond: 1e9,
    messagesBurst: 1e9,
    bytesPerSecond: 1e9,
  }
  const { network, clock } = await createTestServer({ limits })
  const client = createClient({ url: 'ws://test', session: 'memory' }, new Device(network).runtime)
  client.connect()
  await clock.settle()
  return { client, clock }
}

describe('rooms that were visited', () => {
  it('rooms that were visited leave the memory flat: 3,000 joined, written in and left are gone, but for the newest', async () => {
    const { client, clock } = await online()
    const visited: WeakRef<Room>[] = []
    for (let n = 0; n < 3_000; n++) {
      const room = client.room(`visit-${n}`)
      void room.join({ history: 10 })
      await clock.settle()
      room.send('hello')
      await clock.settle()
      void room.leave()
      await clock.settle()
      visited.push(new WeakRef(room))
    }
    await collect()
    expect(visited.filter((ref) => ref.deref()).length).toBeLessThan(30)
    client.close()
  }, 60_000)

  it('rooms that were visited stay as they are while anybody has them: the same handle, and what it showed', async () => {
    const { client, clock } = await online()
    const [handle, heard] = [client.room('handle'), [] as string[]]
    client.room('listened').on('chat_message', ({ message }) => heard.push(message))
    client.room('watched').timeline.subscribe(() => heard.push('watched'))
    void client.room('joined').join()
    void handle.join()
    await clock.settle()
    handle.send('mine')
    await clock.settle()
    void handle.leave()
    for (let n = 0; n < 100; n++) client.room(`other-${n}`)
    await collect()
    expect(client.room('handle')).toBe(handle)
    expect(handle.timeline.get()).toMatchObject([{ message: { message: 'mine' } }])
    expect(client.room('joined').status.get().state).toBe('live')
    for (const id of ['listened', 'watched']) void client.room(id).join()
    await clock.settle()
    for (const id of ['listened', 'watched']) client.room(id).send(id)
    await clock.settle()
    expect(heard.filter((what, index) => heard.indexOf(what) === index)).toEqual(['watched', 'listened'])
    client.close()
  })

  it('rooms that were visited are held again by a listener that comes after they were let go', async () => {
    const { client, clock } = await online()
    const heard: string[] = []
    let handle: Room | undefined = client.room('late')
    for (let n = 0; n < 100; n++) client.room(`other-${n}`)
    handle.status.subscribe(({ state }) => heard.push(state))
    handle = undefined
    await collect()
    void client.room('late').join()
    await clock.settle()
    expect(heard).toContain('live')
    client.close()
  })
})

describe('release', () => {
  it('release() leaves, forgets, and gives a new handle', async () => {
    const script = new ScriptedServer()
    const room = script.client.room('r')
    await script.connection.welcomes()
    void room.join()
    await script.connection.says(joinedFrame(script.connection.take().at(-1)))
    const sent = room.send('hello')
    room.release()
    expect(script.connection.take().map(({ type }) => type)).toEqual(['chat_message', 'leave'])
    expect(room.timeline.get()).toEqual([])
    const next = script.client.room('r')
    expect(next).not.toBe(room)
    await expect(room.join()).rejects.toMatchObject({ code: 'closed' })
    await expect(room.send('again')).rejects.toMatchObject({
      code: 'closed',
      message: 'The room was released; get a new handle from client.room()',
    })
    room.on('chat_message', () => {})
    expect(script.client.room('r')).toBe(next)
    await script.connection.closes(1006)
    expect(sent.state).toBe('failed')
  })
})
