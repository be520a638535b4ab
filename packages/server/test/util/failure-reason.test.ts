import { expect, it } from 'vitest'
import { failureReason } from '../../src/util/failure-reason.js'

const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' })

it.each([
  ['the code of its cause', new TypeError('fetch failed', { cause: refused }), 'ECONNREFUSED'],
  ['its words', new TypeError('Invalid URL'), 'Invalid URL'],
  // Its code is a number, which tells nobody anything.
  ['its words', new DOMException('The operation timed out', 'TimeoutError'), 'The operation timed out'],
  ['the code of several causes', new TypeError('fetch failed', { cause: allRefused() }), 'ECONNREFUSED'],
  ['unknown', undefined, 'unknown reason'],
  ['unknown', 'a text', 'unknown reason'],
])('the reason of a failure is %s', (_, error, reason) => {
  expect(failureReason(error)).toBe(reason)
})

/** As Node has it if none of several addresses answers: without a message. */
function allRefused(): Error {
  return Object.assign(new AggregateError([refused, refused]), { code: 'ECONNREFUSED' })
}
