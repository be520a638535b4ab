import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createNotificationServer } from './server.js'
import { Store } from './store.js'

const store = new Store(fileURLToPath(new URL('notifications.jsonl', import.meta.url)))
const { server, notify } = createNotificationServer(store)
const { url } = await server.listen({ port: Number(process.env.PORT ?? 3003) })
console.log(`Notifications are at ${url}. Type a user and a text, such as: ana Your order was sent`)

for await (const line of createInterface({ input: process.stdin })) {
  const [userId, ...words] = line.trim().split(' ')
  if (userId && words.length > 0) await notify(userId, words.join(' '))
}
