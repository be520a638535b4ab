import type { Target } from '@roomful/protocol'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Backplane, Draft, Position, Range } from '../../../src/api/contracts/backplane.js'
import { type MemoryOptions, memory } from '../../../src/backplane/memory/memory.js'
import { findDriver } from '../../../src/backplane/sqlite/driver.js'
import { places } from '../../../src/backplane/sqlite/places.js'
import type { RoomRetention } from '../../../src/sqlite.js'
import { VirtualClock } from '../../../src/testing.js'
import { chat, deletion, edit, reaction } from './drafts.js'
import { newFile, nodeLink, opened } from './files.js'

type Step =
  | { readonly does: 'chat'; readonly user: string; readonly isRecognised: boolean }
  | {
      readonly does: 'edit' | 'delete'
      readonly user: string
      readonly which: number
      readonly text: string
      readonly isRecognised: boolean
    }
  | {
      readonly does: 'react'
      readonly user: string
      readonly which: number
      readonly change: string
    }
  | { readonly does: 'repeat'; readonly which: number }
  | { readonly does: 'erase'; readonly user: string }

const user = fc.constantFrom('ana', 'ben')
const which = fc.nat(30)
const chats = fc.record({ does: fc.constant('chat' as const), user, isRecognised: fc.boolean() })
const amendments = fc.record({
  does: fc.constantFrom('edit' as const, 'edit' as const, 'edit' as const, 'delete' as const),
  user,
  which,
  text: fc.constantFrom('one', 'two', 'three'),
  isRecognised: fc.boolean(),
})
const reactions = fc.record({
  does: fc.constant('react' as const),
  user,
  which,
  change: fc.constantFrom('+👍', '+👍', '-👍', '+🎉', '-🎉'),
})
const repeats = fc.record({ does: fc.constant('repeat' as const), which })
const erasures = fc.record({ does: fc.constant('erase' as const), user })

interface Look {
  readonly isForward: boolean
  readonly at: number | undefined
  readonly limit: number
  readonly maxBytes: number
  readonly messagesOnly: boolean
  readonly since: number
}

const looks = fc.array(
  fc.record({
    isForward: fc.boolean(),
    at: fc.option(fc.nat(40), { nil: undefined }),
    limit: fc.nat(12),
    maxBytes: fc.constantFrom(1, 1_000_000),
    messagesOnly: fc.boolean(),
    since: fc.nat(40),
  }),
  { minLength: 1, maxLength: 4 },
)

/** A room of a store, with the places that it has given. */
class Room {
  readonly #places: Position[] = []

  constructor(
    readonly backplane: Backplane,
    readonly name: string,
  ) {}

  /** What the sender is told. */
  async publish(draft: Draft) {
    const result = await this.backplane.publish(this.name, draft)
    if (result.status !== 'accepted') return result
    const { position, duplicate, timestampMs } = result
    this.#places.push(position)
    const { offset, id } = position
    // What an erasure left of its reactions may be what an edit finds unchanged.
    return isOfStore(id) ? { offset, id: '', duplicate } : { offset, id, duplicate, timestampMs }
  }

  /** Who reacted to the message that a draft changes, and what the draft's user did. */
  async who({ amends }: Draft) {
    const { reactions } = this.backplane
    if (!amends || !reactions) return undefined
    const { epoch } = (await this.backplane.read(this.name, { before: undefined, limit: 0, maxBytes: 0 }))
      .head
    return {
      users: await reactions.users(this.name, amends.target, '👍', { after: 0, limit: 10 }),
      own: await reactions.of(this.name, epoch, amends.userId, [amends.target.offset]),
    }
  }

  /** Where its messages and its log begin. */
  async oldest(): Promise<string> {
    const range = { before: undefined, limit: 1, maxBytes: 1 }
    const pages = [{ ...range, messagesOnly: true }, range].map((one) => this.backplane.read(this.name, one))
    return (await Promise.all(pages)).map(({ oldestOffset }) => oldestOffset).join(' ')
  }

