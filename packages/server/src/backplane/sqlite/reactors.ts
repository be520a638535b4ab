import type { Target } from '@roomful/protocol'
import type { OwnReactions, ReactionUsers, UsersPage } from '../../api/contracts/backplane.js'
import { messageAt } from '../log/amending.js'
import type { NotedReaction, Reacted } from '../log/reactions.js'
import type { Driver } from './driver.js'
import type { Room } from './rooms.js'
import { numberIn, textIn } from './rows.js'
import type { StoredText, Texts } from './texts.js'

/** What a row costs in the file in addition to its texts, with its indexes. */
const OVERHEAD = 60
/** How many rows one statement deletes, or one page has. */
const BATCH = 200

/** A place in the order in which the reactions of a user are read. */
export interface ReactionRow {
  readonly room: number
  readonly target: number
  readonly reaction: string
}

export interface WrittenReactions {
  readonly texts: readonly string[]
  /** Where to go on; `undefined` at the end. */
  readonly next: ReactionRow | undefined
}

/** Who reacted to messages: one row for each user and reaction, within a transaction of the caller. */
export class Reactors {
  constructor(private readonly driver: Driver) {}

  find({ key }: Room, target: number, user: string, reaction: string): Reacted | undefined {
    const row = this.driver
      .prepare(
        'SELECT offset, is_on FROM reactions WHERE room = ? AND target = ? AND user = ? AND reaction = ?',
      )
      .get(key, target, user, reaction)
    return row && { isOn: numberIn(row, 'is_on') === 1, madeAt: numberIn(row, 'offset') }
  }

  note({ key }: Room, target: number, { userId, reaction, madeAt, isOn }: NotedReaction): void {
    this.driver
      .prepare(
        'INSERT OR REPLACE INTO reactions (room, target, user, reaction, offset, is_on) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .run(key, target, userId, reaction, madeAt, Number(isOn))
  }

  /** The message has no reactions any more. */
  drop({ room, offset }: Pick<StoredText, 'room' | 'offset'>): void {
    this.driver.prepare('DELETE FROM reactions WHERE room = ? AND target = ?').run(room, offset)
  }

  /** Returns the next message of which something is noted of a user, with what it is, and forgets that. */
  forgetNext(user: string): { room: number; target: number; noted: NotedReaction[] } | undefined {
    const first = this.driver.prepare('SELECT room, target FROM reactions WHERE user = ? LIMIT 1').get(user)
    if (!first) return undefined
    const [room, target] = [numberIn(first, 'room'), numberIn(first, 'target')]
    const noted = this.driver
      .prepare('SELECT reaction, offset, is_on FROM reactions WHERE room = ? AND target = ? AND user = ?')
      .all(room, target, user)
      .map((row) => ({
        userId: user,
        reaction: textIn(row, 'reaction'),
        madeAt: numberIn(row, 'offset'),
        isOn: numberIn(row, 'is_on') === 1,
      }))
    this.driver
      .prepare('DELETE FROM reactions WHERE room = ? AND target = ? AND user = ?')
      .run(room, target, user)
    return { room, target, noted }
  }

  users(room: Room, texts: Texts, { target, reaction, page }: Users): ReactionUsers {
    const message = messageAt(texts.message(room, target.offset), target)
    if (!message) return { status: 'not_found' }
    if (message.deleted) return { status: 'deleted' }
    return { status: 'found', ...this.#users(room, target.offset, reaction, page) }
  }

  #users({ key }: Room, target: number, reaction: string, { after, limit }: UsersPage) {
    const rows = this.driver
      .prepare(
        `SELECT user, offset FROM reactions WHERE room = ? AND target = ? AND reaction = ? AND offset > ? AND is_on = 1
         ORDER BY offset LIMIT ?`,
      )
      .all(key, target, reaction, after, limit + 1)
    const shown = rows.slice(0, limit)
    const last = shown.at(-1)
    return {
      users: shown.map((row) => textIn(row, 'user')),
      next: rows.length > limit ? (last ? numberIn(last, 'offset') : after) : undefined,
    }
  }

  of({ key, epoch }: Room, request: Own): readonly OwnReactions[] {
    if (epoch !== request.epoch) return []
    const select = this.driver.prepare(
      'SELECT reaction, offset FROM reactions WHERE room = ? AND target = ? AND user = ? AND is_on = 1',
    )
    return request.offsets.flatMap((offset) => {
      // Sorted here: they are few, and an index for their order would be written with each.
      const rows = select.all(key, offset, request.user)
      const inOrder = rows.sort((a, b) => numberIn(a, 'offset') - numberIn(b, 'offset'))
      return rows.length === 0 ? [] : [{ offset, reactions: inOrder.map((row) => textIn(row, 'reaction')) }]
    })
  }

  /** The reactions of a user of which the log has dropped the entries. */
  written(user: string, after: ReactionRow): WrittenReactions {
    const rows = this.driver
      .prepare(
        `SELECT reactions.room, reactions.target, reaction, id, name FROM reactions
         JOIN rooms ON rooms.room = reactions.room
         JOIN entries ON entries.room = reactions.room AND amends = 0 AND entries.offset = reactions.target
         WHERE user = ? AND is_on = 1 AND reactions.offset < oldest AND (reactions.room, reactions.target, reaction) > (?, ?, ?)
         ORDER BY reactions.room, reactions.target, reaction LIMIT ${BATCH}`,
      )
      .all(user, after.room, after.target, after.reaction)
    const texts = rows.map((row) => {
      const target = { offset: numberIn(row, 'target'), id: textIn(row, 'id') }
      const reaction = textIn(row, 'reaction')
      return JSON.stringify({
        type: 'reaction_added',
        target,
        reaction,
        user_id: user,
        room_id: textIn(row, 'name'),
      })
    })
    const last = rows.at(-1)
    const next = last && {
      room: numberIn(last, 'room'),
      target: numberIn(last, 'target'),
      reaction: textIn(last, 'reaction'),
    }
    return { texts, next: rows.length === BATCH ? next : undefined }
  }

  /** Those of messages up to an offset. What entries before the log took back is forgotten too. */
  trim(room: number, { dropped, oldest }: { readonly dropped: number; readonly oldest: number }): void {
    if (dropped > 0)
      this.driver.prepare('DELETE FROM reactions WHERE room = ? AND target <= ?').run(room, dropped)
    this.driver.prepare('DELETE FROM reactions WHERE room = ? AND is_on = 0 AND offset < ?').run(room, oldest)
  }

  /** Removes some of a stream that was deleted. Returns how many. */
  removeSome(room: number): number {
    const { changes } = this.driver
      .prepare(
        `DELETE FROM reactions WHERE (room, target, user, reaction) IN
         (SELECT room, target, user, reaction FROM reactions WHERE room = ? LIMIT ${BATCH})`,
      )
      .run(room)
    return Number(changes)
  }
}

/** The bytes that a row takes, as a room counts them. */
export function rowBytes(user: string, reaction: string): number {
  return OVERHEAD + Buffer.byteLength(user) + Buffer.byteLength(reaction)
}

interface Users {
  readonly target: Target
  readonly reaction: string
  readonly page: UsersPage
}

interface Own {
  readonly epoch: string
  readonly user: string
  readonly offsets: readonly number[]
}
