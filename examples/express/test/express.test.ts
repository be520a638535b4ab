import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createClient } from '@roomful/client'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { launchChromium } from '../../../test/support/chromium.js'
import { protocol } from '../protocol.js'
import { createExpressServer } from '../server.js'

async function serve() {
  const { http, roomful } = createExpressServer()
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  onTestFinished(async () => {
    await roomful.close()
    http.close()
  })
  const { port } = http.address() as AddressInfo
  const address = `127.0.0.1:${port}`
  const post = (path: string, body: object) =>
    fetch(`http://${address}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const get = async (path: string): Promise<unknown> => (await fetch(`http://${address}${path}`)).json()
  return { http, url: `ws://${address}/ws`, get, post }
}

/** A client in some rooms, with the alerts that it got. */
async function connect(url: string, ...rooms: [string, ...string[]]) {
  const client = createClient({ url, protocol, WebSocket })
  onTestFinished(() => client.close())
  const alerts: string[] = []
  client.on('alerted', ({ text }) => alerts.push(text))
  for (const id of rooms) client.room(id).on('alerted', ({ text }) => alerts.push(text))
  await Promise.all(rooms.map((id) => client.room(id).join()))
  return { client, room: client.room(rooms[0]), alerts }
}

it('the page shows what HTTP routes publish, and an announcement again after a reload', async () => {
  const { url, post } = await serve()
  const browser = await launchChromium()
  onTestFinished(() => browser.close())
  const page = await browser.newPage()
  await page.goto(url.replace('ws:', 'http:').replace('/ws', ''))
  await page.getByRole('status').filter({ hasText: /\S/ }).waitFor()
  await page.getByLabel('Text', { exact: true }).fill('lunch')
  await page.getByRole('button', { name: 'Announce' }).click()
  await page.getByText('announced: lunch').waitFor()
  await post('/alerts', { text: '<b>drill</b>' })
  await page.getByText('alerted: <b>drill</b>').waitFor()
  await page.reload()
  await page.getByText('announced: lunch').waitFor()
})

describe('one port for Express and Roomful', () => {
  it('an HTTP request publishes into a room, and who comes later reads it', async () => {
    const { url, post } = await serve()
    const { room } = await connect(url, 'general')
    const heard = new Promise((resolve) => room.on('announced', resolve))
    const response = await post('/rooms/general/announcements', { text: 'lunch' })
    expect(response.status).toBe(201)
    const { duplicate, ...position } = Object(await response.json())
    expect([duplicate, position]).toMatchObject([false, { offset: 1 }])
    expect(await heard).toMatchObject({ text: 'lunch', ...position })
    const late = await connect(url, 'general')
    const { messages } = await late.room.history()
    expect(messages).toMatchObject([{ type: 'announced', text: 'lunch', offset: 1 }])
  })

  it('[A8] an alert to several rooms reaches each connection once, one to all rooms everybody', async () => {
    const { url, post } = await serve()
    const both = await connect(url, 'general', 'kitchen')
    const one = await connect(url, 'kitchen')
    const other = await connect(url, 'garden')
    await post('/rooms/general,kitchen/alerts', { text: 'drill' })
    await post('/alerts', { text: 'over' })
    await expect.poll(() => both.alerts).toEqual(['drill', 'over'])
    await expect.poll(() => one.alerts).toEqual(['drill', 'over'])
    await expect.poll(() => other.alerts).toEqual(['over'])
  })

  it('Express tells how many users are in a room, and that a room without any is empty', async () => {
    const { url, get } = await serve()
    const { room } = await connect(url, 'general')
    await connect(url, 'general')
    expect(await get('/rooms/general')).toEqual({ count: 2 })
    await room.leave()
    expect(await get('/rooms/general')).toEqual({ count: 1 })
    expect(await get('/rooms/empty')).toEqual({ count: 0 })
  })

  it('Express refuses a bad body or room over HTTP with the field and the code', async () => {
    const { post } = await serve()
    const noText = await post('/rooms/general/announcements', { text: '' })
    expect(noText.status).toBe(400)
    expect(await noText.json()).toMatchObject({ code: 'invalid_message', issues: [{ path: 'text' }] })
    expect((await post('/alerts', {})).status).toBe(400)
    const badRoom = await post('/rooms/@ana/announcements', { text: 'hello' })
    expect(badRoom.status).toBe(400)
    expect(await badRoom.json()).toMatchObject({ code: 'invalid_room' })
  })

  it('Roomful leaves the upgrades of other paths to another WebSocket server', async () => {
    const { http, url } = await serve()
    const other = new WebSocketServer({ noServer: true })
    http.on('upgrade', (request, socket, head) => {
      if (request.url === '/echo') other.handleUpgrade(request, socket, head, (ws) => ws.send('not Roomful'))
    })
    const socket = new WebSocket(url.replace('/ws', '/echo'))
    onTestFinished(() => socket.terminate())
    const [data] = await once(socket, 'message')
    expect(String(data)).toBe('not Roomful')
    await connect(url, 'general')
  })
})
