import {
  type ApplicationMessage,
  type ClientMessageOf,
  checkText,
  type DecodeError,
  type DecodeResult,
  ERRORS,
  type ErrorCode,
  errorText,
  OWN_STREAM,
} from '@roomful/protocol'
import { profileIssues } from '../../api/options/check-content.js'
import { type Referring, type Refusal, refsOf, refsOfMessage } from '../connection/refs.js'
import type { Membership, Session } from '../connection/session.js'
import { type AmendRequest, reactionFault } from '../rooms/chat-content.js'

/** What to do about one message. The edges carry it out. */
export type Decision =
  | { readonly do: 'refuse'; readonly refusal: Refusal }
  | { readonly do: 'authenticate'; readonly message: ClientMessageOf<'auth'> }
  | { readonly do: 'answer_ping'; readonly id: string | number | undefined }
  | { readonly do: 'set_profile'; readonly message: ClientMessageOf<'set_profile'> }
  | { readonly do: 'join'; readonly message: ClientMessageOf<'join'> }
  | { readonly do: 'leave'; readonly membership: Membership; readonly ref: string | undefined }
  | {
      readonly do: 'chat'
      readonly membership: Membership
      readonly message: ClientMessageOf<'chat_message'>
    }
  | {
      readonly do: 'amend'
      readonly membership: Membership
      readonly message: AmendRequest
    }
  | { readonly do: 'reactions'; readonly membership: Membership; readonly message: ReactionsRequest }
  | { readonly do: 'mark'; readonly membership: Membership; readonly message: ClientMessageOf<'mark_read'> }
  | { readonly do: 'watch'; readonly message: ClientMessageOf<'watch_rooms'> }
  | { readonly do: 'typing'; readonly membership: Membership; readonly typing: boolean }
  | { readonly do: 'history'; readonly membership: Membership; readonly message: ClientMessageOf<'history'> }
  | {
      readonly do: 'presence'
      readonly membership: Membership
      readonly message: ClientMessageOf<'presence'>
    }
  | { readonly do: 'application'; readonly membership: Membership; readonly message: ApplicationMessage }

export interface DecisionLimits {
  readonly textLength: number
  readonly roomsPerConnection: number
  readonly watchedRoomsPerConnection: number
  readonly presenceStateBytes: number
  readonly reactionBytes: number
  /** Whether the store can change what it has logged, and whether it keeps reactions. */
  readonly amends: boolean
  readonly reacts: boolean
  /** Whether the store keeps up to where users have read. */
  readonly marks: boolean
  /** Whether anonymous users set their own profile. */
  readonly selfProfiles: boolean
  readonly profileBytes: number
}

type ReactionsRequest = ClientMessageOf<'reactions'>

type AnySession = Session<{ readonly id: string }>

/**
 * Decides on one decoded message. It checks the frame first, then the sender's authentication, the room, and the
 * fields.
 */
export function decide(session: AnySession, decoded: DecodeResult, limits: DecisionLimits): Decision {
  const type = decoded.ok ? decoded.message.type : decoded.type
  const isReadable = decoded.ok || decoded.stage !== 'frame'
  if (isUnknown(type, limits))
    return refuse('unknown_type', refsOf(decoded), `${ERRORS.unknown_type.text}: ${type}`)
  if (isReadable && session.standing !== 'authenticated' && type !== 'auth' && type !== 'ping') {
    return refuse('not_authenticated', refsOf(decoded))
  }
  if (!decoded.ok) return refuseUndecoded(session, decoded)
  if (decoded.kind === 'application') return decideApplication(session, decoded.message)
  const { message } = decoded
  switch (message.type) {
    case 'auth':
      return { do: 'authenticate', message }
    case 'ping':
      return { do: 'answer_ping', id: message.id }
    case 'join':
      return decideJoin(session, message, limits)
    case 'leave':
      return withMembership(session, message, (membership) => ({ do: 'leave', membership, ref: message.ref }))
    case 'chat_message':
      return decideChat(session, message, limits)
    case 'edit_message':
    case 'delete_message':
      return decideAmendment(session, message, limits)
    case 'add_reaction':
    case 'remove_reaction':
      return decideAmendment(session, message, limits)
    case 'reactions':
      return withMembership(session, message, (membership) => ({ do: 'reactions', membership, message }))
    case 'mark_read':
      return withMembership(session, message, (membership) => ({ do: 'mark', membership, message }))
    case 'watch_rooms':
      return decideWatch(session, message, limits)
    case 'typing_start':
    case 'typing_stop':
      return decideTyping(session, message)
    case 'history':
      return withMembership(session, message, (membership) => ({ do: 'history', membership, message }))
    case 'presence':
      return decidePresence(session, message, limits)
    case 'set_profile':
      return decideProfile(message, limits)
  }
}

/** Whether a message needs what the store cannot do. */
function isUnknown(type: string | undefined, limits: DecisionLimits): boolean {
  const { amends, reacts, marks, selfProfiles } = limits
  if (type === 'set_profile') return !selfProfiles
  if (type === 'mark_read' || type === 'watch_rooms') return !marks
  if (type === 'edit_message' || type === 'delete_message') return !amends
  return !reacts && (type === 'add_reaction' || type === 'remove_reaction' || type === 'reactions')
}

