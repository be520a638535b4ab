import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { Inbox } from '../inbox.js'
import { createNotificationServer } from '../server.js'
import { Store } from '../store.js'

let path: string

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'roomful-notifications-'))
  path = join(folder, 'notifications.jsonl')
  return () => rmSync(folder, { recursive: true })
})

/** A server process's worth of state: what it knows, it knows from the file. */
async function serve(port = 0) {
  const notifications = createNotificationServer(new Store(path))
  const address = await notifications.server.listen({ port })
  onTestFinished(() => notifications.server.close())
  return { ...notifications, ...address }
}

/** A device with what it shows now, and every notification that was pushed to it. */
async function openDevice(url: string, userId: string) {
  const device = { shown: [] as string[], pushed: [] as string[], announced: [] as string[] }
  const inbox = new Inbox(url, userId, (unread) => {
    device.shown = unread.map(({ text }) => text)
  })
  onTestFinished(() => inbox.client.close())
  inbox.client.me.on('notified', ({ text }) => device.pushed.push(text))
  inbox.client.on('announced', ({ text }) => device.announced.push(text))
  await inbox.open()
  return { inbox, device }
}

describe("a user's stream", () => {
  it('[J13] a user’s stream brings stored notifications on connect and each later one once to every device', async () => {
    const { url, notify } = await serve()
    await notify('ana', 'stored')
    const [phone, laptop] = [await openDevice(url, 'ana'), await openDevice(url, 'ana')]
    const other = await openDevice(url, 'bob')
    expect(phone.device.shown).toEqual(['stored'])
    expect(laptop.device.shown).toEqual(['stored'])
    await notify('ana', 'first')
    await notify('ana', 'second')
    await notify('bob', 'for bob')
    for (const { device } of [phone, laptop]) {
      await expect.poll(() => device.pushed).toEqual(['first', 'second'])
      expect(device.shown).toEqual(['stored', 'first', 'second'])
    }
    await expect.poll(() => other.device.shown).toEqual(['for bob'])
  })

  it('[J13] a user’s stream shows everything once after the server was restarted under two devices', async () => {
    const before = await serve()
    const devices = [await openDevice(before.url, 'ana'), await openDevice(before.url, 'ana')]
    await before.notify('ana', 'before')
    for (const { device } of devices) await expect.poll(() => device.shown).toEqual(['before'])
    await before.server.close()

    new Store(path).add('ana', {
      notification_id: '2',
      text: 'in between',
      created_at: '2026-01-01T00:00:00Z',
    })
    const after = await serve(before.port)
    for (const { device } of devices) {
      await expect.poll(() => device.shown, { timeout: 10_000 }).toEqual(['before', 'in between'])
    }
    await after.notify('ana', 'after')
    for (const { device } of devices) {
      await expect.poll(() => device.shown).toEqual(['before', 'in between', 'after'])
      expect(device.pushed.filter((text) => text === 'after')).toHaveLength(1)
    }
  })

  it('a user’s stream forgets on all devices what one has marked read, and for good', async () => {
    const before = await serve()
    const [phone, laptop] = [await openDevice(before.url, 'ana'), await openDevice(before.url, 'ana')]
    const seen = new Promise<string>((resolve) =>
      phone.inbox.client.me.on('notified', ({ notification_id }) => resolve(notification_id)),
    )
    await before.notify('ana', 'read me')
    await before.notify('ana', 'keep me')
    expect(await phone.inbox.markRead([await seen])).toBe(1)
    for (const { device } of [phone, laptop]) await expect.poll(() => device.shown).toEqual(['keep me'])
    await before.server.close()
    const { device } = await openDevice((await serve()).url, 'ana')
    expect(device.shown).toEqual(['keep me'])
  })

  it('a user’s stream is only for its user: there is no other room, and no connection without a name', async () => {
    const { url } = await serve()
    const { inbox } = await openDevice(url, 'ana')
    await expect(inbox.client.room('general').join()).rejects.toMatchObject({ code: 'forbidden' })
    const nobody = new Inbox(url, '', () => {})
    onTestFinished(() => nobody.client.close())
    const told = new Promise((resolve) => nobody.client.on('error', resolve))
    await expect(nobody.open()).rejects.toMatchObject({ code: 'invalid_token' })
    expect(await told).toMatchObject({ code: 'invalid_token' })
  })
})

it('[A8] an announcement reaches everyone, named users, or everyone but one', async () => {
  const { url, announce } = await serve()
  const names = ['ana', 'bob', 'cleo']
  const devices = await Promise.all(names.map((name) => openDevice(url, name)))
  announce('all', undefined)
  announce('some', { only: ['ana', 'bob'] })
  announce('not ana', { except: 'ana' })
  announce('end', undefined)
  const [ana, bob, cleo] = devices.map(({ device }) => device)
  await expect.poll(() => ana?.announced).toEqual(['all', 'some', 'end'])
  await expect.poll(() => bob?.announced).toEqual(['all', 'some', 'not ana', 'end'])
  await expect.poll(() => cleo?.announced).toEqual(['all', 'not ana', 'end'])
})

it('a store reads what an earlier process wrote, without the half line of a crash', () => {
  const notification = { notification_id: '1', text: 'whole', created_at: '2026-01-01T00:00:00Z' }
  new Store(path).add('ana', notification)
  appendFileSync(path, '{"type":"added","userId":"ana","notif')
  const store = new Store(path)
  expect(store.unreadOf('ana')).toEqual([notification])
  store.markRead('ana', ['1'])
  expect(new Store(path).unreadOf('ana')).toEqual([])
})
