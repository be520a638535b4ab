import * as z from 'zod/mini'
import { count, cursor, durationMs, jsonObject, offset, openEnum, target, token } from './fields.js'

const ref = z.optional(token)
const optionalRoom = z.optional(z.string())
const timestamp = z.string()
/** `null` means that there is no limit, since JSON has no Infinity. */
const limit = z.optional(z.nullable(z.number()))

/** The limits of a connection, sent in `system` so that a client can respect them. */
export const limits = z.object({
  text_length: limit,
  frame_bytes: limit,
  messages_per_second: limit,
  messages_burst: limit,
  bytes_per_second: limit,
  joins_per_second: limit,
  joins_burst: limit,
  history_per_second: limit,
  rooms: limit,
  dedupe_window_ms: limit,
})

export const system = z.object({
  type: z.literal('system'),
  message: z.string(),
  timestamp,
  protocol: z.optional(z.int()),
  connection_id: z.optional(token),
  ping_interval_ms: z.optional(durationMs),
  limits: z.optional(limits),
})

export const authenticated = z.object({
  type: z.literal('authenticated'),
  user_id: z.string(),
  session: z.string(),
  expires_in_ms: z.optional(durationMs),
  ref,
})

/** One user of a room: `profile` comes from the server's `authenticate`, or from an anonymous user; `state` from the user. */
export const member = z.object({
  user_id: z.string(),
  profile: z.optional(jsonObject),
  state: z.optional(jsonObject),
})

/** A user who wrote messages of a page. */
export const author = z.object({ user_id: z.string(), profile: jsonObject })

/** Up to where a user has read a room. */
export const mark = z.object({ user_id: z.string(), epoch: token, offset, id: token })

/** A published message as stored in the log: its type, its envelope, and its body. */
export const entry = z.looseObject({
  type: z.string(),
  room_id: z.string(),
  id: token,
  epoch: token,
  offset,
})

/** How many users reacted to a message in one way. */
export const reactionCount = z.object({ reaction: z.string(), count })

/** The reader's own reactions to the message at an offset. */
export const ownReactions = z.object({ offset, reactions: z.array(z.string()) })

/** The offsets of a log that a page accounts for, both ends included. */
export const covers = z.object({ from: offset, to: offset })

export const joined = z.object({
  type: z.literal('joined'),
  room_id: z.string(),
  message: z.string(),
  timestamp,
  epoch: z.optional(token),
  offset: z.optional(offset),
  id: z.optional(token),
  messages: z.optional(z.array(entry)),
  more: z.optional(z.boolean()),
  covers: z.optional(covers),
  count: z.optional(count),
  members: z.optional(z.array(member)),
  users: z.optional(z.array(author)),
  presence_version: z.optional(count),
  mark: z.optional(cursor),
  unread: z.optional(count),
  mentions: z.optional(count),
  marks: z.optional(z.array(mark)),
  recovered: z.optional(z.boolean()),
  reason: z.optional(z.string()),
  own_reactions: z.optional(z.array(ownReactions)),
  ref,
})

export const left = z.object({
  type: z.literal('left'),
  room_id: z.string(),
  reason: z.optional(z.string()),
  retry_after_ms: z.optional(durationMs),
  ref,
})

export const userJoined = z.object({
  type: z.literal('user_joined'),
  message: z.string(),
  count,
  room_id: optionalRoom,
  user_id: z.optional(z.string()),
})

export const userLeft = z.object({
  type: z.literal('user_left'),
  message: z.string(),
  count,
  room_id: optionalRoom,
  user_id: z.optional(z.string()),
})

export const chatMessage = z.object({
  type: z.literal('chat_message'),
  message: z.string(),
  timestamp,
  user_id: z.string(),
  room_id: optionalRoom,
  id: z.optional(token),
  client_id: z.optional(token),
  epoch: z.optional(token),
  offset: z.optional(offset),
  data: z.optional(jsonObject),
  reply_to: z.optional(target),
  mentions: z.optional(z.array(z.string())),
  edited_at: z.optional(timestamp),
  edited_by: z.optional(z.string()),
  version: z.optional(offset),
  deleted: z.optional(z.boolean()),
  reactions: z.optional(z.array(reactionCount)),
})

/** The envelope of an entry that changes another one. */
const amendment = {
  target,
  user_id: z.string(),
  timestamp,
  room_id: z.string(),
  id: token,
  epoch: token,
  offset,
  client_id: z.optional(token),
}

/** An entry of the log: a chat message was replaced. `deleted` tells that the replacement is gone itself. */
export const messageEdited = z.object({
  type: z.literal('message_edited'),
  message: z.string(),
  data: z.optional(jsonObject),
  deleted: z.optional(z.boolean()),
  ...amendment,
})

/** An entry of the log: a chat message was deleted. */
export const messageDeleted = z.object({ type: z.literal('message_deleted'), ...amendment })

