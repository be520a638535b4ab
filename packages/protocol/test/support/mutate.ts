import * as fc from 'fast-check'
import { json } from './arbitrary-of.js'

const JUNK: fc.Arbitrary<unknown> = fc.oneof(
  json.value,
  fc.constantFrom(
    ...[null, '', ' ', 0, -0, -1, 0.5, 2 ** 53, -(2 ** 53), 1e308, true, [], {}, [null], '\ud800', 'é'],
    ...['x'.repeat(64), 'x'.repeat(65), '😀'.repeat(33), 'a\nb', 'memory', 'chat_message'],
    ...['{"__proto__":{"a":1}}', '{"constructor":{"prototype":1}}', '{"toString":1,"length":3}'].map(
      (source) => JSON.parse(source),
    ),
  ),
)

type Mutation = 'replace' | 'delete' | 'add'

/** JSON values that differ in one to three places from those given: a field replaced, removed or added. */
export function mutated(values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const mutation = fc.record({
    kind: fc.constantFrom<Mutation>('replace', 'replace', 'delete', 'add'),
    at: fc.nat(),
    junk: JUNK,
  })
  return fc
    .tuple(values, fc.array(mutation, { minLength: 1, maxLength: 3 }))
    .map(([value, mutations]) => mutations.reduce(apply, structuredClone(value)))
}

function apply(
  root: unknown,
  { kind, at, junk: shared }: { kind: Mutation; at: number; junk: unknown },
): unknown {
  // A copy: a later mutation may reach into it.
  const junk = structuredClone(shared)
  const containers = containersIn(root)
  const container = containers[at % containers.length]
  if (!container) return junk
  const keys = Object.keys(container)
  const key = keys[Math.floor(at / containers.length) % keys.length]
  if (kind === 'add' || key === undefined)
    Reflect.set(container, Array.isArray(container) ? keys.length : 'extra', junk)
  else if (kind === 'delete') Reflect.deleteProperty(container, key)
  else Reflect.set(container, key, junk)
  return root
}

function containersIn(value: unknown): object[] {
  if (typeof value !== 'object' || value === null) return []
  return [value, ...Object.values(value).flatMap(containersIn)]
}
