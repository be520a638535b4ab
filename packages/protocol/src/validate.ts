import type { ObjectSchema } from './define-protocol.js'
import type { Issue } from './errors.js'

export type Validation =
  | { readonly ok: true; readonly value: object }
  | { readonly ok: false; readonly issues: readonly Issue[] }

/**
 * Runs an application's schema.
 * @throws TypeError if the schema is asynchronous: messages of one connection must not overtake each other.
 */
export function validate(schema: ObjectSchema, body: unknown): Validation {
  const result = schema['~standard'].validate(body)
  if (result instanceof Promise) {
    throw new TypeError(
      'A message schema returned a promise; use schemas without async refinements or transforms',
    )
  }
  if (!result.issues) return { ok: true, value: result.value }
  return {
    ok: false,
    issues: result.issues.map(({ message, path }) => ({ message, path: joinPath(path ?? []) })),
  }
}

type PathSegment = PropertyKey | { readonly key: PropertyKey }

export function joinPath(path: readonly PathSegment[]): string {
  return path.map((segment) => String(typeof segment === 'object' ? segment.key : segment)).join('.')
}
