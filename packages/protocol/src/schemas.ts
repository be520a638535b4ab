export { ClientMessage, type ClientMessageOf } from './client-messages.js'
export type { Cursor, JsonObject } from './fields.js'
export {
  type Durability,
  type Entry,
  type Member,
  ServerMessage,
  type ServerMessageOf,
  type WireLimits,
} from './server-messages.js'
