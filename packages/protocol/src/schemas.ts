export { ClientMessage, type ClientMessageOf } from './messages/client-messages.js'
export type { Cursor, JsonObject, Target } from './messages/fields.js'
export {
  type Author,
  type Durability,
  type Entry,
  type Mark,
  type Member,
  type RoomHead,
  ServerMessage,
  type ServerMessageOf,
  type WireLimits,
} from './messages/server-messages.js'
