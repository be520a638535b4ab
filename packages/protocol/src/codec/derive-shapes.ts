import { cursor, target } from '../messages/fields.js'
import {
  author,
  covers,
  entry,
  issue,
  limits,
  mark,
  member,
  ownReactions,
  reactionCount,
  roomHead,
  ServerMessage,
} from '../messages/server-messages.js'
import { FIELD_NAMES, messageShapeOf, type Names, shapeOf } from './shape-of.js'

const PARTS = {
  entry,
  member,
  author,
  limits,
  issue,
  target,
  covers,
  reaction_count: reactionCount,
  own_reactions: ownReactions,
  cursor,
  mark,
  head: roomHead,
}
const NAMES: Names = new Map([
  ...FIELD_NAMES,
  ...Object.entries(PARTS).map(([name, schema]): [unknown, string] => [schema, name]),
])

/** The shapes of objects within messages, derived from their zod schemas. */
export function derivePartShapes(): Record<string, string> {
  return Object.fromEntries(Object.entries(PARTS).map(([name, schema]) => [name, shapeOf(schema, NAMES)]))
}

/** The shapes of all server messages, by type. A shape does not repeat its type. */
export function deriveServerShapes(): Record<string, string> {
  return Object.fromEntries(
    ServerMessage.def.options.flatMap((option) =>
      option.def.shape.type.def.values.map((type) => [type, messageShapeOf(option, NAMES)]),
    ),
  )
}
