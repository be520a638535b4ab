import Pusher, { type Options, type PresenceChannel } from 'pusher-js'
import type { Message } from './before-server.js'

type Show = (line: string) => void

/** `key` and the options, such as the `cluster`, are those of your app at Pusher. */
export async function enter(url: string, token: string, show: Show, key: string, options: Options) {
  const headers = { authorization: token }
  const pusher = new Pusher(key, {
    ...options,
    channelAuthorization: { endpoint: `${url}/pusher/auth`, transport: 'ajax', headers },
  })
  const channel = pusher.subscribe('presence-general') as PresenceChannel

  let last = 0
  function print({ id, user, text }: Message) {
    if (id <= last) return
    last = id
    show(`${user}: ${text}`)
  }
  // What was sent while the page was away, Pusher does not send again.
  async function load() {
    const response = await fetch(`${url}/messages?after=${last}`, { headers })
    const page: readonly Message[] = await response.json()
    for (const message of page) print(message)
    if (page.length > 0) await load()
  }
  channel.bind('message', (message: Message) => {
    if (message.id === last + 1) print(message)
    else load().catch(console.error)
  })
  channel.bind('client-typing', (_: object, { user_id }: { user_id: string }) => show(`${user_id} is typing`))
  channel.bind('client-wave', ({ emoji }: { emoji: string }, { user_id }: { user_id: string }) =>
    show(`${user_id} waves ${emoji}`),
  )
  await new Promise<void>((resolve, reject) => {
    // Also after each reconnect.
    channel.bind('pusher:subscription_succeeded', () => load().then(resolve, reject))
    channel.bind('pusher:subscription_error', ({ error }: { error: string }) => reject(new Error(error)))
  })

  return {
    async say(text: string) {
      const body = JSON.stringify({ text })
      const json = { ...headers, 'content-type': 'application/json' }
      const { ok, status } = await fetch(`${url}/messages`, { method: 'POST', headers: json, body })
      if (!ok) throw new Error(`The message was answered with ${status}`)
    },
    type: () => channel.trigger('client-typing', {}),
    wave: (emoji: string) => channel.trigger('client-wave', { emoji }),
    people() {
      const ids: string[] = []
      channel.members.each(({ id }: { id: string }) => ids.push(id))
      return ids
    },
    leave: () => pusher.disconnect(),
  }
}
