import { toIssues } from '@roomful/protocol'
import { suggestion } from '@roomful/protocol/options'
import * as z from 'zod/mini'
import { RoomfulError } from '../api/contracts/roomful-error.js'

export type Fields = z.ZodMiniObject
type Part = 'query' | 'body'

const { localeError } = z.locales.en()
const NUMBER = /^-?\d+(\.\d+)?$/
const CODES = { query: 'invalid_request', body: 'invalid_message' } as const

/** Checks the fields of a query or a body, and returns their schema's output. @throws RoomfulError that says in words what is wrong */
export function parse<T extends Fields>(schema: T, value: unknown, part: Part): z.output<T> {
  const result = z.safeParse(schema, value, {
    error: (issue) => (issue.input === undefined ? 'It is missing' : localeError(issue)),
  })
  if (result.success) return result.data
  const names = Object.keys(schema.shape)
  throw invalid(
    part,
    result.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => ({ path: [...issue.path, key], message: unknownField(key, names) }))
        : [issue],
    ),
  )
}

/** Converts a query for its schema: what reads as a number is one, except where the schema accepts a text, such as a user id. */
export function queryOf(parameters: URLSearchParams, { shape }: Fields): object {
  const fields = new Map<string, unknown>()
  for (const [name, text] of parameters) {
    if (fields.has(name)) throw invalid('query', [{ path: [name], message: 'It is given twice' }])
    const field = Object.hasOwn(shape, name) ? shape[name] : undefined
    const isText = field !== undefined && z.safeParse(field, text).success
    fields.set(name, !isText && NUMBER.test(text) ? Number(text) : text)
  }
  return Object.fromEntries(fields)
}

function unknownField(name: string, names: readonly string[]): string {
  return names.length === 0 ? 'There is no such field' : `There is no such field; ${suggestion(name, names)}`
}

function invalid(part: Part, found: Parameters<typeof toIssues>[0]): RoomfulError {
  return new RoomfulError(CODES[part], { message: `Invalid ${part}`, issues: toIssues(found) })
}
