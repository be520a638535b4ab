import { randomUUID } from 'node:crypto'
import type { JsonObject } from '@roomful/protocol'
import type { Position } from '../../api/contracts/backplane.js'
import { isChatText, versionOf } from '../log/amending.js'
import { erasedMessage, erasedText, unmentionedText } from '../log/erasure.js'
import { openText } from '../log/log.js'
import { forgottenMessage, forgottenText } from '../log/reactions.js'
import type { Driver, Row } from './driver.js'
import { rowBytes } from './reactors.js'
import type { Announced } from './requests.js'
import { numberIn, textIn } from './rows.js'
import type { Store } from './store.js'
import type { StoredText } from './texts.js'

/** The longest time for which one step may delay messages. */
const STEP_MS = 4
/** How many entries one statement scans, in the order in which they were written. */
const WINDOW = 200

/** What one step changed, so that the readers of these streams can be notified. */
export interface Erased {
  /** The streams in which texts were erased. */
  readonly changed: ReadonlySet<string>
  readonly announced: readonly Announced[]
  /** The user whose erasure is complete. */
  readonly finished: string | undefined
}

interface Job {
  readonly user: string
  readonly seq: number
  readonly last: number
}

/**
 * Erases what users wrote. The jobs are stored in the file and outlive the process. Reactions come first: entries say what
 * is left of them, so that nobody counts by those that lose their texts. Then all texts are erased, a few at a time; only then is each room notified, so that nobody reads an erased text after the notice.
 */
export class Erasing {
  constructor(
    private readonly driver: Driver,
    private readonly store: Store,
    /** Receives how many records of client messages were removed. */
    private readonly forgotten: (count: number) => void,
    /** Removes rows of deleted streams, such as the user's own. Returns whether there were any. */
    private readonly removeDeleted: () => boolean,
  ) {}

  get hasWork(): boolean {
    return this.#next() !== undefined
  }

  /**
   * Creates a job for what is in the file now. Returns the new head of the user's own stream; `undefined` if the user
   * already has a job.
   */
  begin(user: string): Position | undefined {
    if (this.driver.prepare('SELECT 1 AS one FROM erasures WHERE user = ?').get(user)) return undefined
    const bounds = this.driver
      .prepare(
        `SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'entries'), 0) AS last,
         min(ifnull((SELECT min(seq) FROM entries), 1), ifnull((SELECT min(seq) FROM sent), 1)) AS first`,
      )
      .get()
    const [first, last] = [numberIn(bounds ?? {}, 'first'), numberIn(bounds ?? {}, 'last')]
    this.driver.prepare('INSERT INTO erasures (user, seq, last) VALUES (?, ?, ?)').run(user, first - 1, last)
    this.store.profiles.forget(user)
    this.driver.prepare('DELETE FROM marks WHERE user = ?').run(user)
    return this.store.delete(`@user:${user}`)
  }

  /** Works for a few ms, within a transaction of the caller. */
  step(): Erased {
    const until = performance.now() + STEP_MS
    const changed = new Set<string>()
    const announced: Announced[] = []
    do {
      const job = this.#next()
      if (!job) break
      if (this.#forgetReactions(job.user, changed, announced)) continue
      if (job.seq < job.last) this.#eraseWindow(job, changed)
      else if (!this.removeDeleted()) {
        const row = this.driver
          .prepare('SELECT room, through FROM erased WHERE user = ? LIMIT 1')
          .get(job.user)
        if (!row) return { changed, announced, finished: job.user }
        const told = this.#announce(job.user, row)
        if (told) announced.push(told)
      }
    } while (performance.now() < until)
    return { changed, announced, finished: undefined }
  }

  finish(user: string): void {
    this.driver.prepare('DELETE FROM erasures WHERE user = ?').run(user)
  }

  #next(): Job | undefined {
    const row = this.driver.prepare('SELECT user, seq, last FROM erasures LIMIT 1').get()
    return row && { user: textIn(row, 'user'), seq: numberIn(row, 'seq'), last: numberIn(row, 'last') }
  }

  #eraseWindow({ user, seq, last }: Job, changed: Set<string>): void {
    const { texts } = this.store
    let end = Math.min(seq + WINDOW, last)
    // One by one, since a message takes its edits along, which may come next.
    for (let entry = texts.nextOf(user, seq, end); entry; entry = texts.nextOf(user, entry.seq, end))
      if (!this.#eraseEntry(user, entry, changed)) end = entry.seq - 1
    this.#forgetSent(user, seq, end)
    this.driver.prepare('UPDATE erasures SET seq = ? WHERE user = ?').run(end, user)
  }

