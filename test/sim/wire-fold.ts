import type { Seen } from './oracle.js'
import { counted } from './reacted.js'

/** What whoever knows only the frames makes of a message. */
export type Read = Pick<Seen, 'text' | 'version' | 'reactions'>

/** A state or an amendment counts only if it is later than the state that is known. */
export function apply(states: Map<string, Read>, entry: Seen): void {
  const { id, offset, text, target, version = 0, reaction, reactions } = entry
  const known = states.get(target ?? id)
  const { version: knownVersion = 0 } = known ?? {}
  if (target === undefined && version >= knownVersion) states.set(id, { text, version, reactions })
  if (target === undefined || !known || offset <= knownVersion) return
  if (reaction)
    states.set(target, { ...known, version: offset, reactions: counted(known.reactions ?? [], reaction) })
  else states.set(target, { text, version: offset, reactions: text === '' ? [] : known.reactions })
}
