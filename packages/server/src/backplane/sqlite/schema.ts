import { randomBytes, randomUUID } from 'node:crypto'
import type { Driver } from './driver.js'
import { numberIn, textIn } from './rows.js'

/** 'Room', by which SQLite's own tools recognise the application. */
const APPLICATION_ID = 0x526f6f6d

/**
 * Each step leads from one version to the next; a released one is never changed.
 *
 * - rooms: one row for each stream that was written to. `oldest` is the oldest entry in the log, `base_id` the id before
 *   it, `forgotten` the newest offset whose record in `sent` was removed. `older` messages are before the log, for pages
 *   alone. `bytes` are those of everything; some of them are of `amendments`, which are all in the log, some of `older`.
 * - entries: `seq` numbers the entries of all rooms in one order, and is never reused. `body` is the entry's text without
 *   its closing brace, epoch and offset. `key` identifies a repeat of the server's own message. `amends` is 1 for an
 *   amendment, and stands before the offset in the index, so that a page of messages never steps over amendments;
 *   `target` is the offset of the message that an edit changes, as long as it has its text. `editor` is who wrote the present text, if not the author.
 * - reactions: who reacted to the message at `target`, and the `offset` of the entry that made it so. One that was taken
 *   back stays, with `is_on` 0, for as long as the log has that entry. `entries.reacted` are the bytes of a message's.
 * - deleted: streams that were deleted, whose rows are removed in steps.
 * - consumers: how far readers of all rooms' entries have got.
 * - erasures: users whose messages are being erased: those up to `seq` are done, those up to `last` remain.
 * - erased: their rooms that have not been notified yet, and the newest offset that was erased there.
 * - restrictions: until when users are muted and banned in streams, whether or not these have a row. `ends` is the later one.
 * - profiles: what users are called who wrote messages; `number` is higher the later they did.
 * - sent: the client messages of the dedupe window. They outlive their entries. `place` is the offset that the message
 *   would have got, if it changed nothing and so has no entry: `offset` and `id` are then those of an earlier entry.
 * - marks: up to where a user has read a room. `at` is when it was moved last, to the hour.
 */
