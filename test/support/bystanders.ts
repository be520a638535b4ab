import { expect, onTestFinished } from 'vitest'
import { connect, connectExtended } from './connect.js'

/**
 * Two members of a room who must not notice what someone else does. When the test is over they still chat,
 * and nothing has come to them but that.
 */
export async function bystanders(url: string): Promise<void> {
  const [ana, bob] = [await connectExtended(url, { token: 'ana' }), await connect(`${url}?token=bob`)]
  for (const client of [ana, bob]) await client.join('undisturbed')
  await ana.next('user_joined')
  await ana.next('presence')
  onTestFinished(async () => {
    await ana.chat('undisturbed', 'still here?')
    await bob.next('chat_message')
    await bob.chat('undisturbed', 'still here')
    await ana.next('chat_message')
    for (const client of [ana, bob]) {
      await client.settled()
      for (const type of ['error', 'user_joined', 'user_left', 'left', 'presence']) await client.never(type)
      expect(client.socket.readyState).toBe(client.socket.OPEN)
    }
  })
}