/** An entry of the log: a user reacted to a chat message. `deleted` tells that the reaction is gone itself. */
export const reactionAdded = z.object({
  type: z.literal('reaction_added'),
  reaction: z.string(),
  deleted: z.optional(z.boolean()),
  ...amendment,
})

/** An entry of the log: a user took a reaction back. */
export const reactionRemoved = z.object({
  type: z.literal('reaction_removed'),
  reaction: z.string(),
  deleted: z.optional(z.boolean()),
  ...amendment,
})

/** An entry of the log: a user's reactions to a message were erased; it has these since. */
export const reactionsErased = z.object({
  type: z.literal('reactions_erased'),
  reactions: z.array(reactionCount),
  ...amendment,
})

/** An entry of the log: what a user had written up to an offset was erased. */
export const messagesErased = z.object({
  type: z.literal('messages_erased'),
  user_id: z.string(),
  through: offset,
  timestamp,
  room_id: z.string(),
  id: token,
  epoch: token,
  offset,
})

/** Up to where a user has read; the user's own devices also learn what is unread after the entry at `counted`. */
export const readMarked = z.object({
  type: z.literal('read_marked'),
  room_id: z.string(),
  user_id: z.string(),
  epoch: token,
  offset,
  id: token,
  counted: z.optional(offset),
  unread: z.optional(count),
  mentions: z.optional(count),
  ref,
})

/** What is new in a room that a connection watches. */
export const roomHead = z.object({
  room_id: z.string(),
  epoch: token,
  offset,
  unread: count,
  more: z.optional(z.boolean()),
  mentions: z.optional(count),
})

export const roomHeads = z.object({
  type: z.literal('room_heads'),
  rooms: z.array(roomHead),
  denied: z.optional(z.array(z.string())),
  ref,
})

const typing = { user_id: z.string(), timestamp, room_id: optionalRoom }
export const userTyping = z.object({ type: z.literal('user_typing'), ...typing })
export const userStoppedTyping = z.object({ type: z.literal('user_stopped_typing'), ...typing })

export const pong = z.object({
  type: z.literal('pong'),
  timestamp,
  id: z.optional(z.union([token, z.number()])),
})

export const ack = z.object({
  type: z.literal('ack'),
  client_id: token,
  id: token,
  room_id: z.string(),
  epoch: token,
  offset,
  timestamp,
  duplicate: z.boolean(),
  durability: openEnum('memory', 'buffered', 'disk', 'primary', 'replicated'),
  ref,
})

export const history = z.object({
  type: z.literal('history'),
  room_id: z.string(),
  epoch: token,
  messages: z.array(entry),
  users: z.optional(z.array(author)),
  more: z.boolean(),
  more_after: z.optional(z.boolean()),
  covers: z.optional(covers),
  oldest_offset: offset,
  truncated: z.boolean(),
  own_reactions: z.optional(z.array(ownReactions)),
  ref,
})

/** Who reacted to a message in one way, in the order in which they did. */
export const reactions = z.object({
  type: z.literal('reactions'),
  room_id: z.string(),
  target,
  reaction: z.string(),
  users: z.array(z.string()),
  more: z.boolean(),
  next: z.optional(offset),
  ref,
})

export const presence = z.object({
  type: z.literal('presence'),
  room_id: z.string(),
  version: count,
  event: openEnum('update', 'enter', 'leave', 'snapshot'),
  members: z.array(member),
})

export const resync = z.object({
  type: z.literal('resync'),
  room_id: z.string(),
  reason: z.string(),
  epoch: token,
  offset,
  id: token,
})

export const draining = z.object({ type: z.literal('draining'), reconnect_after_ms: durationMs })

export const reply = z.object({ type: z.literal('reply'), ref: token, data: z.unknown() })

export const issue = z.object({ path: z.string(), message: z.string() })

export const error = z.object({
  type: z.literal('error'),
  message: z.string(),
  timestamp,
  code: z.optional(z.string()),
  ref,
  client_id: z.optional(token),
  room_id: optionalRoom,
  retry_after_ms: z.optional(durationMs),
  issues: z.optional(z.array(issue)),
})

/** Every message that a server may send, before an application adds its own. */
export const ServerMessage = z.discriminatedUnion('type', [
  system,
  authenticated,
  joined,
  left,
  userJoined,
  userLeft,
  chatMessage,
  messageEdited,
  messageDeleted,
  messagesErased,
  reactionAdded,
  reactionRemoved,
  reactionsErased,
  readMarked,
  roomHeads,
  userTyping,
  userStoppedTyping,
  pong,
  ack,
  history,
  reactions,
  presence,
  resync,
  draining,
  reply,
  error,
])

export type ServerMessage = z.output<typeof ServerMessage>
export type ServerMessageOf<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>
export type Member = z.output<typeof member>
export type Author = z.output<typeof author>
export type RoomHead = z.output<typeof roomHead>
export type Mark = z.output<typeof mark>
export type Entry = z.output<typeof entry>
export type WireLimits = z.output<typeof limits>
export type Durability = ServerMessageOf<'ack'>['durability']
