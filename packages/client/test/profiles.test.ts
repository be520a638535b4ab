import { memory } from '@roomful/server'
import { createTestServer, Device } from '@roomful/server/testing'
import { describe, expect, it } from 'vitest'
import { profiles } from '../src/chat.js'
import { createClient } from '../src/index.js'

async function serve(options: { readonly profiles?: 'self' } = { profiles: 'self' }) {
  const test = await createTestServer({ backplane: memory(), ...options })
  const open = () => {
    const device = new Device(test.network)
    const client = createClient({ url: 'ws://test', session: 'memory' }, device.runtime)
    const room = client.room('r')
    const names = profiles(room)
    const nameOf = (userId: string | undefined) => names.get().get(userId ?? '')?.name
    return { device, client, room, names, nameOf }
  }
  return { ...test, open }
}

describe('profiles of anonymous users', () => {
  it('[N1] [N2] a profile is set before the rooms are joined, and again after a reconnect', async () => {
    const { clock, open } = await serve()
    const [ada, bob] = [open(), open()]
    ada.client.setProfile({ name: 'Ada' })
    void ada.room.join()
    await clock.advance(1_000)
    void bob.room.join()
    await clock.advance(1_000)
    const id = ada.client.user.get()
    expect(bob.room.members.get()).toContainEqual({ user_id: id, profile: { name: 'Ada' } })
    expect(bob.nameOf(id)).toBe('Ada')
    const seen: unknown[] = []
    bob.names.subscribe(() => seen.push(bob.nameOf(id)))
    ada.client.setProfile({ name: 'Ada L.' })
    await clock.advance(1_000)
    expect(seen).toEqual(['Ada L.'])
    ada.device.link?.cut()
    await clock.advance(30_000)
    expect(bob.room.members.get()).toContainEqual({ user_id: id, profile: { name: 'Ada L.' } })
    expect(ada.nameOf(id)).toBe('Ada L.')
  })

  it('[N3] who comes later knows the authors of what was written, though they have left', async () => {
    const { clock, open } = await serve()
    const [ada, late, later] = [open(), open(), open()]
    ada.client.setProfile({ name: 'Ada' })
    void ada.room.join()
    await clock.advance(1_000)
    for (const text of ['one', 'two']) ada.room.send(text)
    await clock.advance(1_000)
    const id = ada.client.user.get()
    ada.client.close()
    await clock.advance(20_000)
    void late.room.join({ history: 10 })
    void later.room.join()
    await clock.advance(1_000)
    expect([late.room.members.get().length, late.nameOf(id)]).toEqual([2, 'Ada'])
    expect(later.nameOf(id)).toBeUndefined()
    void later.room.history()
    await clock.advance(1_000)
    expect(later.nameOf(id)).toBe('Ada')
    later.client.forget()
    expect(later.names.get().size).toBe(0)
  })

  it('[N1] a profile that the server refuses is an error of the client', async () => {
    const { clock, open } = await serve({})
    const { client, room } = open()
    const codes: string[] = []
    client.on('error', ({ code }) => codes.push(code))
    client.setProfile({ name: 'Ada' })
    void room.join()
    await clock.advance(1_000)
    expect([codes, room.status.get().state]).toEqual([['unknown_type'], 'live'])
  })
})