function decideJoin(session: AnySession, message: ClientMessageOf<'join'>, limits: DecisionLimits): Decision {
  const isNew = !session.rooms.has(message.room_id) && !session.isJoining(message.room_id)
  if (isNew && session.roomCount >= limits.roomsPerConnection)
    return refuse('room_limit', refsOfMessage(message))
  return { do: 'join', message }
}

function decideChat(
  session: AnySession,
  message: ClientMessageOf<'chat_message'>,
  limits: DecisionLimits,
): Decision {
  const membership = session.membership(message.room_id)
  if (!membership) return refuse('not_in_room', refsOfMessage(message))
  const fault = chatFault(membership, message, limits)
  return fault ? refuse(fault, refsOfMessage(message, membership)) : { do: 'chat', membership, message }
}

function chatFault(
  { roomId, lastAccepted }: Membership,
  message: ClientMessageOf<'chat_message'>,
  limits: DecisionLimits,
): ErrorCode | undefined {
  if (roomId === OWN_STREAM) return 'forbidden'
  const fault = checkText(message.message, limits.textLength)
  if (fault) return fault
  // Nothing may overtake the retry of a refused message.
  const isOutOfOrder = message.after !== undefined && message.after !== lastAccepted?.clientId
  return isOutOfOrder ? 'out_of_order' : undefined
}

function decideAmendment(session: AnySession, message: AmendRequest, limits: DecisionLimits): Decision {
  return withMembership(session, message, (membership) => {
    const refs = refsOfMessage(message, membership)
    if (membership.roomId === OWN_STREAM) return refuse('forbidden', refs)
    const issue = 'reaction' in message && reactionFault(message.reaction, limits)
    if (issue) return refuse('invalid_message', { ...refs, issues: [issue] })
    const fault = message.type === 'edit_message' ? checkText(message.message, limits.textLength) : undefined
    return fault ? refuse(fault, refs) : { do: 'amend', membership, message }
  })
}

function decideWatch(
  session: AnySession,
  message: ClientMessageOf<'watch_rooms'>,
  limits: DecisionLimits,
): Decision {
  const refs = refsOfMessage(message)
  // A base client could do nothing with the frames that follow.
  if (!session.extended) return refuse('forbidden', refs)
  if (message.room_ids.length > limits.watchedRoomsPerConnection) return refuse('room_limit', refs)
  return { do: 'watch', message }
}

function decideTyping(
  session: AnySession,
  message: ClientMessageOf<'typing_start' | 'typing_stop'>,
): Decision {
  const membership = session.membership(message.room_id)
  if (!membership)
    return refuse('not_in_room', refsOfMessage(message), errorText('not_in_room', message.type))
  if (membership.roomId === OWN_STREAM) return refuse('forbidden', refsOfMessage(message, membership))
  return { do: 'typing', membership, typing: message.type === 'typing_start' }
}

function decidePresence(
  session: AnySession,
  message: ClientMessageOf<'presence'>,
  limits: DecisionLimits,
): Decision {
  return withMembership(session, message, (membership) => {
    const refs = refsOfMessage(message, membership)
    if (membership.roomId === OWN_STREAM) return refuse('forbidden', refs)
    if (Buffer.byteLength(JSON.stringify(message.state)) > limits.presenceStateBytes) {
      const issues = [
        { path: 'state', message: `Expected at most ${limits.presenceStateBytes} bytes of JSON` },
      ]
      return refuse('invalid_message', { ...refs, issues })
    }
    return { do: 'presence', membership, message }
  })
}

function decideProfile(
  { profile: { name, avatar }, ref }: ClientMessageOf<'set_profile'>,
  limits: DecisionLimits,
): Decision {
  // Whatever else the client sent is not shown to others.
  const profile = { ...(name !== undefined && { name }), ...(avatar !== undefined && { avatar }) }
  const issues = profileIssues(profile, limits.profileBytes)
  if (issues.length > 0) return refuse('invalid_message', { ref, issues })
  return { do: 'set_profile', message: { type: 'set_profile', profile, ref } }
}

function decideApplication(session: AnySession, message: ApplicationMessage): Decision {
  const membership = session.membership(message.envelope.room_id)
  if (!membership) return refuse('not_in_room', refsOfMessage(message.envelope))
  return { do: 'application', membership, message }
}

function withMembership(
  session: AnySession,
  message: Referring,
  decideWith: (membership: Membership) => Decision,
): Decision {
  const membership = session.membership(message.room_id)
  return membership ? decideWith(membership) : refuse('not_in_room', refsOfMessage(message))
}

const ROOMLESS_TYPES: ReadonlySet<string | undefined> = new Set([
  'join',
  'auth',
  'ping',
  'set_profile',
  'watch_rooms',
])

/** The room comes before the fields: a sender that is in no room gets that error, whatever else is wrong. */
function refuseUndecoded(session: AnySession, error: DecodeError): Decision {
  const { type, envelope, issues } = error
  const needsRoom = error.stage === 'body' && !ROOMLESS_TYPES.has(type)
  if (needsRoom && !session.membership(envelope.room_id)) {
    return refuse('not_in_room', refsOfMessage(envelope), errorText('not_in_room', type))
  }
  return refuse(
    error.code,
    { ...refsOfMessage(envelope), ...(issues.length > 0 && { issues }) },
    error.message,
  )
}

function refuse(
  code: ErrorCode,
  details: Omit<Refusal, 'code' | 'text'>,
  text: string = ERRORS[code].text,
): Decision {
  return { do: 'refuse', refusal: { ...details, code, text } }
}
