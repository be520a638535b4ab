import { expect, it } from 'vitest'
import { retryAfter } from '../../src/util/retry-after.js'

it.each([
  ['a number of seconds', '120', 120_000],
  ['more seconds than a timer can take', '9'.repeat(400), 2 ** 31 - 1],
  ['a date', 'Thu, 01 Jan 1970 00:01:00 GMT', 50_000],
  ['a date in the past', 'Thu, 01 Jan 1970 00:00:00 GMT', 0],
  ['words', 'in May 2099', undefined],
  ['words that end as a date does', 'soon GMT', undefined],
  ['a negative number', '-1', undefined],
  ['nothing', null, undefined],
])('Retry-After with %s is read as ms', (_, header, ms) => {
  expect(retryAfter(header, 10_000)).toBe(ms)
})