const MIGRATIONS = [
  `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE rooms (
    room INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    generation INTEGER NOT NULL,
    head INTEGER NOT NULL,
    head_id TEXT NOT NULL,
    oldest INTEGER NOT NULL,
    base_id TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    forgotten INTEGER NOT NULL
  );
  CREATE TABLE entries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    room INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    id TEXT NOT NULL,
    author TEXT,
    at INTEGER NOT NULL,
    key TEXT,
    fingerprint INTEGER,
    body TEXT NOT NULL
  );
  CREATE UNIQUE INDEX entries_by_offset ON entries (room, offset);
  CREATE UNIQUE INDEX entries_by_key ON entries (room, key) WHERE key IS NOT NULL;
  CREATE TABLE sent (
    seq INTEGER PRIMARY KEY,
    room INTEGER NOT NULL,
    user TEXT NOT NULL,
    client_id TEXT NOT NULL,
    fingerprint INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL
  );
  CREATE UNIQUE INDEX sent_by_client_id ON sent (room, user, client_id);
  CREATE TABLE deleted (room INTEGER PRIMARY KEY);
  CREATE TABLE consumers (name TEXT PRIMARY KEY, seq INTEGER NOT NULL, id TEXT NOT NULL) WITHOUT ROWID;
  `,
  `
  CREATE TABLE erasures (user TEXT PRIMARY KEY, seq INTEGER NOT NULL, last INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE erased (user TEXT NOT NULL, room INTEGER NOT NULL, through INTEGER NOT NULL, PRIMARY KEY (user, room)) WITHOUT ROWID;
  `,
  `
  ALTER TABLE entries ADD COLUMN amends INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE entries ADD COLUMN target INTEGER;
  ALTER TABLE entries ADD COLUMN editor TEXT;
  UPDATE entries SET amends = 1 WHERE substr(body, 1, 25) = '{"type":"messages_erased"';
  DROP INDEX entries_by_offset;
  CREATE UNIQUE INDEX entries_by_offset ON entries (room, amends, offset);
  CREATE INDEX entries_by_target ON entries (room, target) WHERE target IS NOT NULL;
  ALTER TABLE rooms ADD COLUMN amendments INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE rooms ADD COLUMN amendment_bytes INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE rooms ADD COLUMN older INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE rooms ADD COLUMN older_bytes INTEGER NOT NULL DEFAULT 0;
  UPDATE rooms SET (amendments, amendment_bytes) =
    (SELECT count(*), ifnull(sum(length(CAST(body AS BLOB)) + 120), 0) FROM entries WHERE room = rooms.room AND amends = 1);
  ALTER TABLE sent ADD COLUMN place INTEGER;
  `,
  `
  CREATE TABLE reactions (
    room INTEGER NOT NULL,
    target INTEGER NOT NULL,
    user TEXT NOT NULL,
    reaction TEXT NOT NULL,
    offset INTEGER NOT NULL,
    is_on INTEGER NOT NULL,
    PRIMARY KEY (room, target, user, reaction)
  ) WITHOUT ROWID;
  CREATE INDEX reactions_by_offset ON reactions (room, target, reaction, offset);
  CREATE INDEX reactions_by_user ON reactions (user, room, target, reaction);
  CREATE INDEX reactions_taken_back ON reactions (room, offset) WHERE is_on = 0;
  ALTER TABLE entries ADD COLUMN reacted INTEGER NOT NULL DEFAULT 0;
  `,
  `
  CREATE TABLE restrictions (
    stream TEXT NOT NULL,
    user TEXT NOT NULL,
    muted_until INTEGER NOT NULL,
    banned_until INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    PRIMARY KEY (stream, user)
  ) WITHOUT ROWID;
  CREATE INDEX restrictions_by_end ON restrictions (ends);
  `,
  `
  CREATE TABLE profiles (number INTEGER PRIMARY KEY, user TEXT NOT NULL UNIQUE, profile TEXT NOT NULL);
  `,
  `
  CREATE TABLE marks (
    room INTEGER NOT NULL,
    user TEXT NOT NULL,
    offset INTEGER NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (room, user)
  ) WITHOUT ROWID;
  CREATE INDEX marks_by_time ON marks (room, at);
  CREATE INDEX marks_by_user ON marks (user);
  `,
]

/** Only reads, so that a file of another application stays unchanged. @throws Error in one sentence */
export function assertOurs(driver: Driver, file: string): void {
  const version = pragma(driver, 'user_version')
  const isOurs = pragma(driver, 'application_id') === APPLICATION_ID
  if (!isOurs && (version > 0 || countTables(driver) > 0))
    throw new Error(`sqlite: ${file} is the database of another application; name another file`)
  if (version > MIGRATIONS.length)
    throw new Error(
      `sqlite: ${file} was written by a newer version of Roomful; install that version again, or name another file`,
    )
}

/** Creates the tables of a new file, and migrates an older one. */
export function migrate(driver: Driver): void {
  const version = pragma(driver, 'user_version')
  for (const [from, sql] of MIGRATIONS.entries()) if (from >= version) step(driver, sql, from + 1)
}

function step(driver: Driver, sql: string, version: number): void {
  driver.exec('BEGIN IMMEDIATE')
  driver.exec(sql)
  if (version === 1) {
    driver.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
    const put = driver.prepare('INSERT INTO meta (name, value) VALUES (?, ?)')
    put.run('store', randomUUID())
    put.run('secret', randomBytes(32).toString('base64url'))
    // The newest entry that retention has dropped.
    put.run('dropped', '0')
  }
  driver.exec(`PRAGMA user_version = ${version}`)
  driver.exec('COMMIT')
}

export function pragma(driver: Driver, name: string): number {
  const row = driver.prepare(`PRAGMA ${name}`).get() ?? {}
  return numberIn(row, name)
}

export function metaIn(driver: Driver, name: 'store' | 'secret' | 'dropped'): string {
  return textIn(driver.prepare('SELECT value FROM meta WHERE name = ?').get(name) ?? {}, 'value')
}

function countTables(driver: Driver): number {
  return numberIn(driver.prepare('SELECT count(*) AS tables FROM sqlite_schema').get() ?? {}, 'tables')
}