  /** What a reader gets, except for the epoch, which each room has of its own. */
  async look({ isForward, at, since, ...bounds }: Look) {
    const range: Range = isForward ? { after: at ?? 0, ...bounds } : { before: at, ...bounds }
    const page = await this.backplane.read(this.name, range, this.#places[since])
    const { entries, more, truncated, oldestOffset, head, fault } = page
    const texts = entries.map(({ offset, text }) => ({ offset, ...messageIn(text) }))
    return { texts, more, truncated, oldestOffset, head: head.offset, fault }
  }
}

const isOfStore = (id: string) => !id.startsWith('id-')

/** What the store itself adds has a time and an id of its own. */
function messageIn(text: string): object {
  const { epoch: _epoch, room_id: _room, id, timestamp, ...message } = JSON.parse(text)
  return isOfStore(id) ? message : { id, timestamp, ...message }
}

/** Takes every step in memory and in two rooms of a file, one of which is in use, and so in the server's memory, too. */
async function compare(steps: readonly (readonly [Step, readonly Look[]])[], bounds: Bounds = {}) {
  const clock = new VirtualClock()
  const inMemory = memory(bounds.memory)
  await inMemory.start(nodeLink())
  const file = newFile()
  const onDisk = await opened({ file, sync: 'normal', ...bounds.sqlite }, { clock })
  await onDisk.subscribe('in use', () => {})
  const rooms = [new Room(inMemory, 'r'), new Room(onDisk, 'in use'), new Room(onDisk, 'idle')] as const
  const writer = new Writer()
  for (const [step, looks] of steps) {
    const draft = writer.draft(step)
    if (step.does === 'erase') for (const store of [inMemory, onDisk]) await store.erase?.(step.user)
    const [expected, ...told] = draft ? await Promise.all(rooms.map((room) => room.publish(draft))) : []
    for (const one of told) expect(one).toEqual(expected)
    if (draft && expected && 'offset' in expected) writer.accepted(draft, expected)
    if (bounds.sqlite) await swept(clock, rooms)
    if (draft?.amends) {
      const [who, ...others] = await Promise.all(rooms.map((room) => room.who(draft)))
      for (const other of others) expect(other).toEqual(who)
    }
    for (const look of looks) {
      const [page, ...others] = await Promise.all(rooms.map((room) => room.look(look)))
      for (const other of others) expect(other).toEqual(page)
    }
  }
  await Promise.all([inMemory.close(), onDisk.close()])
  expectTrueCounts(file)
}

/** Retention goes by what each room counts of itself. */
function expectTrueCounts(file: string): void {
  const driver = findDriver(undefined, places())(file)
  const counted = driver
    .prepare('SELECT name, bytes, amendments, amendment_bytes, older, older_bytes FROM rooms ORDER BY room')
    .all()
  const bytes = 'length(CAST(body AS BLOB)) + 120 + reacted'
  const actual = driver
    .prepare(
      `SELECT name, ifnull(sum(${bytes}), 0) AS bytes, ifnull(sum(amends), 0) AS amendments,
       ifnull(sum(amends * (${bytes})), 0) AS amendment_bytes, ifnull(sum(offset < oldest), 0) AS older,
       ifnull(sum((offset < oldest) * (${bytes})), 0) AS older_bytes
       FROM rooms LEFT JOIN entries USING (room) GROUP BY room ORDER BY room`,
    )
    .all()
  driver.close()
  expect(counted.map((row) => ({ ...row }))).toEqual(actual.map((row) => ({ ...row })))
}

interface Bounds {
  readonly memory?: MemoryOptions
  readonly sqlite?: { readonly retention: RoomRetention }
}

const MOST_SWEEPS = 50

/** Lets the file drop what the memory has dropped: a sweep does as much as it has time for. */
async function swept(clock: VirtualClock, [inMemory, ...onDisk]: readonly Room[]): Promise<void> {
  const expected = await inMemory?.oldest()
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    const oldest = await Promise.all(onDisk.map((room) => room.oldest()))
    if (oldest.every((one) => one === expected)) return
    await clock.advance(1_000)
  }
}

/** Makes the drafts of one run. */
class Writer {
  readonly #messages: Target[] = []
  #recognised: Draft[] = []
  #count = 0

  draft(step: Step): Draft | undefined {
    const id = `id-${++this.#count}`
    const at = 1_767_225_600_000 + this.#count
    if (step.does === 'repeat') {
      const draft = pick(this.#recognised, step.which)
      return draft && { ...draft, id }
    }
    if (step.does === 'erase') {
      // In memory, the records of others go as well.
      this.#recognised = []
      return undefined
    }
    const isRecognised = 'isRecognised' in step && step.isRecognised
    const written = { id, at, clientId: isRecognised ? id : undefined }
    if (step.does === 'chat') return chat(step.user, `${this.#count}`, written)
    const target = pick(this.#messages, step.which) ?? { offset: 1, id: 'unknown' }
    if (step.does === 'react') return reaction(target, step.user, step.change, { id, at })
    return step.does === 'edit'
      ? edit(target, step.user, step.text, written)
      : deletion(target, step.user, written)
  }

  accepted(
    draft: Draft,
    { offset, id, duplicate }: { offset: number; id: string; duplicate: boolean },
  ): void {
    if (draft.sender) this.#recognised.push(draft)
    if (!duplicate && !draft.amends) this.#messages.push({ offset, id })
  }
}

/** The newest ones come first. */
function pick<T>(all: readonly T[], which: number): T | undefined {
  return all.at(-1 - (which % Math.max(1, all.length)))
}

it('a file answers as the memory does, and its pages are the same, whatever is sent, edited, deleted, reacted to and erased', async () => {
  const step = fc.oneof(
    { arbitrary: chats, weight: 6 },
    { arbitrary: amendments, weight: 8 },
    { arbitrary: reactions, weight: 8 },
    { arbitrary: repeats, weight: 2 },
    { arbitrary: erasures, weight: 1 },
  )
  const steps = fc.array(fc.tuple(step, looks), { minLength: 10, maxLength: 40 })
  await fc.assert(
    fc.asyncProperty(steps, (run) => compare(run)),
    { numRuns: 25, endOnFailure: true },
  )
}, 120_000)

it('a file keeps the messages and the log that the memory keeps, within the same bounds', async () => {
  const step = fc.oneof(
    { arbitrary: chats, weight: 2 },
    { arbitrary: amendments, weight: 3 },
    { arbitrary: reactions, weight: 3 },
  )
  const steps = fc.array(fc.tuple(step, looks), { minLength: 10, maxLength: 40 })
  const bounds = fc.constantFrom({ count: 5, entries: 8 }, { count: 8, entries: 5 })
  await fc.assert(
    fc.asyncProperty(steps, bounds, (run, { count, entries }) =>
      compare(run, {
        memory: { historyCount: count, historyEntries: entries },
        sqlite: { retention: { count, entries } },
      }),
    ),
    { numRuns: 20, endOnFailure: true },
  )
}, 120_000)
