import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { text } from 'node:stream/consumers'

const MAX_BODY_BYTES = 1024 * 1024
const TOLERANCE_MS = 5 * 60 * 1_000

/** What `node:sqlite` and `better-sqlite3` have in common. */
export interface Database {
  exec(sql: string): unknown
  prepare(sql: string): { run(...values: string[]): unknown }
}

/** Whether your server sent this body, and did so now: an old request may be one that somebody recorded. */
function isGenuine({ headers }: IncomingMessage, body: string, secret: string): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': seconds, 'webhook-signature': signatures } = headers
  if (!(Math.abs(Date.now() - Number(seconds) * 1_000) < TOLERANCE_MS)) return false
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
  const hmac = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')
  const expected = Buffer.from(`v1,${hmac}`)
  return String(signatures)
    .split(' ')
    .map((signature) => Buffer.from(signature))
    .some((given) => given.length === expected.length && timingSafeEqual(given, expected))
}

/** Keeps each message once, even if it is sent again. */
export function receiver(secret: string, database: Database): Server {
  database.exec('CREATE TABLE IF NOT EXISTS received (id TEXT PRIMARY KEY, body TEXT NOT NULL)')
  const insert = database.prepare('INSERT INTO received VALUES (?, ?) ON CONFLICT DO NOTHING')

  async function statusFor(request: IncomingMessage): Promise<number> {
    if (!(Number(request.headers['content-length']) <= MAX_BODY_BYTES)) return 413
    const body = await text(request)
    if (!isGenuine(request, body, secret)) return 401
    insert.run(String(request.headers['webhook-id']), body)
    return 204
  }

  return createServer((request, response) => {
    statusFor(request).then(
      (status) => response.writeHead(status).end(),
      (error) => {
        console.error(error)
        response.writeHead(500).end()
      },
    )
  })
}
