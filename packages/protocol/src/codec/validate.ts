import type { ObjectSchema } from '../define/definitions.js'
import type { Issue } from '../errors/errors.js'
import { toWellFormed, truncate } from '../messages/text.js'

export type Validation =
  | { readonly ok: true; readonly value: object }
  /** `cause` is present if the schema itself failed, rather than rejecting the body. */
  | { readonly ok: false; readonly issues: readonly Issue[]; readonly cause?: unknown }

const MAX_ISSUES = 10
const MAX_ISSUE_LENGTH = 200

/** Runs an application's schema. Never throws: if a schema throws or is asynchronous, the result has a `cause`. */
export function validate(schema: ObjectSchema, body: unknown): Validation {
  try {
    const result = schema['~standard'].validate(body)
    if ('then' in result) {
      // Schemas must be synchronous, so that messages of one connection do not overtake each other. The handler is
      // needed because an unhandled rejection would end the process.
      result.catch(() => undefined)
      throw new TypeError(
        'A message schema returned a promise; use one without async refinements or transforms',
      )
    }
    if (!result.issues) return { ok: true, value: result.value }
    return { ok: false, issues: toIssues(result.issues) }
  } catch (cause) {
    return { ok: false, issues: [{ path: '', message: 'The schema failed' }], cause }
  }
}

type PathSegment = PropertyKey | { readonly key: PropertyKey }

/** Limited in number, so that a frame full of errors is not answered by a larger one. */
export function toIssues(
  issues: readonly { readonly message: string; readonly path?: readonly PathSegment[] | undefined }[],
): Issue[] {
  return issues.slice(0, MAX_ISSUES).map(({ message, path = [] }) => ({
    path: bounded(
      path.map((segment) => String(typeof segment === 'object' ? segment.key : segment)).join('.'),
    ),
    message: bounded(message),
  }))
}

function bounded(text: string): string {
  return toWellFormed(truncate(text, MAX_ISSUE_LENGTH))
}
