import * as z from 'zod/mini'
import { isLongerThan, MAX_MENTIONS, MAX_USER_ID_LENGTH, REACTION, TOKEN } from './text.js'

/** A name that one side chooses and the other echoes. */
export const token = z.string().check(z.regex(TOKEN))
export const offset = z.int().check(z.gte(0))
export const count = z.int().check(z.gte(0))
export const durationMs = z.number().check(z.gte(0))

/** A reader's position in a room's log; `id` is that of the entry at `offset`. */
export const cursor = z.object({ epoch: token, offset, id: token })

/** An entry that another message refers to: its place and its id, which proves that this is the entry meant. */
export const target = z.object({ offset, id: token })

const openEnums = new WeakMap<object, readonly string[]>()

/** A string to which a newer server may add values. An unknown value is read as the first one, the weakest. */
export function openEnum<const T extends readonly [string, ...string[]]>(...known: T) {
  const read = (value: string): T[number] => (known.includes(value) ? value : known[0])
  const schema = z.pipe(z.string(), z.transform(read))
  openEnums.set(schema, known)
  return schema
}

/** The known values of an {@link openEnum}; `undefined` for any other schema. */
export function knownValuesOf(schema: object): readonly string[] | undefined {
  return openEnums.get(schema)
}

const mentioned = z.string().check(
  z.minLength(1),
  z.refine((id) => !isLongerThan(id, MAX_USER_ID_LENGTH), 'Not a user id: too long'),
)
/** Bounded, since every member of the room gets it. */
export const mentions = z.array(mentioned).check(z.maxLength(MAX_MENTIONS))

/** A text, usually one emoji. How long it may be is the server's limit. */
export const reaction = z.string().check(z.regex(REACTION, 'Expected a text on one line'))

/** Any JSON object. */
export const jsonObject = z.record(z.string(), z.unknown())

export type Cursor = z.output<typeof cursor>
export type Target = z.output<typeof target>
export type JsonObject = Record<string, unknown>
