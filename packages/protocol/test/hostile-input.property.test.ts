import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import * as z from 'zod/mini'
import { decodeClientMessage } from '../src/codec/decode-client-message.js'
import { decodeServerMessage } from '../src/codec/decode-server-message.js'
import { defineProtocol, request, volatile } from '../src/define-protocol.js'
import { ERRORS } from '../src/errors/errors.js'
import { ClientMessage } from '../src/messages/client-messages.js'
import { ServerMessage } from '../src/messages/server-messages.js'
import { isWellFormed } from '../src/messages/text.js'
import { arbitraryOf } from './support/arbitrary-of.js'
import { mutated } from './support/mutate.js'

const RUNS = 20_000

const body = z.object({ name: z.string(), at: z.optional(z.object({ x: z.number() })) })
const protocol = defineProtocol({
  client: { move: body, ask: request(body, body) },
  server: { moved: body, hinted: volatile(body) },
  chat: body,
})

const application = fc.record({
  type: fc.constantFrom('move', 'ask', 'moved', 'hinted'),
  ...{ room_id: fc.constant('a'), id: fc.constant('i'), epoch: fc.constant('e'), offset: fc.nat() },
  name: fc.string(),
})
const valid = fc.oneof(
  ...[...ClientMessage.def.options, ...ServerMessage.def.options].map((schema) => arbitraryOf(schema)),
  application,
)
const mutatedText = mutated(valid).map((value) => JSON.stringify(value))
const cutText = fc
  .tuple(mutatedText, fc.nat(), fc.string({ unit: 'binary', maxLength: 4 }))
  .map(([text, at, inserted]) => {
    const index = at % (text.length + 1)
    return text.slice(0, index) + inserted + text.slice(index + (at % 3))
  })
const units = fc.array(fc.nat(0xffff), { maxLength: 40 }).map((codes) => String.fromCharCode(...codes))
const bytes = fc.uint8Array({ maxLength: 60 }).map((octets) => new TextDecoder().decode(octets))
const hostile = fc.oneof(
  { arbitrary: mutatedText, weight: 5 },
  { arbitrary: cutText, weight: 3 },
  { arbitrary: units, weight: 1 },
  { arbitrary: bytes, weight: 1 },
)

it('[E9] any text is decoded by both sides without a throw, and refused in words', {
  timeout: 120_000,
}, () => {
  const verdicts = { accepted: 0, refused: 0 }
  fc.assert(
    fc.property(hostile, (text) => {
      decodeServerMessage(text, protocol)
      const result = decodeClientMessage(text, { protocol })
      verdicts[result.ok ? 'accepted' : 'refused']++
      if (result.ok) return
      expect(Object.hasOwn(ERRORS, result.code)).toBe(true)
      expect(result.code).not.toBe('internal')
      const answer = JSON.stringify(result)
      expect(isWellFormed(answer) && answer.length < 8_000).toBe(true)
    }),
    { numRuns: RUNS },
  )
  expect(Math.min(verdicts.accepted, verdicts.refused)).toBeGreaterThan(RUNS / 100)
})
