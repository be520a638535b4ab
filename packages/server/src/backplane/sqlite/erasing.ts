import { randomUUID } from 'node:crypto'
import type { Position } from '../../api/contracts/backplane.js'
import { erasedMessage, erasedText } from '../log/erasure.js'
import { openText } from '../log/log.js'
import type { Driver, Row } from './driver.js'
import type { Announced } from './requests.js'
import { numberIn, textIn } from './rows.js'
import type { Store } from './store.js'

/** For how long one step may hold up messages. */
const STEP_MS = 4
/** Entries that one statement looks through, in the order in which they were written. */
const WINDOW = 200

/** What one step has changed, for the readers of these streams. */
export interface Erased {
  /** Texts of these were erased. */
  readonly changed: ReadonlySet<string>
  readonly announced: readonly Announced[]
  /** The user of whom nothing is left to do. */
  readonly finished: string | undefined
}

interface Job {
  readonly user: string
  readonly seq: number
  readonly last: number
}

/**
 * Erases what users wrote. The jobs are in the file and outlive the process. First all texts go, a few at a time; then each room is
 * told, so that whoever was told reads no text any more.
 */
export class Erasing {
  constructor(
    private readonly driver: Driver,
    private readonly store: Store,
    /** Records of client messages were given up. */
    private readonly forgotten: (count: number) => void,
    /** Removes rows of streams that were deleted, as the user's own was. Returns whether there were any. */
    private readonly removeDeleted: () => boolean,
  ) {}

  get hasWork(): boolean {
    return this.#next() !== undefined
  }

  /** Begins with what is in the file now. Returns the head of the user's own stream; `undefined` if the user is being erased already. */
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
    return this.store.delete(`@user:${user}`)
  }

  /** A few ms of work, within a transaction of the caller's. */
  step(): Erased {
    const until = performance.now() + STEP_MS
    const changed = new Set<string>()
    const announced: Announced[] = []
    do {
      const job = this.#next()
      if (!job) break
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
    const end = Math.min(seq + WINDOW, last)
    const entries = this.driver
      .prepare('SELECT seq, room, offset, body FROM entries WHERE seq > ? AND seq <= ? AND author = ?')
      .all(seq, end, user)
    for (const entry of entries) {
      const name = this.#eraseEntry(user, entry)
      if (name !== undefined) changed.add(name)
    }
    this.#forgetSent(user, seq, end)
    this.driver.prepare('UPDATE erasures SET seq = ? WHERE user = ?').run(end, user)
  }

  /** Returns the stream; `undefined` of one that was deleted, whose entries are about to go. */
  #eraseEntry(user: string, entry: Row): string | undefined {
    const [seq, key, body] = [numberIn(entry, 'seq'), numberIn(entry, 'room'), textIn(entry, 'body')]
    const open = erasedText(`${body}}`, user)?.slice(0, -1) ?? body
    this.driver
      .prepare(
        'UPDATE entries SET body = ?, author = NULL, fingerprint = iif(key IS NULL, NULL, fingerprint) WHERE seq = ?',
      )
      .run(open, seq)
    const room = this.driver.prepare('SELECT name FROM rooms WHERE room = ?').get(key)
    if (!room) return undefined
    this.driver
      .prepare('UPDATE rooms SET bytes = bytes + ? WHERE room = ?')
      .run(Buffer.byteLength(open) - Buffer.byteLength(body), key)
    this.driver
      .prepare(
        `INSERT INTO erased (user, room, through) VALUES (?, ?, ?)
         ON CONFLICT (user, room) DO UPDATE SET through = max(through, excluded.through)`,
      )
      .run(user, key, numberIn(entry, 'offset'))
    return textIn(room, 'name')
  }

  /** A repeat from before them is refused as `forgotten` from then on. */
  #forgetSent(user: string, seq: number, end: number): void {
    const rows = this.driver
      .prepare(
        'SELECT room, max(offset) AS offset, count(*) AS sent FROM sent WHERE seq > ? AND seq <= ? AND user = ? GROUP BY room',
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

  #announce(userId: string, row: Row): Announced | undefined {
    const [key, through] = [numberIn(row, 'room'), numberIn(row, 'through')]
    this.driver.prepare('DELETE FROM erased WHERE user = ? AND room = ?').run(userId, key)
    const room = this.driver.prepare('SELECT name FROM rooms WHERE room = ?').get(key)
    if (!room) return undefined
    const [id, timestampMs, stream] = [randomUUID(), Date.now(), textIn(room, 'name')]
    const open = openText(erasedMessage({ id, roomId: stream, userId, through, timestampMs }))
    const outcome = this.store.publish({
      kind: 'publish',
      ticket: 0,
      stream,
      id,
      open,
      timestampMs,
      author: undefined,
      sender: undefined,
      idempotency: undefined,
    })
    return outcome.status === 'accepted' ? { stream, open, outcome } : undefined
  }
}
