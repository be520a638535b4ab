import { type Client, createClient, type Published } from '@roomful/client'
import { WebSocket } from 'ws'
import { type Notification, protocol } from './protocol.js'

type Change = Published &
  (({ type: 'notified' } & Notification) | { type: 'marked_read'; notification_ids: readonly string[] })

/** The unread notifications of a user, as one device shows them. */
export class Inbox {
  readonly client: Client<typeof protocol>
  readonly #unread = new Map<string, Notification>()

  constructor(
    url: string,
    token: string,
    private readonly show: (unread: readonly Notification[]) => void,
  ) {
    this.client = createClient({ url, protocol, token, WebSocket })
    this.client.on('unread', ({ notifications }) => this.#replace(notifications))
    this.client.me.on('notified', (change) => this.#apply(change))
    this.client.me.on('marked_read', (change) => this.#apply(change))
  }

  /** The history covers what happens between the server's look into its store and the join. */
  async open(): Promise<void> {
    const { messages } = await this.client.me.join({ history: 20 })
    for (const message of messages) if (message.type !== 'chat_message') this.#apply(message)
  }

  /** Returns how many are left. */
  async markRead(ids: readonly string[]): Promise<number> {
    const { unread } = await this.client.me.request('dismiss', { notification_ids: [...ids] })
    return unread
  }

  #replace(notifications: readonly Notification[]): void {
    this.#unread.clear()
    for (const notification of notifications) this.#unread.set(notification.notification_id, notification)
    this.#changed()
  }

  #apply(change: Change): void {
    if (change.type === 'marked_read') for (const id of change.notification_ids) this.#unread.delete(id)
    else this.#unread.set(change.notification_id, change)
    this.#changed()
  }

  #changed(): void {
    this.show([...this.#unread.values()])
  }
}
