import * as z from 'zod/mini'
import { cursor, jsonObject, mentions, offset, reaction, target, token } from './fields.js'

const ref = z.optional(token)
const roomId = z.optional(z.string())
const pageSize = z.int().check(z.gte(0), z.lte(1_000))

export const join = z.object({
  type: z.literal('join'),
  room_id: z.string(),
  since: z.optional(cursor),
  history: z.optional(pageSize),
  ref,
})

export const leave = z.object({ type: z.literal('leave'), room_id: roomId, ref })

export const chatMessage = z.object({
  type: z.literal('chat_message'),
  message: z.string(),
  room_id: roomId,
  client_id: z.optional(token),
  after: z.optional(token),
  seen: z.optional(offset),
  data: z.optional(jsonObject),
  reply_to: z.optional(target),
  mentions: z.optional(mentions),
  ref,
})

export const editMessage = z.object({
  type: z.literal('edit_message'),
  target,
  message: z.string(),
  room_id: roomId,
  client_id: z.optional(token),
  seen: z.optional(offset),
  data: z.optional(jsonObject),
  ref,
})

export const deleteMessage = z.object({
  type: z.literal('delete_message'),
  target,
  room_id: roomId,
  client_id: z.optional(token),
  seen: z.optional(offset),
  ref,
})

const reacting = {
  target,
  reaction,
  room_id: roomId,
  client_id: z.optional(token),
  ref,
}
export const addReaction = z.object({ type: z.literal('add_reaction'), ...reacting })
export const removeReaction = z.object({ type: z.literal('remove_reaction'), ...reacting })

/** Asks who reacted to a message in one way. */
export const reactions = z.object({
  type: z.literal('reactions'),
  target,
  reaction,
  room_id: roomId,
  after: z.optional(offset),
  limit: z.optional(pageSize),
  ref,
})

export const markRead = z.object({
  type: z.literal('mark_read'),
  room_id: roomId,
  epoch: token,
  offset,
  id: token,
  ref,
})

export const watchRooms = z.object({ type: z.literal('watch_rooms'), room_ids: z.array(z.string()), ref })

export const typingStart = z.object({ type: z.literal('typing_start'), room_id: roomId })
export const typingStop = z.object({ type: z.literal('typing_stop'), room_id: roomId })

export const ping = z.object({
  type: z.literal('ping'),
  id: z.optional(z.union([token, z.number()])),
})

export const auth = z.object({
  type: z.literal('auth'),
  protocol: z.int(),
  token: z.optional(z.string()),
  session: z.optional(z.string()),
  ref,
})

export const history = z.object({
  type: z.literal('history'),
  room_id: roomId,
  epoch: z.optional(token),
  before: z.optional(offset),
  after: z.optional(offset),
  around: z.optional(target),
  limit: z.optional(pageSize),
  ref,
})

export const presence = z.object({
  type: z.literal('presence'),
  room_id: roomId,
  state: jsonObject,
  ref,
})

/** What an anonymous user shows to others. */
export const setProfile = z.object({
  type: z.literal('set_profile'),
  profile: z.object({ name: z.optional(z.string()), avatar: z.optional(z.string()) }),
  ref,
})

/** Every message that a client may send, before an application adds its own. */
export const ClientMessage = z.discriminatedUnion('type', [
  join,
  leave,
  chatMessage,
  editMessage,
  deleteMessage,
  addReaction,
  removeReaction,
  reactions,
  markRead,
  watchRooms,
  typingStart,
  typingStop,
  ping,
  auth,
  history,
  presence,
  setProfile,
])

export type ClientMessage = z.output<typeof ClientMessage>
export type ClientMessageOf<T extends ClientMessage['type']> = Extract<ClientMessage, { type: T }>
