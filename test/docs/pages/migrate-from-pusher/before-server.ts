import express from 'express'
import type Pusher from 'pusher'
import { lastSeen, userOf } from './users.js'

const CHANNEL = 'presence-general'

export interface Message {
  readonly id: number
  readonly user: string
  readonly text: string
}

export interface Messages {
  add(user: string, text: string): Promise<unknown>
  after(id: number): Promise<readonly Message[]>
}

/** Stands for your table of messages, since Pusher keeps none. */
function table(pusher: Pusher): Messages {
  const rows: Message[] = []
  return {
    async add(user, text) {
      const message = { id: rows.length + 1, user, text }
      rows.push(message)
      await pusher.trigger(CHANNEL, 'message', message)
    },
    after: async (id) => rows.slice(id, id + 50),
  }
}

export function serveChat(pusher: Pusher, messages = table(pusher)) {
  const app = express()
  // Before the parsers: the signature is that of the body as text.
  app.post('/pusher/webhooks', express.text({ type: 'application/json' }), ({ headers, body }, response) => {
    const webhook = pusher.webhook({ headers, rawBody: body })
    if (!webhook.isValid()) return void response.sendStatus(401)
    const events: readonly { name: string; user_id?: string }[] = webhook.getEvents()
    for (const { name, user_id } of events)
      if (name === 'member_removed' && user_id) lastSeen.set(user_id, webhook.getTime().getTime())
    response.sendStatus(200)
  })
  app.use(express.json(), express.urlencoded(), (request, response, next) => {
    response.locals.user = userOf(request.get('authorization'))
    if (response.locals.user) next()
    else response.sendStatus(401)
  })
  app.post('/pusher/auth', ({ body }, response) => {
    if (body.channel_name !== CHANNEL) return void response.sendStatus(403)
    response.json(pusher.authorizeChannel(body.socket_id, CHANNEL, { user_id: response.locals.user }))
  })
  app.post('/messages', async ({ body }, response) => {
    if (typeof body.text !== 'string') return void response.sendStatus(400)
    await messages.add(response.locals.user, body.text)
    response.sendStatus(204)
  })
  app.get('/messages', async ({ query }, response) => {
    response.json(await messages.after(Number(query.after)))
  })
  return app
}
