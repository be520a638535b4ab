import * as z from 'zod/mini'
import { TOKEN } from './text.js'

/** A name that one side chooses and the other echoes. */
export const token = z.string().check(z.regex(TOKEN))
export const offset = z.int().check(z.gte(0))
export const count = z.int().check(z.gte(0))
export const durationMs = z.number().check(z.gte(0))

/** A reader's position in a room's log; `id` is that of the entry at `offset`. */
export const cursor = z.object({ epoch: token, offset, id: token })

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

/** Any JSON object. */
export const jsonObject = z.record(z.string(), z.unknown())

export type Cursor = z.output<typeof cursor>
export type JsonObject = Record<string, unknown>
