import { expect, it, onTestFinished } from 'vitest'
import type { Draft, Position, Range } from '../../../src/api/contracts/backplane.js'
import { openText } from '../../../src/backplane/log/log.js'
import { type Driver, findDriver } from '../../../src/backplane/sqlite/driver.js'
import { systemFiles } from '../../../src/backplane/sqlite/files.js'
import { places } from '../../../src/backplane/sqlite/places.js'
import { Store } from '../../../src/backplane/sqlite/store.js'
import { StoreFile } from '../../../src/backplane/sqlite/store-file.js'
import { Trimming } from '../../../src/backplane/sqlite/trimming.js'
import { chat, deletion, edit, reaction } from './drafts.js'
import { DRIVERS, newFile } from './files.js'

const BOUNDS = { limit: 5, maxBytes: 100_000 }
const TIMES = { wallMs: 0, isSteady: true }

/** A store in this thread, which notes the statements that it prepares. */
class Stage {
  readonly statements = new Set<string>()
  readonly trimming: Trimming
  readonly #file: StoreFile
  readonly #store: Store

  constructor(driver: (typeof DRIVERS)[number]) {
    this.#file = new StoreFile({ file: newFile(), sync: 'normal' }, findDriver(driver, places()), systemFiles)
    onTestFinished(() => this.#file.close())
    const prepare = (sql: string) => {
      this.statements.add(sql)
      return this.#driver.prepare(sql)
    }
    const noting = { ...this.#driver, prepare }
    this.trimming = new Trimming(noting)
    this.#store = new Store(noting, () => {}, 10)
  }

  publish({ id, message, timestampMs, amends }: Draft): Position {
    const group = this.#store.group()
    const unnamed = {
      kind: 'publish',
      ticket: 0,
      stream: 'r',
      author: 'ana',
      idempotency: undefined,
    } as const
    const sender = { userId: 'ana', clientId: id, fingerprint: 1 }
    const outcome = group.publish({ ...unnamed, id, open: openText(message), timestampMs, sender, amends })
    group.writeRooms()
    if (outcome?.status !== 'accepted') throw new Error('it was not accepted')
    return outcome.position
  }

  read(range: Range, since?: Position): number {
    return this.#store.read({ kind: 'read', ticket: 0, stream: 'r', range, since }).entries.length
  }

  who(target: Position, of: string): void {
    const asked = { ticket: 0, stream: 'r', target, reaction: of } as const
    this.#store.reactionUsers({ kind: 'reaction_users', ...asked, page: { after: 0, limit: 5 } })
    const own = { ticket: 0, stream: 'r', epoch: target.epoch, user: 'ana', offsets: [1] } as const
    this.#store.ownReactions({ kind: 'own_reactions', ...own })
  }

  /** How SQLite carries out what was prepared, line by line. */
  plans(): string[] {
    return [...this.statements].flatMap((sql) => {
      const values = Array.from(sql.matchAll(/\?/g), () => null)
      const plan = this.#driver.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values)
      return plan.map(({ detail }) => `${detail}, in: ${sql}`)
    })
  }

  get #driver(): Driver {
    return this.#file.driver
  }
}

it.each(DRIVERS)('by %s, nothing that a message or a page needs reads past others, or sorts', (driver) => {
  const stage = new Stage(driver)
  const first = stage.publish(chat('ana', 'one'))
  for (let n = 0; n < 20; n++) stage.publish(edit(first, 'ana', `${n}`))
  stage.publish(edit(first, 'ana', '19'))
  for (const change of ['+👍', '+🎉', '-👍', '-👍']) stage.publish(reaction(first, 'ana', change))
  stage.publish(chat('ben', 'two'))
  stage.who(first, '🎉')
  for (const messagesOnly of [true, false]) {
    stage.read({ before: undefined, ...BOUNDS, messagesOnly })
    stage.read({ after: 1, ...BOUNDS, messagesOnly }, first)
  }
  stage.trimming.trimRoom('r', { count: 2, entries: 3 }, TIMES)
  expect(stage.read({ before: undefined, ...BOUNDS, messagesOnly: true })).toBe(2)
  stage.publish(deletion(first, 'ana'))
  for (let n = 0; n < 3; n++) stage.trimming.trimRoom('r', { count: 1, entries: 1 }, TIMES)
  expect(stage.read({ before: undefined, ...BOUNDS })).toBe(1)
  expect(stage.statements.size).toBeGreaterThan(20)
  const slow =
    /^SCAN (entries|rooms|sent|reactions)|TEMP B-TREE|entries_by_offset \((?!room=\? AND amends=\?)/
  expect(stage.plans().filter((line) => slow.test(line))).toEqual([])
})
