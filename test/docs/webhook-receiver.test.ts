import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openDatabase } from '../support/database.js'
import { SECRET } from '../support/webhook-receiver.js'
import { serve } from '../support/wire-server.js'
import { receiver } from './webhook-receiver.js'

/** The sample of docs/webhooks.md, with its table and a way to reach it. */
async function start() {
  const folder = mkdtempSync(join(tmpdir(), 'roomful-receiver-'))
  const database = openDatabase(join(folder, 'app.db'))
  const http = receiver(SECRET, database)
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  onTestFinished(() => {
    http.closeAllConnections()
    http.close()
    database.close()
    rmSync(folder, { recursive: true })
  })
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/`
  const rows = () => database.prepare('SELECT id, body FROM received ORDER BY rowid').all()
  return { url, rows }
}

describe('the receiver of docs/webhooks.md', () => {
  it('the receiver of docs/webhooks.md keeps each message once, though each is sent twice', async () => {
    const { url, rows } = await start()
    const { server } = await serve()
    const names = ['first', 'second']
    server.webhooks(names.map((name) => ({ url, name, secret: SECRET, from: 'oldest' as const })))
    for (const text of ['one', 'two']) await server.room('a').chat.send(text)
    await expect
      .poll(() => names.map((name) => delivered(server.metrics(), name)), { timeout: 10_000 })
      .toEqual([2, 2])
    const { messages } = await server.room('a').history()
    expect(rows().map(({ body }) => JSON.parse(String(body)).data)).toEqual(messages)
  })

  it('the receiver of docs/webhooks.md refuses what another secret signed, and what nobody did', async () => {
    const { url, rows } = await start()
    const { server } = await serve()
    const secret = `whsec_${Buffer.alloc(32, 9).toString('base64')}`
    server.webhooks([{ url, secret, from: 'oldest' }])
    await server.room('a').chat.send('one')
    await expect.poll(() => server.metrics(), { timeout: 10_000 }).toMatch(/failures_total\{[^}]*\} [1-9]/)
    expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(401)
    expect(rows()).toEqual([])
  })

  it('the receiver of docs/webhooks.md knows a message of any secret that the server signs with', async () => {
    const { url, rows } = await start()
    const { server } = await serve()
    const secret = [`whsec_${Buffer.alloc(32, 9).toString('base64')}`, SECRET]
    server.webhooks([{ url, secret, from: 'oldest' }])
    await server.room('a').chat.send('one')
    await expect.poll(() => rows().length, { timeout: 10_000 }).toBe(1)
  })
})

const delivered = (metrics: string, name: string) =>
  Number(new RegExp(`delivered_total\\{endpoint="${name}"\\} (\\d+)`).exec(metrics)?.[1])
