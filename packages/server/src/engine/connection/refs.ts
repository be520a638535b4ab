import type { DecodeResult, ErrorCode, Issue } from '@roomful/protocol'
import type { Membership } from './session.js'

/** Identifies the message that an answer is about. */
export interface Refs {
  readonly ref?: string | undefined
  readonly clientId?: string | undefined
  readonly roomId?: string | undefined
}

/** Why a message was refused, and which message it was. */
export interface Refusal extends Refs {
  readonly code: ErrorCode
  readonly text: string
  readonly issues?: readonly Issue[]
}

export interface Referring {
  readonly type?: string
  readonly room_id?: string | undefined
  readonly ref?: string | undefined
  readonly client_id?: string | undefined
}

/** The references of a message, as far as it could be decoded. */
export function refsOf(decoded: DecodeResult): Refs {
  if (!decoded.ok) return refsOfMessage(decoded.envelope)
  const message: Referring = decoded.kind === 'application' ? decoded.message.envelope : decoded.message
  return refsOfMessage(message)
}

/** The references that tell the sender which message an answer is about. */
export function refsOfMessage(message: Referring, membership?: Membership): Refs {
  const { ref, client_id: clientId, room_id: roomId = membership?.roomId } = message
  return { ref, clientId, roomId }
}
