import * as z from 'zod/mini'
import { TOKEN } from './text.js'

/** A name that one side makes up and the other echoes. */
export const token = z.string().check(z.regex(TOKEN))
export const offset = z.int().check(z.gte(0))
export const count = z.int().check(z.gte(0))
export const durationMs = z.number().check(z.gte(0))

/** Where a reader stands in a room's log; `id` is that of the entry at `offset`. */
export const cursor = z.object({ epoch: token, offset, id: token })

/** Any JSON object. */
export const jsonObject = z.record(z.string(), z.unknown())

export type Cursor = z.output<typeof cursor>
export type JsonObject = Record<string, unknown>
