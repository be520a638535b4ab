import { randomUUID } from 'node:crypto'
import type { Target } from '@roomful/protocol'
import type { Amendment, Draft, Position, PublishResult } from '../../../src/api/contracts/backplane.js'

/** When all drafts were written, unless the test says otherwise. */
const AT = 1_767_225_600_000

export interface Written {
  /** Makes it a message that is recognised when it is repeated. */
  readonly clientId?: string | undefined
  readonly id?: string
  readonly at?: number
}

export function chat(userId: string, text: string, written: Written = {}): Draft {
  return draft('chat_message', userId, { message: text }, written)
}

export function edit(target: Target, userId: string, text: string, written: Written = {}): Draft {
  const amends = { kind: 'edit', target: bare(target), userId, message: text, moderates: true } as const
  return amending(amends, { target: bare(target), message: text }, written)
}

export function deletion(target: Target, userId: string, written: Written = {}): Draft {
  const amends = { kind: 'delete', target: bare(target), userId, moderates: true } as const
  return amending(amends, { target: bare(target) }, written)
}

/** `+👍` adds a reaction, `-👍` takes it back. */
export function reaction(target: Target, userId: string, change: string, written: Written = {}): Draft {
  const [isOn, text] = [change.startsWith('+'), change.slice(1)]
  const how = { target: bare(target), userId, moderates: false, reaction: text }
  const most = { kinds: 20, users: 10_000 }
  const amends: Amendment = isOn ? { kind: 'react', most, ...how } : { kind: 'unreact', ...how }
  const type = isOn ? 'reaction_added' : 'reaction_removed'
  return { ...draft(type, userId, { target: bare(target), reaction: text }, written), amends }
}

/** @throws Error if the store did not accept it */
export function placeOf(result: PublishResult): Position {
  if (result.status !== 'accepted') throw new Error(`the message was not accepted: ${result.status}`)
  return result.position
}

function amending(amends: Amendment, content: object, written: Written): Draft {
  const type = amends.kind === 'edit' ? 'message_edited' : 'message_deleted'
  return { ...draft(type, amends.userId, content, written), amends }
}

/** With its fields in the order of the engine's. */
function draft(type: string, userId: string, content: object, written: Written): Draft {
  const { id = randomUUID(), at = AT, clientId } = written
  const from = { timestamp: new Date(at).toISOString(), user_id: userId, room_id: 'r', id }
  const made = { id, timestampMs: at, message: { type, ...content, ...from, client_id: clientId } }
  const sender = clientId === undefined ? undefined : { userId, clientId, fingerprint: 1 }
  return { ...made, message: JSON.parse(JSON.stringify(made.message)), sender }
}

function bare({ offset, id }: Target): Target {
  return { offset, id }
}
