import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ackText } from '../../src/engine/connection/ack-text.js'

const made = fc.stringMatching(/^[\w-]{1,24}$/)
const timestampMs = fc.nat(4_102_444_800_000)
const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('"', '\\', '\u2028', '\ud800', '\n', ''))
const maybe = fc.option(text, { nil: undefined })

it('[M5] an acknowledgement is the text that JSON.stringify makes of it', () => {
  const offset = fc.oneof(fc.nat(2_000), fc.maxSafeNat())
  const place = { epoch: made, offset, id: made, timestampMs }
  const what = {
    duplicate: fc.boolean(),
    durability: fc.constantFrom('memory', 'buffered', 'disk', 'primary', 'replicated'),
  }
  const fields = { ref: maybe, clientId: text, roomId: text, ...place, ...what } as const
  fc.assert(
    fc.property(fc.record(fields), (ack) => {
      const { ref, clientId: client_id, roomId: room_id, ...rest } = ack
      const { epoch, offset, id, timestampMs, duplicate, durability } = rest
      const timestamp = new Date(timestampMs).toISOString()
      const accepted = { position: { epoch, offset, id }, timestampMs, duplicate, durability }
      const answered = { ref, client_id, room_id, epoch, offset, id, timestamp, duplicate, durability }
      expect(ackText({ ref, clientId: client_id, roomId: room_id, accepted })).toBe(
        JSON.stringify({ type: 'ack', ...answered }),
      )
    }),
  )
})
