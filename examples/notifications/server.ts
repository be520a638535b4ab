import { randomUUID } from 'node:crypto'
import { createServer } from '@roomful/server'
import { protocol } from './protocol.js'
import type { Store } from './store.js'

/** Who an announcement is for. */
export type Audience = { readonly only: readonly string[] } | { readonly except: string } | undefined

/** The log of a user's stream lives in memory here; what must outlive the process is in the store. */
export function createNotificationServer(store: Store) {
  const server = createServer({
    protocol,
    // The token is the user's name, to keep this example short: see ../secure for real ones.
    authenticate: ({ token }) => (token ? { userId: token } : null),
    // Of the own stream nobody is asked; there are no other rooms.
    authorize: () => false,
    on: {
      join: ({ user, connection }) =>
        connection.broadcast({ type: 'unread', notifications: store.unreadOf(user.id) }),
    },
    handle: {
      async dismiss({ user, room }, { notification_ids }) {
        store.markRead(user.id, notification_ids)
        await room.publish({ type: 'marked_read', notification_ids })
        return { unread: store.unreadOf(user.id).length }
      },
    },
  })

  return {
    server,
    /** Stored first: a device that connects in between finds it there. */
    async notify(userId: string, text: string): Promise<void> {
      const notification = { notification_id: randomUUID(), text, created_at: new Date().toISOString() }
      store.add(userId, notification)
      await server.user(userId).publish({ type: 'notified', ...notification })
    },
    /** For those who are connected now, and stored nowhere. */
    announce(text: string, audience: Audience): void {
      const message = { type: 'announced', text } as const
      if (!audience) server.broadcast(message)
      else if ('only' in audience) server.users(audience.only).broadcast(message)
      else server.broadcast(message, { exceptUser: audience.except })
    },
  }
}
