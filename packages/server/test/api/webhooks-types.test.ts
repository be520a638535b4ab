import { defineProtocol, volatile } from '@roomful/protocol'
import { createServer, type DeadLetter, type WebhookEvent } from '@roomful/server'
import { expectTypeOf, it } from 'vitest'
import * as z from 'zod/mini'

const protocol = defineProtocol({
  server: { moved: z.object({ from: z.string() }), waved: volatile(z.object({})) },
})
const endpoint = { url: 'https://example.com', secret: 'whsec_' }

// Checked by the compiler alone: nothing here runs.
async function uses() {
  const server = createServer({ protocol })
  const webhooks = server.webhooks([
    {
      ...endpoint,
      events: ['chat_message', 'messages_erased', 'moved', 'user_joined', 'user_left', 'room_emptied'],
      onDeadLetter: (letter) => {
        expectTypeOf(letter).toEqualTypeOf<DeadLetter>()
      },
    },
  ])
  expectTypeOf(await webhooks.stop()).toEqualTypeOf<void>()
  server.webhooks([{ url: process.env.WEBHOOK_URL, secret: process.env.WEBHOOK_SECRET }])
  // @ts-expect-error: not logged
  server.webhooks([{ ...endpoint, events: ['waved'] }])
  // @ts-expect-error: not of this protocol
  server.webhooks([{ ...endpoint, events: ['danced'] }])
  // @ts-expect-error: nothing to sign with
  server.webhooks([{ url: endpoint.url }])
}

it('the events of webhooks are the logged messages of the protocol', () => {
  expectTypeOf(uses).toBeFunction()
  expectTypeOf<Exclude<WebhookEvent<typeof protocol>, WebhookEvent>>().toEqualTypeOf<'moved'>()
  expectTypeOf<WebhookEvent>().toEqualTypeOf<
    | 'chat_message'
    | 'message_edited'
    | 'message_deleted'
    | 'messages_erased'
    | 'reaction_added'
    | 'reaction_removed'
    | 'reactions_erased'
    | 'user_joined'
    | 'user_left'
    | 'room_emptied'
  >()
})
