import { expect, it } from 'vitest'
import { type SqliteOptions, sqlite } from '../../../src/sqlite.js'

it.each([
  ['no file', {}, "name the file that keeps the messages, such as { file: './data/chat.db' }"],
  ['an empty file name', { file: '' }, "file must be the path of a file, such as './data/chat.db'"],
  ['a database in memory', { file: ':memory:' }, "file must be the path of a file, such as './data/chat.db'"],
  ['a misspelt option', { file: 'x', sinc: 'full' }, "there is no option 'sinc'; did you mean 'sync'?"],
  ['an unknown sync', { file: 'x', sync: 'off' }, "sync must be 'full' or 'normal'"],
  ['an unknown driver', { file: 'x', driver: 'sqlite3' }, "driver must be 'node:sqlite' or 'better-sqlite3'"],
  ['a negative time', { file: 'x', lockTimeoutMs: -1 }, 'lockTimeoutMs must be a number of ms, 0 or more'],
])('sqlite() refuses %s at once, in one sentence', (_, options, sentence) => {
  expect(() => sqlite(options as SqliteOptions)).toThrow(new TypeError(`sqlite: ${sentence}`))
})

it('an acknowledgement promises what sync makes of it', () => {
  expect(sqlite({ file: 'x' }).durability).toBe('disk')
  expect(sqlite({ file: 'x', sync: 'normal' }).durability).toBe('buffered')
})
