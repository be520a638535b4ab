import { randomUUID } from 'node:crypto'
import { type ConsumeHandler, createServer, type ServerOptions } from '@roomful/server'

/** What `node:sqlite` and `better-sqlite3` have in common. */
export interface Database {
  exec(sql: string): unknown
  prepare(sql: string): { run(...values: string[]): unknown }
}

export function createTables(database: Database): void {
  database.exec(`
    CREATE TABLE IF NOT EXISTS sent (
      room_id TEXT NOT NULL, user_id TEXT NOT NULL, client_id TEXT NOT NULL, text TEXT NOT NULL,
      PRIMARY KEY (room_id, user_id, client_id)
    );
    CREATE TABLE IF NOT EXISTS logged (id TEXT PRIMARY KEY, room_id TEXT NOT NULL, message TEXT NOT NULL);
  `)
}

/** Runs before a message is logged. A throw refuses the message; otherwise the table holds it once. */
export function keepWhatIsSent(database: Database): NonNullable<ServerOptions['handle']> {
  const insert = database.prepare('INSERT INTO sent VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING')
  return {
    chat_message({ room, user, edit }, chat) {
      if (!edit) insert.run(room.id, user.id, chat.clientId ?? randomUUID(), chat.message)
      return chat
    },
  }
}

/** Runs after messages are logged. Whatever fails in between, the table holds each one once, in the order of its room. */
export function keepWhatIsLogged(database: Database): ConsumeHandler {
  const insert = database.prepare('INSERT INTO logged VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
  return (changes) => {
    for (const { roomId, position, message } of changes)
      insert.run(position.id, roomId, JSON.stringify(message))
  }
}

export function serve(database: Database, options: ServerOptions = {}) {
  createTables(database)
  const server = createServer({ ...options, handle: keepWhatIsSent(database) })
  server.consume('database', keepWhatIsLogged(database))
  return server
}
