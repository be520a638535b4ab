import { START_OF_MENTIONS } from '../log/erasure.js'
import type { Driver, Row } from './driver.js'
import type { Room, Rooms } from './rooms.js'
import { numberIn, textIn } from './rows.js'

/** An entry with what a change of its text has to know. */
export interface StoredText {
  readonly seq: number
  readonly room: number
  readonly offset: number
  readonly id: string
  /** Wall time, in ms since 1970. */
  readonly at: number
  readonly author: string | null
  /** Who wrote the present text, if not the author. */
  readonly editor: string | null
  /** Whether it is an amendment, as a number. */
  readonly amends: number
  /** The bytes of the reactions to it. */
  readonly reacted: number
  /** Without its place in the log. */
  readonly text: string
}

/** What a text becomes, and who wrote it: `editor`, if not the author. */
export interface NewText {
  readonly text: string
  readonly author: string | null
  readonly editor?: string | null
  /** The bytes of the reactions to it. @default what they were */
  readonly reacted?: number
}

/** How many edits lose their texts in one transaction, which takes some ms. */
const BATCH = 200
const COLUMNS = 'seq, room, offset, id, at, author, amends, editor, reacted, body'

/** Changes texts of entries, within a transaction of the caller. Ids and offsets stay. */
export class Texts {
  constructor(
    private readonly driver: Driver,
    private readonly rooms: Rooms,
  ) {}

  /** The message at an offset, as long as pages show it. */
  message({ key }: Pick<Room, 'key'>, offset: number): StoredText | undefined {
    const row = this.driver
      .prepare(`SELECT ${COLUMNS} FROM entries WHERE room = ? AND amends = 0 AND offset = ?`)
      .get(key, offset)
    return row && storedText(row)
  }

  amendment({ key }: Room, offset: number): StoredText | undefined {
    const row = this.driver
      .prepare(`SELECT ${COLUMNS} FROM entries WHERE room = ? AND amends = 1 AND offset = ?`)
      .get(key, offset)
    return row && storedText(row)
  }

  /**
   * The first of the entries after one, and up to another, that a user wrote, or wrote the present text of, or that may
   * mention the user.
   */
  nextOf(user: string, after: number, last: number): StoredText | undefined {
    const row = this.driver
      .prepare(
        `SELECT ${COLUMNS} FROM entries WHERE seq > ? AND seq <= ? AND (author = ? OR editor = ?
         OR (amends = 0 AND instr(body, '${START_OF_MENTIONS}') AND instr(body, ?))) ORDER BY seq LIMIT 1`,
      )
      .get(after, last, user, user, JSON.stringify(user))
    return row && storedText(row)
  }

  /** Of a message, or of an amendment that loses its text. */
  replace(entry: StoredText, { text, author, editor = null, reacted = entry.reacted }: NewText): void {
    const { seq, room, offset, amends } = entry
    this.driver
      .prepare(
        'UPDATE entries SET body = ?, author = ?, editor = ?, reacted = ?, target = NULL WHERE seq = ?',
      )
      .run(text.slice(0, -1), author, editor, reacted, seq)
    const added = Buffer.byteLength(text) - Buffer.byteLength(entry.text) + reacted - entry.reacted
    this.rooms.resize(room, { offset, amends, added })
  }

  /**
   * Takes their texts from the edits of a message, which is about to lose its own. Returns false if some are left, for
   * another transaction: a message may have any number.
   */
  redactEdits({ room, offset }: StoredText, redacted: (edit: StoredText) => NewText): boolean {
    const edits = this.driver
      .prepare(`SELECT ${COLUMNS} FROM entries WHERE room = ? AND target = ? LIMIT ${BATCH}`)
      .all(room, offset)
      .map(storedText)
    for (const edit of edits) this.replace(edit, redacted(edit))
    return edits.length < BATCH
  }
}

function storedText(row: Row): StoredText {
  const { author, editor } = row
  return {
    seq: numberIn(row, 'seq'),
    room: numberIn(row, 'room'),
    offset: numberIn(row, 'offset'),
    id: textIn(row, 'id'),
    at: numberIn(row, 'at'),
    author: author === null ? null : textIn(row, 'author'),
    editor: editor === null ? null : textIn(row, 'editor'),
    amends: numberIn(row, 'amends'),
    reacted: numberIn(row, 'reacted'),
    text: `${textIn(row, 'body')}}`,
  }
}
