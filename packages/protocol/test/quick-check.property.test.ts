import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeClientMessage } from '../src/codec/decode-client-message.js'
import { ClientMessage } from '../src/messages/client-messages.js'
import { isRoomId } from '../src/messages/text.js'

const token = fc.stringMatching(/^[ -~]{1,64}$/)
const awkward = fc.constantFrom<unknown>('', 'x'.repeat(65), 'é', -1, 0.5, 1e300, true, null, [], {})
const anything = fc.oneof({ arbitrary: awkward, weight: 3 }, fc.jsonValue({ maxDepth: 2 }), token)
const natural = fc.nat()
const data = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 1 }))
const roomId = fc.constantFrom('lobby', 'r1', '@me')
const target = fc.record({ offset: natural, id: token })
const mentions = fc.array(fc.string({ minLength: 1, maxLength: 9 }), { maxLength: 3 })
const optional = { requiredKeys: [] as [] }
const valid = fc.oneof(
  fc
    .record(
      {
        room_id: roomId,
        client_id: token,
        after: token,
        seen: natural,
        data,
        ref: token,
        reply_to: target,
        mentions,
      },
      optional,
    )
    .map((fields) => ({ type: 'chat_message', message: 'hello', ...fields })),
  fc.record({ type: fc.constantFrom('typing_start', 'typing_stop'), room_id: roomId }),
  fc
    .record({ id: fc.oneof(token, fc.double({ noNaN: true, noDefaultInfinity: true })) }, optional)
    .map((fields) => ({
      type: 'ping',
      ...fields,
    })),
)
const fieldNames = [
  'message',
  'room_id',
  'client_id',
  'after',
  'seen',
  'data',
  'ref',
  'id',
  'other',
  'reply_to',
  'mentions',
]
const changes = fc.dictionary(fc.constantFrom(...fieldNames), anything, { minKeys: 1, maxKeys: 2 })

it('[E8] what a message is found to be without its schema, its schema says too', () => {
  let judged = 0
  fc.assert(
    fc.property(valid, fc.oneof(fc.constant({}), { arbitrary: changes, weight: 4 }), (message, changed) => {
      const frame = JSON.parse(JSON.stringify({ ...message, ...changed }))
      const decoded = decodeClientMessage(JSON.stringify(frame))
      const truth = ClientMessage.safeParse(frame)
      // Faults that no schema knows: a room's name, lone surrogates, keys that are reserved, data that nobody declared.
      const isForSchema = decoded.ok || decoded.issues.some(({ path }) => path !== '')
      if (!isForSchema || (frame.room_id !== undefined && !isRoomId(String(frame.room_id)))) return
      if (truth.success && frame.data !== undefined && frame.type === 'chat_message') return
      judged++
      expect(decoded.ok).toBe(truth.success)
      if (decoded.ok) expect(decoded.message).toEqual(truth.data)
    }),
    { numRuns: 6_000 },
  )
  expect(judged).toBeGreaterThan(1_000)
})
