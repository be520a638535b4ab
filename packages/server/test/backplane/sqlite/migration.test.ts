import type { Target } from '@roomful/protocol'
import { expect, it, onTestFinished, vi } from 'vitest'
import { findDriver } from '../../../src/backplane/sqlite/driver.js'
import { places } from '../../../src/backplane/sqlite/places.js'
import { VirtualClock } from '../../../src/testing.js'
import { chat, edit, placeOf } from './drafts.js'
import { DRIVERS, newFile, opened } from './files.js'

const newest = { before: undefined, limit: 100, maxBytes: 1_000_000 }

/** The tables as they were before messages could be edited. */
const VERSION_2 = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE rooms (room INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, generation INTEGER NOT NULL, head INTEGER NOT NULL,
    head_id TEXT NOT NULL, oldest INTEGER NOT NULL, base_id TEXT NOT NULL, bytes INTEGER NOT NULL, forgotten INTEGER NOT NULL);
  CREATE TABLE entries (seq INTEGER PRIMARY KEY AUTOINCREMENT, room INTEGER NOT NULL, offset INTEGER NOT NULL, id TEXT NOT NULL,
    author TEXT, at INTEGER NOT NULL, key TEXT, fingerprint INTEGER, body TEXT NOT NULL);
  CREATE UNIQUE INDEX entries_by_offset ON entries (room, offset);
  CREATE UNIQUE INDEX entries_by_key ON entries (room, key) WHERE key IS NOT NULL;
  CREATE TABLE sent (seq INTEGER PRIMARY KEY, room INTEGER NOT NULL, user TEXT NOT NULL, client_id TEXT NOT NULL,
    fingerprint INTEGER NOT NULL, offset INTEGER NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL);
  CREATE UNIQUE INDEX sent_by_client_id ON sent (room, user, client_id);
  CREATE TABLE deleted (room INTEGER PRIMARY KEY);
  CREATE TABLE consumers (name TEXT PRIMARY KEY, seq INTEGER NOT NULL, id TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE erasures (user TEXT PRIMARY KEY, seq INTEGER NOT NULL, last INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE erased (user TEXT NOT NULL, room INTEGER NOT NULL, through INTEGER NOT NULL, PRIMARY KEY (user, room)) WITHOUT ROWID;
  INSERT INTO meta VALUES ('store', 'a store'), ('secret', 'a secret'), ('dropped', '0');
  PRAGMA application_id = ${0x526f6f6d};
  PRAGMA user_version = 2;
`

/** A room in which Ana wrote, then Ben, and Ana was erased. */
function writeOldFile(driverName: (typeof DRIVERS)[number]): string {
  const file = newFile()
  const driver = findDriver(driverName, places())(file)
  driver.exec(VERSION_2)
  const bodies = [
    '{"type":"chat_message","message":"","user_id":"ana","room_id":"r","id":"a","deleted":true',
    '{"type":"chat_message","message":"hello","user_id":"ben","room_id":"r","id":"b","client_id":"c1"',
    '{"type":"messages_erased","user_id":"ana","through":1,"room_id":"r","id":"c"',
  ]
  for (const [index, body] of bodies.entries())
    driver
      .prepare('INSERT INTO entries (room, offset, id, author, at, body) VALUES (1, ?, ?, ?, ?, ?)')
      .run(index + 1, 'abc'.charAt(index), index === 1 ? 'ben' : null, 1_000 + index, body)
  const bytes = bodies.reduce((sum, body) => sum + body.length + 120, 0)
  driver.prepare("INSERT INTO rooms VALUES (1, 'r', 0, 3, 'c', 1, 'x', ?, 0)").run(bytes)
  driver.exec("INSERT INTO sent VALUES (2, 1, 'ben', 'c1', 1, 2, 'b', 1001)")
  driver.close()
  return file
}

it.each(DRIVERS)(
  'by %s, a file from before messages could be edited is opened with all it has, and can be edited',
  async (driver) => {
    const clock = new VirtualClock()
    const retention = { count: 3, entries: 4 }
    const backplane = await opened({ file: writeOldFile(driver), driver, retention }, { clock })
    onTestFinished(() => backplane.close())
    const offsets = async (messagesOnly: boolean) =>
      (await backplane.read('r', { ...newest, messagesOnly })).entries.map(({ offset }) => offset)
    expect(await offsets(false)).toEqual([1, 2, 3])
    expect(await offsets(true)).toEqual([1, 2])
    const target: Target = { offset: 2, id: 'b' }
    expect(placeOf(await backplane.publish('r', edit(target, 'ben', 'hi'))).offset).toBe(4)
    expect(await backplane.publish('r', edit({ offset: 1, id: 'a' }, 'ana', 'hi'))).toEqual({
      status: 'deleted',
    })
    const repeat = chat('ben', 'hello', { clientId: 'c1' })
    expect(await backplane.publish('r', repeat)).toMatchObject({ duplicate: true, position: { offset: 2 } })
    // What was erased before counts as an amendment: it pushes no message out.
    await backplane.publish('r', chat('ben', 'bye'))
    await vi.waitFor(async () => {
      await clock.advance(1_000)
      expect(await offsets(false)).toEqual([2, 3, 4, 5])
    })
    expect(await offsets(true)).toEqual([1, 2, 5])
  },
)