  /** Returns false if it has more edits than one step should change. */
  #eraseEntry(user: string, entry: StoredText, changed: Set<string>): boolean {
    const { texts } = this.store
    const room = this.driver.prepare('SELECT name, head FROM rooms WHERE room = ?').get(entry.room)
    if (entry.author !== user && entry.editor !== user) {
      const text = unmentionedText(entry.text, user)
      if (text !== undefined) texts.replace(entry, { ...entry, text })
      if (text !== undefined && room) changed.add(textIn(room, 'name'))
      return true
    }
    const head = room ? numberIn(room, 'head') : 0
    const authorOf = ({ author }: StoredText) => (author === user ? null : author)
    const erased = erasedText(entry.text, user, head)
    const redacted = (edit: StoredText) => {
      const text = erasedText(edit.text, user, head, () => true) ?? edit.text
      return { text, author: authorOf(edit) }
    }
    if (erased !== undefined && isChatText(erased) && !texts.redactEdits(entry, redacted)) return false
    const isGone = erased !== undefined && isChatText(erased)
    if (isGone) this.store.reactors.drop(entry)
    const reacted = isGone ? 0 : entry.reacted
    texts.replace(entry, { text: erased ?? entry.text, author: authorOf(entry), reacted })
    // Entries of a stream that was deleted will be removed anyway.
    if (erased === undefined || !room) return true
    this.#note(user, entry)
    changed.add(textIn(room, 'name'))
    return true
  }

  /** Notes up to where the room was erased. */
  #note(user: string, { room, offset, text }: StoredText): void {
    this.driver
      .prepare(
        `INSERT INTO erased (user, room, through) VALUES (?, ?, ?)
         ON CONFLICT (user, room) DO UPDATE SET through = max(through, excluded.through)`,
      )
      .run(user, room, Math.max(offset, versionOf(JSON.parse(text))))
  }

  /** From then on, a repeat of an older message is refused as `forgotten`. */
  #forgetSent(user: string, seq: number, end: number): void {
    const rows = this.driver
      .prepare(
        `SELECT room, max(ifnull(place, offset)) AS offset, count(*) AS sent FROM sent
         WHERE seq > ? AND seq <= ? AND user = ? GROUP BY room`,
      )
      .all(seq, end, user)
    for (const row of rows) {
      this.driver
        .prepare('UPDATE rooms SET forgotten = max(forgotten, ?) WHERE room = ?')
        .run(numberIn(row, 'offset'), numberIn(row, 'room'))
      this.forgotten(numberIn(row, 'sent'))
    }
    if (rows.length > 0)
      this.driver.prepare('DELETE FROM sent WHERE seq > ? AND seq <= ? AND user = ?').run(seq, end, user)
  }

  /** Takes back what a user reacted to one message. Returns false if there is none. */
  #forgetReactions(userId: string, changed: Set<string>, announced: Announced[]): boolean {
    const { reactors, texts } = this.store
    const forgotten = reactors.forgetNext(userId)
    if (!forgotten) return false
    const { room, target: offset, noted } = forgotten
    const row = this.driver.prepare('SELECT name, head FROM rooms WHERE room = ?').get(room)
    const found = texts.message({ key: room }, offset)
    // Rows of a stream that was deleted.
    if (!row || !found) return true
    const stream = textIn(row, 'name')
    const { text, reactions } = forgottenText(found.text, noted, numberIn(row, 'head') + 1)
    const freed = noted.reduce((sum, { reaction }) => sum + rowBytes(userId, reaction), 0)
    texts.replace(found, { ...found, text, reacted: Math.max(0, found.reacted - freed) })
    changed.add(stream)
    const target = { offset, id: found.id }
    const told = this.#append(stream, (id, timestampMs) =>
      forgottenMessage({ id, roomId: stream, userId, target, reactions, timestampMs }),
    )
    if (told) announced.push(told)
    return true
  }

  #announce(userId: string, row: Row): Announced | undefined {
    const [key, through] = [numberIn(row, 'room'), numberIn(row, 'through')]
    this.driver.prepare('DELETE FROM erased WHERE user = ? AND room = ?').run(userId, key)
    const room = this.driver.prepare('SELECT name FROM rooms WHERE room = ?').get(key)
    if (!room) return undefined
    const stream = textIn(room, 'name')
    return this.#append(stream, (id, timestampMs) =>
      erasedMessage({ id, roomId: stream, userId, through, timestampMs }),
    )
  }

  #append(stream: string, message: (id: string, timestampMs: number) => JsonObject): Announced | undefined {
    const [id, timestampMs] = [randomUUID(), Date.now()]
    const open = openText(message(id, timestampMs))
    const group = this.store.group()
    const outcome = group.publish({
      kind: 'publish',
      ticket: 0,
      stream,
      id,
      open,
      timestampMs,
      author: undefined,
      sender: undefined,
      idempotency: undefined,
      amends: undefined,
    })
    group.writeRooms()
    return outcome?.status === 'accepted' ? { stream, open, outcome } : undefined
  }
}
