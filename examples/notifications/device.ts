import { createInterface } from 'node:readline'
import { Inbox } from './inbox.js'

const url = process.env.NOTIFICATIONS_URL ?? 'ws://127.0.0.1:3003'
let ids: string[] = []
const inbox = new Inbox(url, process.argv[2] ?? 'ana', (unread) => {
  ids = unread.map(({ notification_id }) => notification_id)
  console.log(unread.map(({ text }) => `- ${text}`).join('\n') || '(nothing unread)')
})
await inbox.open()
console.log('Press Enter to mark everything read')
for await (const _ of createInterface({ input: process.stdin })) await inbox.markRead(ids)
inbox.client.close()
