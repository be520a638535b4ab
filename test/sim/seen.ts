import type { Seen } from './oracle.js'
import { textIn } from './protocol.js'
import { type Count, reactionText } from './reacted.js'

interface Logged {
  readonly type?: string | undefined
  readonly epoch?: string | undefined
  readonly offset?: number | undefined
  readonly id?: string | undefined
  readonly client_id?: string | undefined
  readonly message?: unknown
  readonly text?: unknown
  readonly target?: { readonly id: string } | undefined
  readonly version?: number | undefined
  readonly user_id?: string | undefined
  readonly reaction?: string | undefined
  readonly reactions?: readonly Count[] | undefined
}

/** What the oracle wants to know of an entry. */
export function seen(message: Logged): Seen {
  const { epoch = '', offset = 0, id = '', client_id: clientId, target, version } = message
  const { type, reaction: name, reactions, user_id: user = '' } = message
  const reaction = name === undefined ? undefined : { name, user, isOn: type === 'reaction_added' }
  const text = reaction ? reactionText(reaction.isOn, name) : textIn(message)
  return { epoch, offset, id, clientId, text, target: target?.id, version, reaction, reactions }
}
