import { once } from 'node:events'
import { type ClientOptions, createClient, type Observable } from '@roomful/client'
import type { AccessList } from './access.js'
import type { createSecureServer } from './server.js'
import type { Tokens } from './tokens.js'

const HOUR = 3_600

/** The next value that fits. */
function until<T>(observable: Observable<T>, fits: (value: T) => boolean): Promise<T> {
  return new Promise((resolve) => {
    observable.subscribe((value) => {
      if (fits(value)) resolve(value)
    })
  })
}

export interface Stage {
  readonly url: string
  readonly secure: ReturnType<typeof createSecureServer>
  readonly tokens: Tokens
  readonly access: AccessList
  readonly WebSocket: NonNullable<ClientOptions['WebSocket']>
  tell(line: string): void
}

/** What happens to ana, who may write in the room "board", and to bob, who may read there. */
export async function playStory({ url, secure, tokens, access, WebSocket, tell }: Stage): Promise<void> {
  access.grant('board', 'ana', 'write')
  access.grant('board', 'bob', 'read')
  const refreshed = new EventTarget()
  const ana = createClient({
    url,
    WebSocket,
    // The first token is good for five seconds: time enough to see it replaced.
    async token({ reason }) {
      if (reason === 'expiring') setImmediate(() => refreshed.dispatchEvent(new Event('refreshed')))
      return tokens.issue('ana', 'Ana', reason === 'expiring' ? HOUR : 5)
    },
  })
  const bob = createClient({ url, WebSocket, token: await tokens.issue('bob', 'Bob', HOUR) })
  ana.on('error', ({ code }) => tell(`ana's client reports: ${code}`))
  const [anasBoard, bobsBoard] = [ana.room('board'), bob.room('board')]
  try {
    await Promise.all([anasBoard.join(), bobsBoard.join()])
    const heard = new Promise<string>((resolve) =>
      bobsBoard.on('chat_message', ({ message }) => resolve(message)),
    )
    await anasBoard.send('Good morning')
    tell(`ana writes, and bob reads "${await heard}"`)

    await bobsBoard.send('Good morning, Ana').catch(({ code }) => tell(`bob may only read: ${code}`))

    await once(refreshed, 'refreshed')
    const { offset } = await anasBoard.send('Still here')
    tell(`ana's token was about to expire: the client fetched another, and message ${offset} went out`)

    const denied = until(bobsBoard.status, ({ state }) => state === 'denied')
    secure.withdraw('board', 'bob')
    await denied
    tell(`bob's access is withdrawn: he is out of the room and still ${bob.status.get().state}`)

    const failed = until(ana.status, ({ state }) => state === 'failed')
    secure.ban('ana')
    const { reason } = await failed
    tell(`and she is banned, so that it does not come back: ${reason}`)
  } finally {
    ana.close()
    bob.close()
  }
}
