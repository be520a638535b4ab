import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs'
import * as z from 'zod/mini'
import { type Notification, notification } from './protocol.js'

const line = z.discriminatedUnion('type', [
  z.object({ type: z.literal('added'), userId: z.string(), notification }),
  z.object({ type: z.literal('read'), userId: z.string(), ids: z.array(z.string()) }),
])
type Line = z.infer<typeof line>

/** Unread notifications by user, kept in a file of JSON lines that only grows. */
export class Store {
  readonly #unread = new Map<string, Map<string, Notification>>()

  constructor(private readonly path: string) {
    if (!existsSync(path)) return
    const text = readFileSync(path, 'utf8')
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    // A crash in the middle of a write leaves half a line, to which the next one would be glued.
    truncateSync(path, Buffer.byteLength(whole))
    for (const json of whole.split('\n').filter(Boolean)) this.#apply(line.parse(JSON.parse(json)))
  }

  unreadOf(userId: string): Notification[] {
    return [...(this.#unread.get(userId)?.values() ?? [])]
  }

  add(userId: string, notification: Notification): void {
    this.#append({ type: 'added', userId, notification })
  }

  markRead(userId: string, ids: string[]): void {
    this.#append({ type: 'read', userId, ids })
  }

  #append(change: Line): void {
    appendFileSync(this.path, `${JSON.stringify(change)}\n`)
    this.#apply(change)
  }

  #apply(change: Line): void {
    const unread = this.#unread.get(change.userId) ?? new Map<string, Notification>()
    this.#unread.set(change.userId, unread)
    if (change.type === 'added') unread.set(change.notification.notification_id, change.notification)
    else for (const id of change.ids) unread.delete(id)
  }
}
