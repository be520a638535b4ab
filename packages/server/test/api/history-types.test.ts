import { defineProtocol, type JsonObject, volatile } from '@roomful/protocol'
import { createServer, type LogAmendment, type LoggedChatMessage, type LogMessage } from '@roomful/server'
import { expectTypeOf, it } from 'vitest'
import * as z from 'zod/mini'

const protocol = defineProtocol({
  chat: z.object({ mood: z.enum(['fine', 'bad']) }),
  client: { poke: z.object({ at: z.string() }) },
  server: {
    moved: z.object({ from: z.string(), to: z.string() }),
    ended: z.object({ score: z.optional(z.number()) }),
    pinged: volatile(z.object({ text: z.string() })),
  },
})
type Message = LogMessage<typeof protocol>

// Checked by the compiler alone: nothing here runs.
async function uses() {
  const server = createServer({ protocol })
  const { messages } = await server.room('chess').history({ limit: 10 })
  expectTypeOf(messages).toEqualTypeOf<readonly Message[]>()
  expectTypeOf((await server.user('ana').history()).messages).toEqualTypeOf<readonly Message[]>()
  expectTypeOf<Message['type']>().toEqualTypeOf<'chat_message' | 'moved' | 'ended'>()
  for await (const { message } of server.changes()) {
    expectTypeOf(message).toEqualTypeOf<Message | LogAmendment<typeof protocol>>()
    switch (message.type) {
      case 'message_edited':
        expectTypeOf(message.data?.mood).toEqualTypeOf<'fine' | 'bad' | undefined>()
        break
      case 'message_deleted':
        expectTypeOf(message.target.offset).toEqualTypeOf<number>()
        break
      case 'messages_erased':
        expectTypeOf(message.through).toEqualTypeOf<number>()
        break
      case 'reaction_added':
      case 'reaction_removed':
        expectTypeOf(message.reaction).toEqualTypeOf<string>()
        break
      case 'reactions_erased':
        expectTypeOf(message.reactions[0]?.count).toEqualTypeOf<number | undefined>()
        break
      default:
        expectTypeOf(message).toEqualTypeOf<Message>()
    }
  }
  for (const message of messages) {
    expectTypeOf(message.offset).toEqualTypeOf<number>()
    switch (message.type) {
      case 'chat_message':
        expectTypeOf(message.message).toEqualTypeOf<string>()
        expectTypeOf(message.user_id).toEqualTypeOf<string>()
        expectTypeOf(message.data?.mood).toEqualTypeOf<'fine' | 'bad' | undefined>()
        break
      case 'moved':
        expectTypeOf(message.from).toEqualTypeOf<string>()
        // @ts-expect-error: it is a chat message's
        void message.user_id
        break
      case 'ended':
        expectTypeOf(message.score).toEqualTypeOf<number | undefined>()
        break
      default:
        expectTypeOf(message).toBeNever()
    }
  }
}

async function usesWithoutProtocol() {
  const { messages } = await createServer().room('lobby').history()
  expectTypeOf(messages).toEqualTypeOf<readonly LoggedChatMessage[]>()
  for (const entry of messages) {
    if (entry.type !== 'chat_message') continue
    expectTypeOf(entry.message).toEqualTypeOf<string>()
    expectTypeOf(entry.data).toEqualTypeOf<JsonObject | undefined>()
  }
}

it('history is typed by the protocol: chat messages and what is published, told apart by type', () => {
  expectTypeOf(uses).toBeFunction()
  expectTypeOf(usesWithoutProtocol).toBeFunction()
})
