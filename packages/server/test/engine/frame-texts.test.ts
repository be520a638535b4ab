import type { JsonObject } from '@roomful/protocol'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ackText, MemberTexts, openChatText } from '../../src/engine/delivery/frame-texts.js'

const made = fc.stringMatching(/^[\w-]{1,24}$/)
const timestamp = fc.constantFrom('2026-11-26T10:00:00.000Z', '1970-01-01T00:00:00.001Z')
const timestampMs = fc.nat(4_102_444_800_000)
const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('"', '\\', '\u2028', '\ud800', '\n', ''))
const maybe = fc.option(text, { nil: undefined })
const json = fc.dictionary(text, fc.jsonValue()).map((value) => value as JsonObject)
const data = fc.option(json, { nil: undefined })

it('a chat message is the text that JSON.stringify makes of it', () => {
  const fields = { message: text, data, timestamp, userId: text, roomId: text, id: made, clientId: maybe }
  fc.assert(
    fc.property(fc.record(fields), (chat) => {
      const { message, userId: user_id, roomId: room_id, id, clientId: client_id } = chat
      const { timestamp, data } = chat
      const texts = new MemberTexts(user_id, room_id)
      const frame = { type: 'chat_message', message, timestamp, user_id, room_id, id, client_id, data }
      expect(`${openChatText({ message, data, timestamp, texts, id, clientId: client_id })}}`).toBe(
        JSON.stringify(frame),
      )
    }),
  )
})

it('[M5] an acknowledgement is the text that JSON.stringify makes of it', () => {
  const offset = fc.oneof(fc.nat(2_000), fc.maxSafeNat())
  const place = { epoch: made, offset, id: made, timestampMs }
  const what = { duplicate: fc.boolean(), durability: fc.constantFrom('memory', 'primary', 'replicated') }
  const fields = { ref: maybe, clientId: text, roomId: text, ...place, ...what } as const
  fc.assert(
    fc.property(fc.record(fields), (ack) => {
      const { ref, clientId: client_id, roomId: room_id, ...rest } = ack
      const { epoch, offset, id, timestampMs, duplicate, durability } = rest
      const timestamp = new Date(timestampMs).toISOString()
      const texts = new MemberTexts('ana', room_id)
      if (duplicate) texts.placeIn('another')
      const accepted = { position: { epoch, offset, id }, timestampMs, duplicate, durability }
      const answered = { ref, client_id, room_id, epoch, offset, id, timestamp, duplicate, durability }
      expect(ackText({ ref, clientId: client_id, texts, accepted })).toBe(
        JSON.stringify({ type: 'ack', ...answered }),
      )
    }),
  )
})
