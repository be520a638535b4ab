import * as z from 'zod/mini'
import { ClientMessage } from './messages/client-messages.js'
import { ServerMessage } from './messages/server-messages.js'

/** JSON Schema (draft 2020-12) of every built-in message, for code generators and other languages. */
export function toJsonSchema(): {
  client: z.core.JSONSchema.JSONSchema
  server: z.core.JSONSchema.JSONSchema
} {
  const options = { io: 'input', unrepresentable: 'throw' } as const
  return { client: z.toJSONSchema(ClientMessage, options), server: z.toJSONSchema(ServerMessage, options) }
}
