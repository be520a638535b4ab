const CLIENT_TYPES = [
  'join',
  'leave',
  'chat_message',
  'edit_message',
  'delete_message',
  'add_reaction',
  'remove_reaction',
  'reactions',
  'mark_read',
  'watch_rooms',
  'typing_start',
  'typing_stop',
  'ping',
  'auth',
  'history',
  'presence',
  'set_profile',
] as const
const SERVER_TYPES = [
  'system',
  'authenticated',
  'joined',
  'left',
  'user_joined',
  'user_left',
  'chat_message',
  'message_edited',
  'message_deleted',
  'messages_erased',
  'reaction_added',
  'reaction_removed',
  'reactions_erased',
  'read_marked',
  'room_heads',
  'user_typing',
  'user_stopped_typing',
  'pong',
  'ack',
  'history',
  'reactions',
  'presence',
  'resync',
  'draining',
  'reply',
  'error',
] as const
const ENVELOPE = ['type', 'room_id', 'ref', 'client_id', 'after', 'meta'] as const
const PUBLISHED_ENVELOPE = [...ENVELOPE, 'id', 'epoch', 'offset'] as const

export const BUILT_IN_CLIENT_TYPES: ReadonlySet<string> = /* @__PURE__ */ new Set(CLIENT_TYPES)
export const BUILT_IN_SERVER_TYPES: ReadonlySet<string> = /* @__PURE__ */ new Set(SERVER_TYPES)
/** Fields that the wire reserves in every message; an application's bodies cannot have them. */
export const ENVELOPE_FIELDS: ReadonlySet<string> = /* @__PURE__ */ new Set(ENVELOPE)
/** The envelope of a message in a room's log. */
export const PUBLISHED_ENVELOPE_FIELDS: ReadonlySet<string> = /* @__PURE__ */ new Set(PUBLISHED_ENVELOPE)

/** Message names that begin with this are reserved for later versions of the wire. */
export const RESERVED_PREFIX = '$'

export type ReservedName = (typeof CLIENT_TYPES)[number] | (typeof SERVER_TYPES)[number]
export type EnvelopeField = (typeof ENVELOPE)[number]
export type PublishedEnvelopeField = (typeof PUBLISHED_ENVELOPE)[number]
