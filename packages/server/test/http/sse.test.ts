import { expect, it } from 'vitest'
import { cursorText, parseCursor } from '../../src/api/contracts/cursor.js'
import { eventText } from '../../src/http/sse.js'

it.each([
  [{ id: 'a', type: 'chat_message', data: '{"n":1}' }, 'id: a\nevent: chat_message\ndata: {"n":1}\n\n'],
  [{ id: 'a' }, 'id: a\n\n'],
  [{ retryMs: 1_500 }, 'retry: 1500\n\n'],
  [{ data: '' }, 'data: \n\n'],
  [{ data: ' one' }, 'data:  one\n\n'],
])('an event %j has the text that the HTML standard asks for', (event, text) => {
  expect(eventText(event)).toBe(text)
})

it.each(['one\ntwo', 'one\r\ntwo', 'one\rtwo'])(
  'data with the line break in %j has one field a line',
  (data) => {
    expect(eventText({ data })).toBe('data: one\ndata: two\n\n')
  },
)

it('a line break in an id or a type cannot begin another field', () => {
  expect(eventText({ id: 'a\nretry: 1', type: 'b\r\ndata: c' })).toBe('id: a retry: 1\nevent: b  data: c\n\n')
})

it.each([
  { epoch: 'e', offset: 0, id: 'e' },
  { epoch: 'a b\n"é', offset: Number.MAX_SAFE_INTEGER, id: '日本' },
])('a cursor at %j goes through a header and back', (position) => {
  const text = cursorText(position)
  expect(text).toMatch(/^[\w-]+$/)
  expect(parseCursor(text)).toEqual(position)
})

it.each([
  'x',
  '17',
  '%',
  '{"epoch":"e","offset":1,"id":"i"}',
  Buffer.from('[]').toString('base64url'),
  Buffer.from('{"epoch":"e","offset":-1,"id":"i"}').toString('base64url'),
  Buffer.from('{"epoch":"e","offset":1.5,"id":"i"}').toString('base64url'),
  Buffer.from('{"epoch":"e","offset":1e300,"id":"i"}').toString('base64url'),
  Buffer.from('{"epoch":1,"offset":1,"id":"i"}').toString('base64url'),
  Buffer.from('{"epoch":"e","offset":1}').toString('base64url'),
])('a text that no server has issued (%s) is no cursor', (text) => {
  expect(parseCursor(text)).toBeUndefined()
})
