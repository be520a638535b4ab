import * as z from 'zod/mini'
import { isWellFormed } from './text.js'

/** A name that one side makes up and the other echoes: 1–64 UTF-16 units. */
export const token = z.string().check(z.minLength(1), z.maxLength(64), z.refine(isWellFormed))
export const offset = z.int().check(z.gte(0))
export const count = z.int().check(z.gte(0))
export const durationMs = z.number().check(z.gte(0))

/** Where a reader stands in a room's log; `id` is that of the entry at `offset`. */
export const cursor = z.object({ epoch: token, offset, id: token })

/** Any JSON object. */
export const jsonObject = z.record(z.string(), z.unknown())

export type Cursor = z.output<typeof cursor>
export type JsonObject = Record<string, unknown>
