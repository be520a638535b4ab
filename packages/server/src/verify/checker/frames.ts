import type { Entry, Place } from './history.js'

/** The fields of the server's frames and answers that the recorded clients read, named as in PROTOCOL.md and docs/http.md. */
export interface Frame {
  readonly type: string
  readonly room_id?: string
  readonly user_id?: string
  readonly session?: string
  readonly client_id?: string
  readonly message?: string
  readonly id?: string
  readonly epoch?: string
  readonly offset?: number
  readonly duplicate?: boolean
  readonly messages?: readonly Frame[]
  readonly recovered?: boolean
  readonly more?: boolean
  readonly reason?: string
  readonly oldest_offset?: number
  readonly durability?: string
  readonly code?: string
  readonly retry_after_ms?: number
  readonly ref?: string
}

export function placeOf({ epoch = '', offset = -1, id = '' }: Frame): Place {
  return { epoch, offset, id }
}

/** A message that came by HTTP has no client id, and goes by its text. */
export function entryOf(frame: Frame): Entry {
  const { user_id: user = '', message: text = '', client_id: clientId = text } = frame
  // The server's own chat messages, and the application's messages of any other type.
  const isForeign = frame.type !== 'chat_message' || user.startsWith('@')
  if (isForeign) return { ...placeOf(frame), user, clientId: placeOf(frame).id, text, isForeign }
  return { ...placeOf(frame), user, clientId, text }
}
