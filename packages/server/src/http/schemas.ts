import { TOKEN } from '@roomful/protocol/wire'
import * as z from 'zod/mini'
import { someMentions } from '../api/options/check-content.js'

const jsonObject = z.record(z.string(), z.unknown())
const offset = z.int().check(z.gte(0))
const count = z.int().check(z.gte(0))

const userOrServer = z
  .string()
  .check(z.regex(/^(@server$|[^@])/, 'A user id is not empty and does not begin with @'))
const limit = z.optional(z.int().check(z.gte(1), z.lte(1_000)))

/** A chat message; it has no `type`. */
export const Chat = z.strictObject({
  message: z.string(),
  as: z.optional(userOrServer),
  data: z.optional(jsonObject),
  reply_to: z.optional(z.strictObject({ offset, id: z.string().check(z.regex(TOKEN)) })),
  mentions: z.optional(
    z.array(z.string()).check(z.refine(someMentions.accepts, `Not ${someMentions.expected}`)),
  ),
})

/** What a chat message becomes; `offset` is its position, which its id proves. */
export const Edit = z.strictObject({
  offset,
  message: z.string(),
  as: z.optional(userOrServer),
  data: z.optional(jsonObject),
})

/** Which chat message is deleted, and in whose name. */
export const Deletion = z.strictObject({ offset, as: z.optional(userOrServer) })

const reacting = { offset, reaction: z.string(), as: z.optional(userOrServer) }

/** What is added to a chat message, and in whose name. */
export const Reaction = z.strictObject(reacting)

/** What is taken back. */
export const ReactionRemoval = z.strictObject(reacting)

/** A message that the protocol declares, with the fields of its schema. */
export const ContractMessage = z.looseObject({ type: z.string() })

/** An offset and an id, as in `42,clx0`. */
const place = z
  .string()
  .check(z.regex(/^\d{1,15},[!-~]{1,64}$/, 'Expected an offset and an id, as in 42,clx0'))

/** Which page of a log to read; without `before`, `after` and `around`, the newest. */
export const Page = z
  .strictObject({
    limit,
    before: z.optional(offset),
    after: z.optional(offset),
    around: z.optional(place),
  })
  .check(
    z.refine(
      ({ before, after, around }) => [before, after, around].filter((one) => one !== undefined).length <= 1,
      'before, after and around select different pages; use only one of them',
    ),
  )

/** Who sees a room, and how much of it. */
export const View = z.strictObject({ as: userOrServer, limit })

/** Which page of a list. */
export const ListPage = z.strictObject({ after: z.optional(z.string().check(z.minLength(1))), limit })

const MAX_REASON_BYTES = 123

export const Disconnect = z.strictObject({
  code: z.optional(
    z
      .int()
      .check(
        z.refine(
          (code) => code === 1000 || (code >= 3000 && code <= 4999),
          'A close code is 1000, or 3000 to 4999',
        ),
      ),
  ),
  reason: z.optional(
    z
      .string()
      .check(
        z.refine(
          (reason) => Buffer.byteLength(reason) <= MAX_REASON_BYTES,
          `A close reason has at most ${MAX_REASON_BYTES} bytes`,
        ),
      ),
  ),
})

/** For how long, in ms; without a time, until it is lifted. */
export const Restriction = z.strictObject({ for_ms: z.optional(z.number().check(z.gt(0))) })

/** The position of a message in its log. */
export const Position = z.object({ id: z.string(), epoch: z.string(), offset })

/** The position of a sent message; a duplicate was logged by an earlier request. */
export const Published = z.extend(Position, { duplicate: z.boolean() })

const messages = z.array(
  z.looseObject({
    type: z.string(),
    room_id: z.string(),
    id: z.string(),
    epoch: z.string(),
    offset,
  }),
)
const members = z.optional(
  z.array(z.object({ user_id: z.string(), profile: z.optional(jsonObject), state: z.optional(jsonObject) })),
)

/** `more_after` belongs to a page around a message. */
export const Messages = z.object({
  messages,
  more: z.boolean(),
  more_after: z.optional(z.boolean()),
  truncated: z.boolean(),
})

/** `last_event_id` is the cursor again, as a stream takes it: it goes on with what follows these messages. */
export const Snapshot = z.object({
  messages,
  more: z.boolean(),
  members,
  count,
  cursor: Position,
  own_reactions: z.optional(z.array(z.object({ offset, reactions: z.array(z.string()) }))),
  last_event_id: z.string(),
})

export const Room = z.object({ room_id: z.string(), count, head: Position })

export const RoomList = z.object({
  rooms: z.array(z.object({ room_id: z.string(), count, connections: count })),
  more: z.boolean(),
})

/** Without `for_ms`, until it is lifted. */
const restriction = z.optional(z.object({ for_ms: z.optional(z.number()) }))

export const RestrictionList = z.object({
  restrictions: z.array(z.object({ user_id: z.string(), muted: restriction, banned: restriction })),
  more: z.boolean(),
})

export const Members = z.object({ count, members })

/** An error, as RFC 9457 has it, with the code that all of Roomful uses. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  issues: z.optional(z.array(z.object({ path: z.string(), message: z.string() }))),
  retry_after_ms: z.optional(z.number()),
})
