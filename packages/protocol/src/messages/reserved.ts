const CLIENT_TYPES = [
  'join',
  'leave',
  'chat_message',
  'typing_start',
  'typing_stop',
  'ping',
  'auth',
  'history',
  'presence',
] as const
const SERVER_TYPES = [
  'system',
  'authenticated',
  'joined',
  'left',
  'user_joined',
  'user_left',
  'chat_message',
  'user_typing',
  'user_stopped_typing',
  'pong',
  'ack',
  'history',
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
/** Fields that the wire keeps for itself in every message, out of an application's bodies. */
export const ENVELOPE_FIELDS: ReadonlySet<string> = /* @__PURE__ */ new Set(ENVELOPE)
/** The envelope of a message that stands in a room's log. */
export const PUBLISHED_ENVELOPE_FIELDS: ReadonlySet<string> = /* @__PURE__ */ new Set(PUBLISHED_ENVELOPE)

/** Message names that begin with it are kept for later versions of the wire. */
export const RESERVED_PREFIX = '$'

export type ReservedName = (typeof CLIENT_TYPES)[number] | (typeof SERVER_TYPES)[number]
export type EnvelopeField = (typeof ENVELOPE)[number]
export type PublishedEnvelopeField = (typeof PUBLISHED_ENVELOPE)[number]
