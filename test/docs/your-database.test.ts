import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@roomful/server'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connectExtended } from '../support/connect.js'
import { type OpenDatabase, openDatabase } from '../support/database.js'
import { type Database, serve } from './your-database.js'

/** Opens SQLite on disk with the driver that this Node has. */
function open(): OpenDatabase {
  const folder = mkdtempSync(join(tmpdir(), 'roomful-database-'))
  const database = openDatabase(join(folder, 'app.db'))
  onTestFinished(() => {
    database.close()
    rmSync(folder, { recursive: true })
  })
  return database
}

async function start(...[database, options]: Parameters<typeof serve>) {
  const users = {
    authenticate: ({ token = '' }: { token?: string | undefined }) => ({ userId: token }),
    authorize: () => true,
  }
  const server = serve(database, { logger: silentLogger, ...users, ...options })
  const { url } = await server.listen({ port: 0 })
  onTestFinished(() => server.close())
  const connect = async () => {
    const ana = await connectExtended(url, { token: 'ana' })
    await ana.join('a')
    return ana
  }
  return { server, connect }
}

const message = { type: 'chat_message', room_id: 'a', message: 'hello', client_id: 'c1' }

/** A database whose next write is carried out, and then seems to have failed. */
function failingOnce(database: OpenDatabase, table: string) {
  const fault = { isDue: true, writes: 0 }
  const failing: Database = {
    exec: (sql) => database.exec(sql),
    prepare(sql) {
      const statement = database.prepare(sql)
      return {
        run(...values) {
          statement.run(...values)
          if (!sql.includes(table)) return
          fault.writes++
          if (!fault.isDue) return
          fault.isDue = false
          throw new Error('the connection to the database broke')
        },
      }
    },
  }
  return { failing, fault }
}

const sent = (database: OpenDatabase) => database.prepare('SELECT * FROM sent').all()
const logged = (database: OpenDatabase) =>
  database.prepare("SELECT json_extract(message, '$.message') AS text FROM logged ORDER BY rowid").all()

describe('the sample of docs/your-database.md', () => {
  it('the sample of docs/your-database.md keeps a message once that a client repeats, since it never saw the ack', async () => {
    const database = open()
    const { server, connect } = await start(database)
    const first = await (await connect()).ask(message, 'ack')
    expect(await (await connect()).ask(message, 'ack')).toMatchObject({ duplicate: true, id: first.id })
    await server.room('a').chat.send('of the server')
    await server.close()
    expect(sent(database)).toEqual([{ room_id: 'a', user_id: 'ana', client_id: 'c1', text: 'hello' }])
    expect(logged(database)).toEqual([{ text: 'hello' }, { text: 'of the server' }])
  })

  it('the sample of docs/your-database.md keeps a message once whose first write was carried out and seemed to fail', async () => {
    const database = open()
    const { failing, fault } = failingOnce(database, 'INTO sent')
    const { server, connect } = await start(failing)
    const ana = await connect()
    expect(await ana.ask(message, 'error')).toMatchObject({ code: 'internal', client_id: 'c1' })
    expect((await server.room('a').history()).messages).toEqual([])
    expect(await ana.ask(message, 'ack')).toMatchObject({ duplicate: false, offset: 1 })
    expect([sent(database).length, fault.writes]).toEqual([1, 2])
  })

  it('the sample of docs/your-database.md keeps a message once where the server ended, and what it had logged with it', async () => {
    const database = open()
    const before = await start(database)
    await (await before.connect()).ask(message, 'ack')
    await before.server.close()
    const after = await start(database)
    expect(await (await after.connect()).ask(message, 'ack')).toMatchObject({ duplicate: false })
    expect(sent(database)).toHaveLength(1)
  })

  it('the sample of docs/your-database.md keeps each logged message once where its consumer fails in the middle', async () => {
    const database = open()
    const { failing, fault } = failingOnce(database, 'INTO logged')
    const { server } = await start(failing)
    for (const text of ['one', 'two']) await server.room('a').chat.send(text)
    await expect.poll(() => logged(database).length, { timeout: 10_000 }).toBe(2)
    expect(logged(database)).toEqual([{ text: 'one' }, { text: 'two' }])
    expect(fault.writes).toBeGreaterThan(2)
  })
})
