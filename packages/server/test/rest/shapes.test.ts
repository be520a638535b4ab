import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import * as schemas from '../../src/http/schemas.js'
import { SHAPES } from '../../src/rest/shapes.js'

const position = { id: 'i', epoch: 'e', offset: 3 }
const messages = [{ type: 'paid', room_id: 'a', ...position, invoice: 17 }]
const members = [{ user_id: 'ana', profile: { name: 'Ana' }, state: { mood: 'good' } }]

const answers = {
  published: [schemas.Published, { ...position, duplicate: true }],
  page: [schemas.Messages, { messages, more: true, truncated: false }],
  snapshot: [
    schemas.Snapshot,
    { messages, more: false, members, count: 1, cursor: position, last_event_id: 'x' },
  ],
  room: [schemas.Room, { room_id: 'a', count: 1, head: position }],
  members: [schemas.Members, { count: 1, members }],
  rooms: [schemas.RoomList, { rooms: [{ room_id: 'a', count: 2, connections: 1 }], more: false }],
} as const

const ODD = [undefined, null, 'x', '', 7, -1, 1.5, true, [], {}]

/** The value with each of its parts in turn replaced by odd ones. */
function spoilt(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return ODD
  const copy = (key: string, part: unknown) =>
    Array.isArray(value)
      ? value.map((one, index) => (key === `${index}` ? part : one))
      : { ...value, [key]: part }
  return [
    ...ODD,
    ...Object.entries(value).flatMap(([key, part]) => spoilt(part).map((odd) => copy(key, odd))),
  ]
}

describe('the shape of an answer', () => {
  it.each(Object.entries(answers))(
    'the shape of %s takes and refuses the same as the schema with which the API describes it',
    (name, [schema, answer]) => {
      const shape = SHAPES[name as keyof typeof SHAPES]
      expect(shape(answer)).toBeUndefined()
      for (const one of spoilt(answer))
        expect([one, shape(one) === undefined]).toEqual([one, z.safeParse(schema, one).success])
    },
  )
})
