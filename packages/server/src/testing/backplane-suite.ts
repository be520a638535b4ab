import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Target } from '@roomful/protocol'
import type {
  Amendment,
  Backplane,
  BanNews,
  Draft,
  NodeLink,
  Position,
  PublishResult,
  Range,
  Relay,
  Restrictions,
  StreamEvent,
} from '../api/contracts/backplane.js'
import type { ChangeFeed, FeedEntry } from '../api/contracts/change-feed.js'
import type { Clock } from '../api/contracts/clock.js'
import { silentLogger } from '../api/contracts/logger.js'
import { fingerprint } from '../backplane/log/fingerprint.js'
import { MARK_CASES } from './mark-cases.js'
import { REACTION_CASES } from './reaction-cases.js'

/** The set-up of one case. */
export interface BackplaneStage {
  /** Not started yet; the suite starts and closes it. */
  readonly backplane: Backplane
  /** Another node's backplane over the same store, if the store serves several nodes. */
  readonly peer?: Backplane
  readonly clock: Clock
  /** Lets time pass, so that the backplane does what is due. */
  advance(ms: number): Promise<void>
}

export interface BackplaneCase {
  readonly name: string
  /** @throws AssertionError that says what the backplane did instead */
  run(): Promise<void>
}

/**
 * The requirements for every backplane, as cases for any test runner. `make` is called for each case and must return
 * a fresh store. Return a `peer` if your store serves several nodes, to run the cases for two nodes as well.
 *
 * @example
 * for (const { name, run } of backplaneSuite(() => ({ backplane: mine(), clock, advance }))) it(name, run)
 */
export function backplaneSuite(make: () => BackplaneStage | Promise<BackplaneStage>): BackplaneCase[] {
  return Object.entries(CASES).map(([name, body]) => ({ name, run: () => runCase(make, body) }))
}

const GRACE_MS = 10_000

class Bench {
  /** The relays that the peer's node received. */
  readonly relayed: Relay[] = []
  /** What all nodes together learned of who entered and left, as `r +ada 1`. */
  readonly occupancy: string[] = []

  constructor(readonly stage: BackplaneStage) {}

  get backplane(): Backplane {
    return this.stage.backplane
  }

  async start(): Promise<void> {
    const { backplane, peer } = this.stage
    await backplane.start(this.#node(() => {}))
    await peer?.start(this.#node((relay) => this.relayed.push(relay)))
  }

  async close(): Promise<void> {
    await this.stage.backplane.close()
    await this.stage.peer?.close()
  }

  async listen(stream: string, backplane = this.backplane): Promise<StreamEvent[]> {
    const events: StreamEvent[] = []
    await backplane.subscribe(stream, (event) => events.push(event))
    return events
  }

  #node(receive: (relay: Relay) => void): NodeLink {
    const { clock } = this.stage
    const occupancyChanged: NodeLink['occupancyChanged'] = (stream, { event, userId, count }) =>
      this.occupancy.push(`${stream} ${event === 'enter' ? '+' : '-'}${userId} ${count}`)
    const links = { receive, occupancyChanged }
    return { clock, logger: silentLogger, graceMs: GRACE_MS, listedMembers: 200, newId: randomUUID, ...links }
  }
}

type Body = (bench: Bench) => Promise<void>

async function runCase(make: () => BackplaneStage | Promise<BackplaneStage>, body: Body): Promise<void> {
  const bench = new Bench(await make())
  await bench.start()
  try {
    await body(bench)
  } finally {
    await bench.close()
  }
}

function draft(
  text: string,
  sender?: Partial<Draft['sender']> & { userId: string; clientId: string },
): Draft {
  const message = { type: 'chat_message', message: text }
  const made = { id: randomUUID(), message, timestampMs: 1_767_225_600_000 }
  return sender ? { ...made, sender: { fingerprint: fingerprint(text), ...sender } } : made
}

function keyed(text: string, key: string): Draft {
  return { ...draft(text), idempotency: { key, fingerprint: fingerprint(text) } }
}

function accepted(result: PublishResult): Extract<PublishResult, { status: 'accepted' }> {
  assert(result.status === 'accepted', 'the message was not accepted')
  return result
}

async function publish(backplane: Backplane, count: number, stream = 'r'): Promise<Position[]> {
  const positions: Position[] = []
  for (let i = 0; i < count; i++)
    positions.push(accepted(await backplane.publish(stream, draft(`${i}`))).position)
  return positions
}

const newest = { before: undefined, limit: 1_000, maxBytes: 1_000_000 }
const offsetsOf = (entries: readonly { readonly offset: number }[]) => entries.map(({ offset }) => offset)
const upTo = (last: number, first = 1) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)

const LOG_CASES: Record<string, Body> = {
  '[M11] gives contiguous offsets from 1 in one epoch, also to messages that come at once': async ({
    backplane,
  }) => {
    const results = await Promise.all(upTo(100).map((n) => backplane.publish('r', draft(`${n}`))))
    const positions = results.map((result) => accepted(result).position)
    assert.deepEqual(
      offsetsOf(positions).sort((a, b) => a - b),
      upTo(100),
    )
    assert.equal(new Set(positions.map(({ epoch }) => epoch)).size, 1)
  },

  'keeps rooms apart': async ({ backplane }) => {
    await publish(backplane, 3, 'a')
    const [first] = await publish(backplane, 1, 'b')
    assert.equal(first?.offset, 1)
    assert.deepEqual(offsetsOf((await backplane.read('a', newest)).entries), [1, 2, 3])
  },

  '[M10] tells each subscriber every entry once, in order, each naming the one before': async (bench) => {
    const events = await bench.listen('r')
    const positions = await publish(bench.backplane, 5)
    await bench.stage.advance(100)
    const entries = events.flatMap((event) => (event.kind === 'entry' ? [event.entry] : []))
    assert.deepEqual(offsetsOf(entries), upTo(5))
    assert.deepEqual(
      entries.map(({ id }) => id),
      positions.map(({ id }) => id),
    )
    assert.deepEqual(
      entries.slice(1).map(({ previousId }) => previousId),
      positions.slice(0, -1).map(({ id }) => id),
    )
  },

  'tells a closed subscription nothing': async ({ backplane, stage }) => {
    const events: StreamEvent[] = []
    const subscription = await backplane.subscribe('r', (event) => events.push(event))
    subscription.close()
    await publish(backplane, 1)
    await stage.advance(100)
    assert.deepEqual(events, [])
  },

  '[H9] [H10] reads pages in both directions': async ({ backplane }) => {
    await publish(backplane, 10)
    const page = async (range: object) =>
      backplane.read('r', { limit: 3, maxBytes: 1_000_000, ...range } as typeof newest)
    assert.deepEqual(offsetsOf((await page({ before: undefined })).entries), [8, 9, 10])
    const back = await page({ before: 4 })
    assert.deepEqual([offsetsOf(back.entries), back.more, back.truncated], [[1, 2, 3], false, false])
    const forth = await page({ after: 4 })
    assert.deepEqual([offsetsOf(forth.entries), forth.more], [[5, 6, 7], true])
    const end = await page({ after: 10 })
    assert.deepEqual([offsetsOf(end.entries), end.more, end.oldestOffset], [[], false, 1])
  },

  '[H9] ends a page at its bytes, but holds one entry at the least': async ({ backplane }) => {
    await publish(backplane, 5)
    const { entries, more } = await backplane.read('r', { after: 0, limit: 100, maxBytes: 1 })
    assert.deepEqual([offsetsOf(entries), more], [[1], true])
  },

  '[H6] [H7] proves a cursor by its id': async ({ backplane }) => {
    const empty = (await backplane.read('r', newest)).head
    const [first, second] = await publish(backplane, 2)
    assert(first && second)
    const fault = async (since: Position) =>
      (await backplane.read('r', { ...newest, after: since.offset }, since)).fault
    assert.equal(await fault(empty), undefined, 'an empty log is a place to resume from')
    assert.equal(await fault(first), undefined)
    assert.equal(await fault(second), undefined)
    assert.equal(await fault({ ...first, id: 'another' }), 'forked')
    assert.equal(await fault({ ...second, offset: 3 }), 'forked')
    assert.equal(await fault({ ...first, epoch: 'another' }), 'epoch_changed')
  },
}

const DEDUPE_CASES: Record<string, Body> = {
  '[M7] answers a repeat with the place of the first, and logs it once': async (bench) => {
    const { backplane } = bench
    const events = await bench.listen('r')
    const sender = { userId: 'ada', clientId: 'c1' }
    const first = accepted(await backplane.publish('r', draft('hello', sender)))
    const again = accepted(await backplane.publish('r', draft('hello', sender)))
    assert.deepEqual([first.duplicate, again.duplicate], [false, true])
    assert.deepEqual([again.position, again.timestampMs], [first.position, first.timestampMs])
    await bench.stage.advance(100)
    assert.equal(events.length, 1)
  },

  '[M7] accepts one of many repeats that come at once': async ({ backplane }) => {
    const results = await Promise.all(
      upTo(20).map(() => backplane.publish('r', draft('hello', { userId: 'ada', clientId: 'c1' }))),
    )
    assert.equal(results.map(accepted).filter(({ duplicate }) => !duplicate).length, 1)
    assert.deepEqual(offsetsOf((await backplane.read('r', newest)).entries), [1])
  },

  '[M7] lets no user take the client id of another, nor one room that of another': async ({ backplane }) => {
    const publishes = [
      backplane.publish('r', draft('hello', { userId: 'ada', clientId: 'c1' })),
      backplane.publish('r', draft('hello', { userId: 'bob', clientId: 'c1' })),
      backplane.publish('s', draft('hello', { userId: 'ada', clientId: 'c1' })),
    ]
    const results = (await Promise.all(publishes)).map(accepted)
    assert.deepEqual(
      results.map(({ duplicate }) => duplicate),
      [false, false, false],
    )
  },

  '[M9] refuses a message whose predecessor the log has lost, and no other': async ({ backplane }) => {
    const ada = { userId: 'ada', clientId: 'c1' }
    const { position } = accepted(await backplane.publish('r', draft('one', ada)))
    const next = (clientId: string, after: Position) =>
      backplane.publish('r', draft('next', { userId: 'ada', clientId, after }))
    accepted(await next('c2', position))
    const lost = [
      { ...position, id: 'another' },
      { ...position, epoch: 'another' },
      { ...position, offset: 9 },
    ]
    for (const after of lost) assert.equal((await next('c3', after)).status, 'out_of_order')
    accepted(await next('c3', position))
    assert.deepEqual(offsetsOf((await backplane.read('r', newest)).entries), [1, 2, 3])
  },

  '[M8] refuses another message under the same client id': async ({ backplane }) => {
    await backplane.publish('r', draft('hello', { userId: 'ada', clientId: 'c1' }))
    const other = await backplane.publish('r', draft('goodbye', { userId: 'ada', clientId: 'c1' }))
    assert.equal(other.status, 'conflict')
    assert.deepEqual(offsetsOf((await backplane.read('r', newest)).entries), [1])
  },
}

const KEY_CASES: Record<string, Body> = {
  'answers a repeat under the same key with the place of the first, and logs it once': async (bench) => {
    const { backplane } = bench
    const events = await bench.listen('r')
    const key = 'order 7: paid €5, by "ada"\n'
    const first = accepted(await backplane.publish('r', keyed('hello', key)))
    await publish(backplane, 3)
    const again = accepted(await backplane.publish('r', keyed('hello', key)))
    assert.deepEqual([first.duplicate, again.duplicate], [false, true])
    assert.deepEqual([again.position, again.timestampMs], [first.position, first.timestampMs])
    await bench.stage.advance(100)
    assert.equal(events.length, 4)
  },

  'accepts one of many repeats under the same key that come at once': async ({ backplane }) => {
    const results = await Promise.all(upTo(20).map(() => backplane.publish('r', keyed('hello', 'k'))))
    assert.equal(results.map(accepted).filter(({ duplicate }) => !duplicate).length, 1)
    assert.deepEqual(offsetsOf((await backplane.read('r', newest)).entries), [1])
  },

  'refuses another message under the same key': async ({ backplane }) => {
    accepted(await backplane.publish('r', keyed('hello', 'k')))
    assert.equal((await backplane.publish('r', keyed('goodbye', 'k'))).status, 'conflict')
    assert.deepEqual(offsetsOf((await backplane.read('r', newest)).entries), [1])
  },

  'keeps the keys of rooms apart, and keys from client ids': async ({ backplane }) => {
    const drafts: readonly (readonly [string, Draft])[] = [
      ['r', draft('hello', { userId: 'ada', clientId: 'k' })],
      ['r', keyed('hello', 'k')],
      ['r', keyed('hello', '["ada","k"]')],
      ['s', keyed('hello', 'k')],
    ]
    for (const [stream, one] of drafts)
      assert.equal(accepted(await backplane.publish(stream, one)).duplicate, false)
  },

  'takes the longest key': async ({ backplane }) => {
    const long = '€'.repeat(256)
    assert.equal(accepted(await backplane.publish('r', keyed('hello', long))).duplicate, false)
    assert.equal(accepted(await backplane.publish('r', keyed('hello', long))).duplicate, true)
  },
}

/** Skips the case if the store keeps no feed. */
const withFeed =
  (body: (feed: ChangeFeed, bench: Bench) => Promise<void>): Body =>
  async (bench) => {
    const { changes } = bench.backplane
    if (changes) await body(changes, bench)
  }

const ALL = 1_000
const BYTES = 1_000_000
const placesOf = (entries: readonly FeedEntry[]) =>
  entries.map(({ stream, entry }) => `${stream} ${entry.offset}`)

const FEED_CASES: Record<string, Body> = {
  'feeds the entries of all streams, those of a stream in its order, as its log holds them': withFeed(
    async (feed, { backplane }) => {
      for (const stream of ['a', 'b', 'a', '@user:ada', 'b', 'a']) await publish(backplane, 1, stream)
      const { entries, more, fault, head } = await feed.read(undefined, ALL, BYTES)
      assert.deepEqual(placesOf(entries).sort(), ['@user:ada 1', 'a 1', 'a 2', 'a 3', 'b 1', 'b 2'])
      assert.deepEqual([more, fault, entries.at(-1)?.cursor], [false, undefined, head])
      for (const stream of ['a', 'b', '@user:ada']) {
        const log = await backplane.read(stream, newest)
        const fed = entries.filter((one) => one.stream === stream)
        assert.deepEqual(
          fed.map(({ entry }) => entry),
          log.entries,
        )
        assert(fed.every(({ epoch }) => epoch === log.epoch))
        assert(fed.every(({ timestampMs }) => Number.isSafeInteger(timestampMs) && timestampMs >= 0))
      }
      const numbers = offsetsOf(entries.map(({ cursor }) => cursor))
      assert.deepEqual(
        numbers,
        [...new Set(numbers)].sort((a, b) => a - b),
      )
    },
  ),

  'feeds no repeat': withFeed(async (feed, { backplane }) => {
    for (let n = 0; n < 2; n++) {
      await backplane.publish('r', draft('hello', { userId: 'ada', clientId: 'c1' }))
      await backplane.publish('r', keyed('hello', 'k'))
    }
    assert.deepEqual(placesOf((await feed.read(undefined, ALL, BYTES)).entries), ['r 1', 'r 2'])
  }),

  'pages the feed by entries and by bytes, each page from the cursor of the last entry': withFeed(
    async (feed, { backplane }) => {
      await publish(backplane, 5)
      const first = await feed.read(undefined, 2, BYTES)
      assert.deepEqual([placesOf(first.entries), first.more], [['r 1', 'r 2'], true])
      const second = await feed.read(first.entries[1]?.cursor, ALL, 1)
      assert.deepEqual([placesOf(second.entries), second.more], [['r 3'], true])
      const third = await feed.read(second.entries[0]?.cursor, ALL, BYTES)
      assert.deepEqual([placesOf(third.entries), third.more], [['r 4', 'r 5'], false])
      const end = await feed.read(third.head, ALL, BYTES)
      assert.deepEqual([end.entries, end.more, end.fault, end.head], [[], false, undefined, third.head])
      const none = await feed.read(undefined, 0, BYTES)
      assert.deepEqual([none.entries, none.more, none.fault, none.head], [[], true, undefined, third.head])
    },
  ),

  'reads entries of the feed again by their cursors, without those that are gone': withFeed(
    async (feed, { backplane }) => {
      for (const stream of ['a', 'b', 'a', 'c', 'a']) await publish(backplane, 1, stream)
      const { entries } = await feed.read(undefined, ALL, BYTES)
      assert.deepEqual(await feed.again(entries.map(({ cursor }) => cursor)), entries)
      const ofA = entries.filter(({ stream }) => stream === 'a')
      assert.deepEqual(await feed.again(ofA.map(({ cursor }) => cursor)), ofA)
      const [cursor] = ofA.map((one) => one.cursor)
      assert(cursor)
      assert.deepEqual(await feed.again([]), [])
      assert.deepEqual(await feed.again([{ ...cursor, id: 'another' }]), [])
      assert.deepEqual(await feed.again([{ ...cursor, epoch: 'another' }]), [])
      if (!backplane.delete) return
      const { retractions } = feed
      await backplane.delete('a')
      assert(feed.retractions > retractions, 'nobody was told that texts are gone')
      const left = await feed.again(entries.map((one) => one.cursor))
      assert.deepEqual(placesOf(left), ['b 1', 'c 1'])
    },
  ),

  'wakes who watches the feed, until they close': withFeed(async (feed, { backplane, stage }) => {
    let woken = 0
    const watching = await feed.watch(() => woken++)
    const { head } = await feed.read(undefined, ALL, BYTES)
    await publish(backplane, 1)
    await stage.advance(500)
    assert(woken > 0, 'nobody was woken')
    assert.deepEqual(placesOf((await feed.read(head, ALL, BYTES)).entries), ['r 1'])
    watching.close()
    await stage.advance(500)
    woken = 0
    await publish(backplane, 1)
    await stage.advance(500)
    assert.equal(woken, 0)
  }),

  'proves a cursor of the feed by its id': withFeed(async (feed, { backplane }) => {
    const empty = (await feed.read(undefined, ALL, BYTES)).head
    await publish(backplane, 2)
    const { entries, head } = await feed.read(empty, ALL, BYTES)
    assert.deepEqual(placesOf(entries), ['r 1', 'r 2'], 'the head of an empty feed is a place to go on from')
    const cursor = entries[0]?.cursor
    assert(cursor)
    const fault = async (after: Position) => {
      const page = await feed.read(after, ALL, BYTES)
      assert(page.fault === undefined || page.entries.length === 0, 'a page with a fault has no entries')
      return page.fault
    }
    assert.equal(await fault(cursor), undefined)
    assert.equal(await fault({ ...cursor, id: 'another' }), 'forked')
    assert.equal(await fault({ ...head, offset: head.offset + 1 }), 'forked')
    assert.equal(await fault({ ...cursor, epoch: 'another' }), 'epoch_changed')
  }),

  'keeps how far a consumer has got, for one owner at a time': withFeed(
    async (feed, { backplane, stage }) => {
      await publish(backplane, 1)
      const { head } = await feed.read(undefined, ALL, BYTES)
      assert.deepEqual(await feed.claim('index', 'one', 10_000), { cursor: undefined })
      assert.equal(await feed.claim('index', 'two', 10_000), undefined)
      assert.deepEqual(await feed.claim('push', 'two', 10_000), { cursor: undefined })
      assert.equal(await feed.commit('index', 'two', head), false)
      assert.equal(await feed.commit('index', 'one', head), true)
      assert.deepEqual(await feed.claim('index', 'one', 10_000), { cursor: head })
      await feed.release('index', 'two')
      assert.equal(await feed.claim('index', 'two', 10_000), undefined)
      await feed.release('index', 'one')
      assert.deepEqual(await feed.claim('index', 'two', 100), { cursor: head })
      await stage.advance(500)
      assert.deepEqual(await feed.claim('index', 'three', 10_000), { cursor: head })
      assert.equal(await feed.commit('index', 'two', head), false)
    },
  ),
}

/** Skips where the store cannot end a log. */
const withDelete =
  (body: (end: (stream: string) => Promise<void>, bench: Bench) => Promise<void>): Body =>
  async (bench) => {
    const { backplane } = bench
    if (backplane.delete) await body(async (stream) => backplane.delete?.(stream), bench)
  }

const DELETE_CASES: Record<string, Body> = {
  'ends a log, and begins an empty one under another epoch, of which subscribers are told': withDelete(
    async (end, bench) => {
      const { backplane } = bench
      const events = await bench.listen('r')
      const [first] = await publish(backplane, 3)
      await publish(backplane, 1, 'other')
      assert(first)
      await end('r')
      const page = await backplane.read('r', { ...newest, after: 0 }, first)
      assert.notEqual(page.epoch, first.epoch)
      assert.deepEqual([page.entries, page.fault, page.oldestOffset], [[], 'epoch_changed', 1])
      const { head } = page
      assert.deepEqual(head, { epoch: page.epoch, offset: 0, id: page.epoch })
      assert.deepEqual(events.at(-1), { kind: 'resync', reason: 'epoch_changed', head })
      const [next] = await publish(backplane, 1)
      assert.deepEqual([next?.epoch, next?.offset], [page.epoch, 1])
      assert.deepEqual(offsetsOf((await backplane.read('other', newest)).entries), [1])
    },
  ),

  'begins another epoch with each log that is ended': withDelete(async (end, { backplane }) => {
    const epochs = new Set<string | undefined>()
    for (let n = 0; n < 3; n++) {
      epochs.add((await publish(backplane, 1))[0]?.epoch)
      await end('r')
    }
    assert.equal(epochs.size, 3)
  }),

  'knows no repeat from a log that was ended, and keeps who is present': withDelete(
    async (end, { backplane }) => {
      await backplane.enter('r', { userId: 'ada' }, 'a')
      const drafts = [draft('hello', { userId: 'ada', clientId: 'c1' }), keyed('hello', 'k')]
      for (const one of drafts) accepted(await backplane.publish('r', one))
      await end('r')
      for (const one of drafts)
        assert.equal(accepted(await backplane.publish('r', { ...one, id: randomUUID() })).duplicate, false)
      assert.equal((await backplane.present('r')).count, 1)
    },
  ),

  'feeds on past a log that was ended, to readers within it as well': withFeed(async (feed, bench) => {
    const { backplane } = bench
    if (!backplane.delete) return
    // Some feeds begin only with their first reader.
    await feed.read(undefined, ALL, BYTES)
    for (const stream of ['a', 'r', 'r', 'b']) await publish(backplane, 1, stream)
    const before = await feed.read(undefined, ALL, BYTES)
    assert.deepEqual(placesOf(before.entries), ['a 1', 'r 1', 'r 2', 'b 1'])
    await backplane.delete('r')
    await publish(backplane, 1)
    assert.deepEqual(placesOf((await feed.read(undefined, ALL, BYTES)).entries), ['a 1', 'b 1', 'r 1'])
    const page = await feed.read(before.entries[1]?.cursor, ALL, BYTES)
    assert.deepEqual([placesOf(page.entries), page.fault], [['b 1', 'r 1'], undefined])
  }),
}

/** Skips where the store cannot change what is logged. */
const withErase =
  (body: (erase: (userId: string) => Promise<void>, bench: Bench) => Promise<void>): Body =>
  async (bench) => {
    const { backplane } = bench
    if (backplane.erase) await body(async (userId) => backplane.erase?.(userId), bench)
  }

/** Skips where the store cannot change what is logged. */
const withAmends =
  (body: Body): Body =>
  async (bench) => {
    if (bench.backplane.amends) await body(bench)
  }

type Changed = Extract<Amendment, { kind: 'edit' }> | Extract<Amendment, { kind: 'delete' }>

const WRITTEN_AT = 1_767_225_600_000
const AMENDED_AT = WRITTEN_AT + 60_000
const AMENDED_TEXT = '2026-01-01T00:01:00.000Z'

function amending(amends: Changed, clientId?: string): Draft {
  const id = randomUUID()
  const { target, userId, kind } = amends
  const content = kind === 'edit' ? { message: amends.message, data: amends.data } : {}
  const message = {
    type: kind === 'edit' ? 'message_edited' : 'message_deleted',
    target: { offset: target.offset, id: target.id },
    ...content,
    timestamp: AMENDED_TEXT,
    user_id: userId,
    room_id: 'r',
    id,
    client_id: clientId,
  }
  const made = { id, message, timestampMs: AMENDED_AT, amends }
  if (clientId === undefined) return made
  return { ...made, sender: { userId, clientId, fingerprint: fingerprint(JSON.stringify(content)) } }
}

function editOf(target: Target, userId: string, message: string, moderates = false): Changed {
  return { kind: 'edit', target, userId, message, data: { secret: message }, moderates }
}

function deletionOf(target: Target, userId: string, moderates = false): Changed {
  return { kind: 'delete', target, userId, moderates }
}

/** Everything that a reader can get of a stream. */
async function everythingOf(backplane: Backplane, stream: string): Promise<string> {
  const pages = await Promise.all([
    backplane.read(stream, newest),
    backplane.read(stream, { ...newest, messagesOnly: true }),
  ])
  return pages.flatMap(({ entries }) => entries.map(({ text }) => text)).join('\n')
}

async function messagesIn(backplane: Backplane, stream = 'r') {
  return textsOf((await backplane.read(stream, { ...newest, messagesOnly: true })).entries)
}

const AMEND_CASES: Record<string, Body> = {
  '[D1] [D6] writes the new text in the place of the old in the step that appends an edit, and tells of the edit alone':
    withAmends(async (bench) => {
      const { backplane } = bench
      const { position } = accepted(await backplane.publish('r', written('ada', 'helo')))
      accepted(await backplane.publish('r', written('bob', 'yes?')))
      const before = await messagesIn(backplane)
      const events = await bench.listen('r')
      const edit = amending(editOf(position, 'ada', 'hello'))
      const result = accepted(await backplane.publish('r', edit))
      assert.deepEqual([result.position.offset, result.duplicate], [3, false])
      const page = await backplane.read('r', { ...newest, after: 0 }, position)
      assert.deepEqual([offsetsOf(page.entries), page.fault], [[1, 2, 3], undefined])
      const [message, other, amendment] = textsOf(page.entries)
      const state = { message: 'hello', data: { secret: 'hello' }, edited_at: AMENDED_TEXT, version: 3 }
      assert.deepEqual([message, other], [{ ...before[0], ...state }, before[1]])
      assert.deepEqual([amendment?.type, amendment?.message], ['message_edited', 'hello'])
      await bench.stage.advance(100)
      assert.deepEqual(
        events.flatMap((event) => (event.kind === 'entry' ? textsOf([event.entry]) : [])),
        [amendment],
      )
    }),

  '[D5] takes the data away with an edit that has none, and puts the newest edit in the place of older ones':
    withAmends(async ({ backplane }) => {
      const { position } = accepted(await backplane.publish('r', written('ada', 'one')))
      accepted(await backplane.publish('r', amending(editOf(position, 'ada', 'two'))))
      const { data: _data, ...bare } = editOf(position, 'ada', 'three') as Changed & { data: unknown }
      accepted(await backplane.publish('r', amending(bare)))
      const [message] = await messagesIn(backplane)
      assert.deepEqual([message?.message, message?.data, message?.version], ['three', undefined, 3])
    }),

  '[D4] lets nobody but the author change a message, unless they moderate': withAmends(
    async ({ backplane }) => {
      const { position } = accepted(await backplane.publish('r', written('ada', 'hello')))
      for (const amends of [editOf(position, 'bob', 'mine'), deletionOf(position, 'bob')])
        assert.equal((await backplane.publish('r', amending(amends))).status, 'forbidden')
      assert.equal((await messagesIn(backplane))[0]?.message, 'hello')
      accepted(await backplane.publish('r', amending(editOf(position, 'bob', 'milder', true))))
      const [message] = await messagesIn(backplane)
      assert.deepEqual(
        [message?.message, message?.user_id, message?.edited_by, message?.version],
        ['milder', 'ada', 'bob', 2],
      )
      accepted(await backplane.publish('r', amending(editOf(position, 'ada', 'again mine'))))
      assert.equal((await messagesIn(backplane))[0]?.edited_by, undefined)
    },
  ),

  '[D3] finds a target by its id, and nothing but a chat message that is not deleted': withAmends(
    async ({ backplane }) => {
      const { position } = accepted(await backplane.publish('r', written('ada', 'hello')))
      const edit = accepted(await backplane.publish('r', amending(editOf(position, 'ada', 'hi')))).position
      const id = randomUUID()
      const own = { type: 'moved', room_id: 'r', id }
      const app = accepted(
        await backplane.publish('r', { id, message: own, timestampMs: WRITTEN_AT }),
      ).position
      const missing = [
        { ...position, id: 'another' },
        { ...position, offset: 2 },
        { offset: 9, id: position.id },
        { offset: 0, id: position.epoch },
        edit,
        app,
      ]
      for (const { offset, id } of missing) {
        for (const amends of [editOf({ offset, id }, 'ada', 'x'), deletionOf({ offset, id }, 'ada', true)])
          assert.equal((await backplane.publish('r', amending(amends))).status, 'not_found')
      }
      accepted(await backplane.publish('r', amending(deletionOf(position, 'ada'))))
      for (const amends of [editOf(position, 'ada', 'x'), deletionOf(position, 'bob', true)])
        assert.equal((await backplane.publish('r', amending(amends))).status, 'deleted')
      assert.equal((await backplane.publish('s', amending(deletionOf(position, 'ada')))).status, 'not_found')
      assert.deepEqual(offsetsOf((await backplane.read('r', newest)).entries), [1, 2, 3, 4])
    },
  ),

  '[D7] leaves no text of a deleted message, nor of its edits, and every entry in its place': withAmends(
    async ({ backplane }) => {
      const { position } = accepted(await backplane.publish('r', written('ada', 'secret one', 'c1')))
      const other = accepted(await backplane.publish('r', written('ada', 'kept'))).position
      accepted(await backplane.publish('r', amending(editOf(position, 'ada', 'secret two'), 'c2')))
      accepted(await backplane.publish('r', amending(editOf(other, 'ada', 'kept, too'))))
      accepted(await backplane.publish('r', amending(editOf(position, 'bob', 'secret three', true))))
      const before = (await backplane.read('r', newest)).entries
      accepted(await backplane.publish('r', amending(deletionOf(position, 'ada'))))
      const page = await backplane.read('r', { ...newest, after: 0 }, position)
      assert.equal(page.fault, undefined)
      assert(!(await everythingOf(backplane, 'r')).includes('secret '), 'a text was left')
      const places = (entries: typeof before) =>
        entries.map(({ offset, id, previousId }) => [offset, id, previousId])
      assert.deepEqual(places(page.entries.slice(0, 5)), places(before))
      const texts = textsOf(page.entries)
      const [message, , edit] = texts
      const { data: _data, ...was } = textsOf(before)[0] ?? {}
      const { edited_at: _at, edited_by: _by, ...kept } = was as Record<string, unknown>
      assert.deepEqual(message, { ...kept, message: '', version: 6, deleted: true })
      const { data: _edited, ...wasEdit } = textsOf(before)[2] ?? {}
      assert.deepEqual(edit, { ...wasEdit, message: '', deleted: true })
      assert.deepEqual(
        texts.map(({ type, deleted }) => [type, deleted]),
        [
          ['chat_message', true],
          ['chat_message', undefined],
          ['message_edited', true],
          ['message_edited', undefined],
          ['message_edited', true],
          ['message_deleted', undefined],
        ],
      )
      assert.equal(texts[1]?.message, 'kept, too')
    },
  ),

  '[D2] answers a repeat of an edit as the first time, whatever became of the message since': withAmends(
    async ({ backplane }) => {
      const { position } = accepted(await backplane.publish('r', written('ada', 'hello')))
      const edit = amending(editOf(position, 'ada', 'hi'), 'c1')
      const first = accepted(await backplane.publish('r', edit))
      accepted(await backplane.publish('r', amending(deletionOf(position, 'ada'))))
      const again = accepted(await backplane.publish('r', { ...edit, id: randomUUID() }))
      assert.deepEqual([first.duplicate, again.duplicate], [false, true])
      assert.deepEqual([again.position, again.timestampMs], [first.position, first.timestampMs])
      const other = amending(editOf(position, 'ada', 'other'), 'c1')
      assert.equal((await backplane.publish('r', other)).status, 'conflict')
      assert.deepEqual(offsetsOf((await backplane.read('r', newest)).entries), [1, 2, 3])
    },
  ),

  '[D5] appends nothing for an edit that changes nothing, and answers its repeat the same way later':
    withAmends(async ({ backplane }) => {
      const { position } = accepted(await backplane.publish('r', written('ada', 'one')))
      const same = accepted(await backplane.publish('r', amending(editOf(position, 'ada', 'one'))))
      assert.deepEqual([same.duplicate, same.position], [true, position])
      const edit = accepted(await backplane.publish('r', amending(editOf(position, 'ada', 'two'))))
      const idle = amending(editOf(position, 'ada', 'two'), 'c1')
      const known = accepted(await backplane.publish('r', idle))
      assert.deepEqual(
        [known.duplicate, known.position, known.timestampMs],
        [true, edit.position, AMENDED_AT],
      )
      accepted(await backplane.publish('r', amending(editOf(position, 'ada', 'three'))))
      const again = accepted(await backplane.publish('r', { ...idle, id: randomUUID() }))
      assert.deepEqual([again.duplicate, again.position], [true, edit.position])
      assert.equal((await messagesIn(backplane))[0]?.message, 'three')
      assert.deepEqual(offsetsOf((await backplane.read('r', newest)).entries), [1, 2, 3])
    }),

  '[D7] lets a deletion stand, whatever edits come at the same time': withAmends(async ({ backplane }) => {
    const { position } = accepted(await backplane.publish('r', written('ada', 'secret 0')))
    const results = await Promise.all(
      upTo(30).map((n) => {
        const amends = n === 17 ? deletionOf(position, 'ada') : editOf(position, 'ada', `secret ${n}`)
        return backplane.publish('r', amending(amends))
      }),
    )
    const statuses = new Set(results.map(({ status }) => status))
    assert.deepEqual([...statuses].sort(), ['accepted', 'deleted'])
    const { entries } = await backplane.read('r', newest)
    assert.deepEqual(offsetsOf(entries), upTo(entries.length))
    assert(!(await everythingOf(backplane, 'r')).includes('secret '), 'a text was left')
    assert.deepEqual(
      (await messagesIn(backplane)).map(({ deleted }) => deleted),
      [true],
    )
    assert.equal(textsOf(entries).at(-1)?.type, 'message_deleted')
  }),

  '[H9] [H10] reads pages of messages, in which amendments do not count': withAmends(
    async ({ backplane }) => {
      const positions: Position[] = []
      for (const n of upTo(5)) {
        const { position } = accepted(await backplane.publish('r', written('ada', `${n}`)))
        accepted(await backplane.publish('r', amending(editOf(position, 'ada', `${n}!`))))
        positions.push(position)
      }
      const page = async (range: object) => {
        const bounds = { limit: 2, maxBytes: 1_000_000, messagesOnly: true }
        const { entries, more } = await backplane.read('r', { ...bounds, ...range } as Range)
        return [offsetsOf(entries), more]
      }
      assert.deepEqual(await page({ before: undefined }), [[7, 9], true])
      assert.deepEqual(await page({ before: 7 }), [[3, 5], true])
      assert.deepEqual(await page({ before: 5 }), [[1, 3], false])
      assert.deepEqual(await page({ before: 3 }), [[1], false])
      assert.deepEqual(await page({ before: 1 }), [[], false])
      assert.deepEqual(await page({ after: 0 }), [[1, 3], true])
      assert.deepEqual(await page({ after: 5 }), [[7, 9], false])
      assert.deepEqual(await page({ after: 9 }), [[], false])
      assert.deepEqual(await page({ after: 0, maxBytes: 1 }), [[1], true])
      assert.deepEqual(await page({ before: undefined, limit: 0 }), [[], true])
      assert.deepEqual(await page({ after: 0, limit: 5 }), [[1, 3, 5, 7, 9], false])
      assert.deepEqual(offsetsOf((await backplane.read('r', newest)).entries), upTo(10))
    },
  ),

  '[M15] erases the edits of a user, the messages that they are the text of, and all edits of what becomes a tombstone':
    withAmends(async ({ backplane }) => {
      if (!backplane.erase) return
      const mine = accepted(await backplane.publish('r', written('ada', 'by ada'))).position
      const theirs = accepted(await backplane.publish('r', written('bob', 'by bob'))).position
      const kept = accepted(await backplane.publish('r', written('bob', 'kept'))).position
      accepted(await backplane.publish('r', amending(editOf(mine, 'bob', 'of ada, by bob', true))))
      accepted(await backplane.publish('r', amending(editOf(theirs, 'ada', 'by ada, of bob', true), 'c1')))
      accepted(await backplane.publish('r', amending(editOf(kept, 'ada', 'by ada, replaced', true))))
      accepted(await backplane.publish('r', amending(editOf(kept, 'bob', 'by bob in the end'))))
      await backplane.erase('ada')
      const texts = textsOf((await backplane.read('r', newest)).entries)
      assert.deepEqual(
        texts.map(({ type, message, deleted }) => [type, message, deleted]),
        [
          ['chat_message', '', true],
          ['chat_message', '', true],
          ['chat_message', 'by bob in the end', undefined],
          ['message_edited', '', true],
          ['message_edited', '', true],
          ['message_edited', '', true],
          ['message_edited', 'by bob in the end', undefined],
          ['messages_erased', undefined, undefined],
        ],
      )
      assert.deepEqual([texts[1]?.user_id, texts[4]?.client_id], ['bob', undefined])
      const everything = await everythingOf(backplane, 'r')
      for (const text of ['by ada', 'of ada']) assert(!everything.includes(text), `“${text}” was left`)
      assert.deepEqual(
        (await messagesIn(backplane)).map(({ offset }) => offset),
        [1, 2, 3],
      )
    }),

  '[M15] erases the client id of what was deleted before': withAmends(async ({ backplane }) => {
    if (!backplane.erase) return
    const { position } = accepted(await backplane.publish('r', written('ada', 'one', 'chosen 1')))
    accepted(await backplane.publish('r', amending(editOf(position, 'ada', 'two'), 'chosen 2')))
    accepted(await backplane.publish('r', amending(deletionOf(position, 'bob', true))))
    await backplane.erase('ada')
    assert(!(await everythingOf(backplane, 'r')).includes('chosen'), 'a client id was left')
    const [message, edit, , erased] = textsOf((await backplane.read('r', newest)).entries)
    assert.deepEqual([message?.deleted, message?.version, edit?.deleted], [true, 3, true])
    assert.deepEqual([erased?.type, erased?.through], ['messages_erased', 3])
    await backplane.erase('ada')
    assert.equal((await backplane.read('r', newest)).head.offset, 4)
  }),

  '[M15] erases the client id of a deletion, also of what others wrote': withAmends(async ({ backplane }) => {
    if (!backplane.erase) return
    const first = accepted(await backplane.publish('r', written('bob', 'one'))).position
    const second = accepted(await backplane.publish('r', written('bob', 'two'))).position
    accepted(await backplane.publish('r', amending(deletionOf(first, 'ada', true), 'chosen by ada')))
    accepted(await backplane.publish('r', amending(deletionOf(second, 'bob'), 'kept of bob')))
    const [, , before] = textsOf((await backplane.read('r', newest)).entries)
    await backplane.erase('ada')
    const everything = await everythingOf(backplane, 'r')
    assert(!everything.includes('chosen by ada'), 'a client id was left')
    assert(everything.includes('kept of bob'), 'the client id of another user is gone')
    const texts = textsOf((await backplane.read('r', newest)).entries)
    const { client_id: _, ...deletion } = before ?? {}
    assert.deepEqual(texts[2], deletion)
    assert.deepEqual([texts[4]?.type, texts[4]?.through, texts.length], ['messages_erased', 3, 5])
    await backplane.erase('ada')
    assert.equal((await backplane.read('r', newest)).head.offset, 5)
  }),

  '[D1] feeds amendments as entries, and the messages in their present state': withFeed(
    async (feed, { backplane }) => {
      if (!backplane.amends) return
      await feed.read(undefined, ALL, BYTES)
      const { position } = accepted(await backplane.publish('r', written('ada', 'helo')))
      accepted(await backplane.publish('r', amending(editOf(position, 'ada', 'hello'))))
      accepted(await backplane.publish('r', amending(deletionOf(position, 'ada'))))
      const { entries } = await feed.read(undefined, ALL, BYTES)
      assert.deepEqual(
        textsOf(entries.map(({ entry }) => entry)),
        textsOf((await backplane.read('r', newest)).entries),
      )
      assert.deepEqual(placesOf(entries), ['r 1', 'r 2', 'r 3'])
    },
  ),
}

function written(userId: string, text: string, clientId?: string): Draft {
  const id = randomUUID()
  const message = {
    type: 'chat_message',
    message: text,
    timestamp: '2026-01-01T00:00:00.000Z',
    user_id: userId,
    room_id: 'r',
    id,
    ...(clientId !== undefined && { client_id: clientId }),
    data: { secret: text },
  }
  const made = { id, message, timestampMs: 1_767_225_600_000 }
  if (clientId === undefined) return made
  return { ...made, sender: { userId, clientId, fingerprint: fingerprint(text) } }
}

const textsOf = (entries: readonly { readonly text: string }[]) =>
  entries.map(({ text }) => JSON.parse(text) as Record<string, unknown>)

const ERASE_CASES: Record<string, Body> = {
  '[M15] leaves a tombstone in the place of each message of a user, in every room, and says so once a room':
    withErase(async (erase, bench) => {
      const { backplane } = bench
      const first = accepted(await backplane.publish('r', written('ada', 'one', 'c1'))).position
      accepted(await backplane.publish('r', written('bob', 'two')))
      accepted(await backplane.publish('r', written('ada', 'three')))
      accepted(await backplane.publish('s', written('ada', 'four')))
      accepted(await backplane.publish('t', written('bob', '"ada"')))
      const before = textsOf((await backplane.read('r', newest)).entries)
      const events = await bench.listen('r')
      await backplane.read('r', newest)
      await erase('ada')
      await bench.stage.advance(100)
      const page = await backplane.read('r', { ...newest, after: 0 }, first)
      const after = textsOf(page.entries)
      assert.equal(page.fault, undefined, 'a reader goes on from a message that was erased')
      const tombstone = (index: number) => {
        const { data: _data, client_id: _clientId, ...kept } = before[index] ?? {}
        return { ...kept, message: '', version: 3, deleted: true }
      }
      assert.deepEqual(after.slice(0, 3), [tombstone(0), before[1], tombstone(2)])
      const told = after[3]
      assert.deepEqual(
        [told?.type, told?.user_id, told?.through, told?.room_id, told?.offset, after.length],
        ['messages_erased', 'ada', 3, 'r', 4, 4],
      )
      assert.deepEqual(
        events.flatMap((event) => (event.kind === 'entry' ? textsOf([event.entry]) : [])),
        [told],
      )
      const types = async (stream: string) =>
        textsOf((await backplane.read(stream, newest)).entries).map(({ type, deleted }) => [type, deleted])
      assert.deepEqual(await types('s'), [
        ['chat_message', true],
        ['messages_erased', undefined],
      ])
      assert.deepEqual(await types('t'), [['chat_message', undefined]])
    }),

  '[M15] ends the stream of the user, and leaves what they write later': withErase(
    async (erase, { backplane }) => {
      await publish(backplane, 2, '@user:ada')
      await publish(backplane, 1, '@user:bob')
      accepted(await backplane.publish('r', written('ada', 'before')))
      await erase('ada')
      accepted(await backplane.publish('r', written('ada', 'later')))
      assert.deepEqual((await backplane.read('@user:ada', newest)).entries, [])
      assert.deepEqual(offsetsOf((await backplane.read('@user:bob', newest)).entries), [1])
      const texts = textsOf((await backplane.read('r', newest)).entries)
      assert.deepEqual(
        texts.map(({ message }) => message),
        ['', undefined, 'later'],
      )
    },
  ),

  '[M13] [M15] refuses a repeat of what was erased': withErase(async (erase, { backplane }) => {
    const repeat = written('ada', 'hello', 'c1')
    accepted(await backplane.publish('r', repeat))
    await erase('ada')
    assert(repeat.sender)
    const sender = { ...repeat.sender, seen: 0 }
    const result = await backplane.publish('r', { ...repeat, id: randomUUID(), sender })
    assert.equal(result.status, 'forgotten')
  }),

  '[M15] feeds tombstones, and what says so as an entry': withFeed(async (feed, { backplane }) => {
    if (!backplane.erase) return
    await feed.read(undefined, ALL, BYTES)
    accepted(await backplane.publish('r', written('ada', 'hello')))
    const { head } = await feed.read(undefined, ALL, BYTES)
    await backplane.erase('ada')
    const all = textsOf((await feed.read(undefined, ALL, BYTES)).entries.map(({ entry }) => entry))
    assert.deepEqual(
      all.map(({ type, message }) => [type, message]),
      [
        ['chat_message', ''],
        ['messages_erased', undefined],
      ],
    )
    const { entries } = await feed.read(head, ALL, BYTES)
    assert.deepEqual(placesOf(entries), ['r 2'])
  }),

  '[M15] takes the user from the mentions of what others wrote, which stays otherwise, and says nothing of it':
    withErase(async (erase, { backplane }) => {
      const mentioning = (text: string, mentions: readonly string[]) => {
        const draft = written('bob', text)
        return { ...draft, message: { ...draft.message, mentions } }
      }
      const first = accepted(await backplane.publish('r', mentioning('"ada"', ['ada', 'cy']))).position
      accepted(await backplane.publish('r', mentioning(',"mentions":["ada"]', ['cy'])))
      accepted(await backplane.publish('s', mentioning('three', ['ada'])))
      if (backplane.amends)
        accepted(await backplane.publish('r', amending(editOf(first, 'cy', 'by cy', true))))
      await backplane.changes?.read(undefined, ALL, BYTES)
      const before = textsOf((await backplane.read('r', newest)).entries)
      await erase('ada')
      const without = [{ ...before[0], mentions: ['cy'] }, ...before.slice(1)]
      assert.deepEqual(textsOf((await backplane.read('r', newest)).entries), without)
      const [third, ...others] = textsOf((await backplane.read('s', newest)).entries)
      assert.deepEqual([third?.message, third?.mentions, others], ['three', undefined, []])
      const fed = await backplane.changes?.read(undefined, ALL, BYTES)
      const mentions = textsOf((fed?.entries ?? []).map(({ entry }) => entry)).flatMap(
        (text) => text.mentions,
      )
      assert(!mentions.includes('ada'), 'the feed still has the mention')
    }),

  '[M15] says nothing where the user wrote nothing, nor a second time': withErase(
    async (erase, { backplane }) => {
      accepted(await backplane.publish('r', written('bob', 'hello')))
      await erase('ada')
      assert.deepEqual(offsetsOf((await backplane.read('r', newest)).entries), [1])
      await erase('bob')
      await erase('bob')
      assert.deepEqual(offsetsOf((await backplane.read('r', newest)).entries), [1, 2])
    },
  ),
}

const changesIn = (events: readonly StreamEvent[]) =>
  events.flatMap((event) => (event.kind === 'presence' ? [event.change] : []))

const PRESENCE_CASES: Record<string, Body> = {
  '[P1] shows a user of two connections once, until the last one leaves': async (bench) => {
    const { backplane } = bench
    const events = await bench.listen('r')
    await backplane.enter('r', { userId: 'ada' }, 'phone')
    const { users, count } = await backplane.enter('r', { userId: 'ada' }, 'laptop')
    assert.deepEqual([users?.map(({ userId }) => userId), count], [['ada'], 1])
    await backplane.leave('r', 'ada', 'phone', false)
    assert.equal((await backplane.present('r')).count, 1)
    await backplane.leave('r', 'ada', 'laptop', false)
    await bench.stage.advance(100)
    assert.deepEqual(
      changesIn(events).map(({ event }) => event),
      ['enter', 'leave'],
    )
    assert.equal((await backplane.present('r')).count, 0)
  },

  '[P4] numbers the changes without a gap': async (bench) => {
    const { backplane } = bench
    const events = await bench.listen('r')
    const { version } = await backplane.enter('r', { userId: 'ada' }, 'a')
    await backplane.enter('r', { userId: 'bob' }, 'b')
    await backplane.update('r', 'ada', { mood: 'fine' })
    await backplane.leave('r', 'bob', 'b', false)
    await bench.stage.advance(100)
    assert.deepEqual(
      changesIn(events).map((change) => change.version),
      upTo(version + 3, version),
    )
    assert.deepEqual((await backplane.present('r')).users, [{ userId: 'ada', state: { mood: 'fine' } }])
  },

  '[J11] keeps a user who may return for the grace time, and no longer': async (bench) => {
    const { backplane, stage } = bench
    await backplane.enter('r', { userId: 'ada' }, 'old')
    await backplane.leave('r', 'ada', 'old', true)
    await stage.advance(GRACE_MS / 2)
    assert.equal((await backplane.present('r')).count, 1)
    await stage.advance(GRACE_MS + 10_000)
    assert.equal((await backplane.present('r')).count, 0)
  },

  'tells the node who enters and who has left for good, also a stream that nobody listens to': async (
    bench,
  ) => {
    const { backplane, stage, occupancy } = bench
    await backplane.enter('r', { userId: 'ada' }, 'phone')
    await backplane.enter('r', { userId: 'ada' }, 'laptop')
    await backplane.enter('r', { userId: 'bob' }, 'b')
    await backplane.update('r', 'ada', { mood: 'fine' })
    await backplane.leave('r', 'ada', 'phone', false)
    await backplane.leave('r', 'ada', 'laptop', false)
    await backplane.leave('r', 'bob', 'b', true)
    assert.deepEqual(occupancy, ['r +ada 1', 'r +bob 2', 'r -ada 1'])
    await stage.advance(GRACE_MS + 10_000)
    assert.deepEqual(occupancy.slice(3), ['r -bob 0'])
  },

  '[J11] lets the late leave of an old connection not remove the new one': async (bench) => {
    const { backplane, stage } = bench
    const events = await bench.listen('r')
    await backplane.enter('r', { userId: 'ada' }, 'old')
    await backplane.leave('r', 'ada', 'old', true)
    await backplane.enter('r', { userId: 'ada' }, 'new')
    await backplane.leave('r', 'ada', 'old', false)
    await stage.advance(GRACE_MS + 10_000)
    assert.equal((await backplane.present('r')).count, 1)
    assert.deepEqual(
      changesIn(events).map(({ event }) => event),
      ['enter'],
    )
  },
}

/** Skips the case if the store serves only one node. */
const withRestrictions =
  (body: (restrictions: Restrictions, bench: Bench) => Promise<void>): Body =>
  async (bench) => {
    const { restrictions } = bench.backplane
    if (restrictions) await body(restrictions, bench)
  }

/** What a user's client sends now. */
function typed({ stage: { clock } }: Bench, draft: Draft, writer: string): Draft {
  return { ...draft, timestampMs: clock.wallTime(), writer }
}

/** The status of a message that a user's client sends now, and for how long that will be so. */
async function tryTo(bench: Bench, draft: Draft, writer = 'ada', stream = 'r', on = bench.backplane) {
  const result = await on.publish(stream, typed(bench, draft, writer))
  return 'forMs' in result ? [result.status, result.forMs] : [result.status]
}

function assertLasts([status, forMs]: readonly unknown[], expected: string, most: number): void {
  assert.equal(status, expected)
  assert(typeof forMs === 'number' && forMs > 0 && forMs <= most, `it lasts ${forMs} of ${most} ms`)
}

const SHORT_MS = 400
const LONG_MS = 60_000

const RESTRICTION_CASES: Record<string, Body> = {
  '[S1] accepts nothing that a muted user writes or edits in that room, and what they delete':
    withRestrictions(async (restrictions, bench) => {
      const { backplane } = bench
      const { position } = accepted(await backplane.publish('r', written('ada', 'before')))
      await restrictions.set('r', 'ada', 'mute', LONG_MS)
      assertLasts(await tryTo(bench, written('ada', 'one')), 'muted', LONG_MS)
      assertLasts(await tryTo(bench, written('ada', 'two', 'c2')), 'muted', LONG_MS)
      if (backplane.amends) {
        assertLasts(await tryTo(bench, amending(editOf(position, 'ada', 'three'))), 'muted', LONG_MS)
        assert.deepEqual(await tryTo(bench, amending(deletionOf(position, 'ada'))), ['accepted'])
      }
      assert.deepEqual(await tryTo(bench, written('bob', 'four'), 'bob'), ['accepted'])
      assert.deepEqual(await tryTo(bench, written('ada', 'five'), 'ada', 's'), ['accepted'])
      assert.equal((await backplane.publish('r', written('ada', 'in the name of ada'))).status, 'accepted')
      assert.equal(await restrictions.bannedFor('r', 'ada'), undefined)
      const texts = (await messagesIn(backplane)).map(({ message }) => message)
      assert.deepEqual(texts, [backplane.amends ? '' : 'before', 'four', 'in the name of ada'])
    }),

  '[S1] [S2] ends a restriction by itself, or when it is lifted, and replaces one of the same kind':
    withRestrictions(async (restrictions, bench) => {
      await restrictions.set('r', 'ada', 'mute', SHORT_MS)
      await restrictions.set('r', 'bob', 'mute', SHORT_MS)
      await restrictions.set('r', 'bob', 'mute', LONG_MS)
      await restrictions.set('r', 'cyd', 'mute', LONG_MS)
      await restrictions.set('r', 'cyd', 'ban', SHORT_MS)
      await restrictions.set('r', 'dan', 'ban', LONG_MS)
      await restrictions.set('r', 'eve', 'ban', Number.POSITIVE_INFINITY)
      assert.deepEqual(await tryTo(bench, written('eve', 'x'), 'eve'), ['banned', Number.POSITIVE_INFINITY])
      assertLasts(await tryTo(bench, written('cyd', 'x'), 'cyd'), 'banned', SHORT_MS)
      await bench.stage.advance(2 * SHORT_MS)
      assert.deepEqual(await tryTo(bench, written('ada', 'x')), ['accepted'])
      assertLasts(await tryTo(bench, written('bob', 'x'), 'bob'), 'muted', LONG_MS)
      assertLasts(await tryTo(bench, written('cyd', 'x'), 'cyd'), 'muted', LONG_MS)
      assert.equal(await restrictions.bannedFor('r', 'cyd'), undefined)
      assertLasts(['banned', await restrictions.bannedFor('r', 'dan')], 'banned', LONG_MS)
      assert.equal(await restrictions.bannedFor('r', 'eve'), Number.POSITIVE_INFINITY)
      for (const user of ['dan', 'eve']) await restrictions.lift('r', user, 'ban')
      await restrictions.lift('r', 'bob', 'mute')
      await restrictions.lift('r', 'cyd', 'ban')
      await restrictions.lift('r', 'nobody', 'mute')
      assertLasts(await tryTo(bench, written('cyd', 'x'), 'cyd'), 'muted', LONG_MS)
      for (const user of ['bob', 'dan', 'eve'])
        assert.deepEqual(await tryTo(bench, written(user, 'x'), user), ['accepted'])
    }),

  '[S2] accepts nothing from a banned user, and tells of each ban': withRestrictions(
    async (restrictions, bench) => {
      const { backplane } = bench
      const { position } = accepted(await backplane.publish('r', written('ada', 'before')))
      const news: BanNews[] = []
      const watching = await restrictions.watch((one) => news.push(one))
      await restrictions.set('r', 'ada', 'ban', LONG_MS)
      await restrictions.set('r', 'ada', 'mute', LONG_MS)
      assertLasts(await tryTo(bench, written('ada', 'x')), 'banned', LONG_MS)
      if (backplane.amends)
        assertLasts(await tryTo(bench, amending(deletionOf(position, 'ada'))), 'banned', LONG_MS)
      await bench.stage.advance(100)
      assert.deepEqual(news, [{ stream: 'r', userId: 'ada' }])
      watching.close()
      await restrictions.set('s', 'ada', 'ban', LONG_MS)
      await bench.stage.advance(100)
      assert.equal(news.length, 1)
    },
  ),

  '[S3] answers a repeat of what was accepted before the restriction, and remembers nothing of what was refused':
    withRestrictions(async (restrictions, bench) => {
      const { backplane } = bench
      const first = typed(bench, written('ada', 'one', 'c1'), 'ada')
      const { position } = accepted(await backplane.publish('r', first))
      await restrictions.set('r', 'ada', 'mute', LONG_MS)
      const again = accepted(await backplane.publish('r', { ...first, id: randomUUID() }))
      assert.deepEqual([again.position, again.duplicate], [position, true])
      assertLasts(await tryTo(bench, written('ada', 'two', 'c2')), 'muted', LONG_MS)
      await restrictions.lift('r', 'ada', 'mute')
      assert.deepEqual(await tryTo(bench, written('ada', 'another', 'c2')), ['accepted'])
    }),

  'lists who is restricted in a stream now, each once, page by page': withRestrictions(
    async (restrictions, bench) => {
      const ids = ['ada', 'bob', 'cyd', 'dan', 'eve']
      for (const id of ids) await restrictions.set('r', id, 'mute', LONG_MS)
      await restrictions.set('r', 'bob', 'mute', SHORT_MS)
      await restrictions.set('r', 'cyd', 'ban', Number.POSITIVE_INFINITY)
      await restrictions.set('r', 'dan', 'ban', SHORT_MS)
      await restrictions.lift('r', 'eve', 'mute')
      await restrictions.set('s', 'fay', 'ban', LONG_MS)
      await bench.stage.advance(2 * SHORT_MS)
      const all = await restrictions.list('r', { limit: 10 })
      assert.deepEqual(
        all.users.map(({ userId }) => userId),
        ['ada', 'cyd', 'dan'],
      )
      assert.equal(all.more, false)
      const [ada, cyd, dan] = all.users
      for (const user of all.users) assertLasts(['muted', user.mutedForMs], 'muted', LONG_MS)
      assert.deepEqual(
        [ada?.bannedForMs, cyd?.bannedForMs, dan?.bannedForMs],
        [undefined, Number.POSITIVE_INFINITY, undefined],
      )
      const idsAfter = async (after: string | undefined, limit: number) => {
        const { users, more } = await restrictions.list('r', { after, limit })
        return [...users.map(({ userId }) => userId), more]
      }
      assert.deepEqual(await idsAfter(undefined, 2), ['ada', 'cyd', true])
      // It has ended meanwhile.
      assert.deepEqual(await idsAfter('bob', 2), ['cyd', 'dan', false])
      assert.deepEqual(await idsAfter('dan', 2), [false])
    },
  ),

  'keeps restrictions when a log is deleted, and when a user is erased': withRestrictions(
    async (restrictions, bench) => {
      const { backplane } = bench
      accepted(await backplane.publish('r', written('ada', 'before')))
      await restrictions.set('r', 'ada', 'ban', LONG_MS)
      await backplane.delete?.('r')
      await backplane.erase?.('ada')
      assertLasts(await tryTo(bench, written('ada', 'x')), 'banned', LONG_MS)
    },
  ),
}

const PROFILE_CASES: Record<string, Body> = {
  '[N3] keeps what users are called who write, the latest of each, until they are erased': async ({
    backplane,
  }) => {
    const { profiles } = backplane
    if (!profiles) return
    await profiles.keep('ada', { name: 'Ada', tags: [] })
    await profiles.keep('bob', { name: 'Bob' })
    await profiles.keep('ada', { name: 'Ada L.' })
    const known = await profiles.of(['ada', 'bob', 'cyd'])
    assert.deepEqual(Object.fromEntries(known), { ada: { name: 'Ada L.' }, bob: { name: 'Bob' } })
    assert.equal((await profiles.of([])).size, 0)
    await backplane.erase?.('ada')
    if (backplane.erase) assert.deepEqual([...(await profiles.of(['ada', 'bob'])).keys()], ['bob'])
  },

  '[N2] tells of a new profile of somebody who is present, and keeps it if another connection has none':
    async (bench) => {
      const { backplane } = bench
      if (!backplane.profiles) return
      await backplane.enter('r', { userId: 'ada', profile: { name: 'Ada' } }, 'a')
      const events = await bench.listen('r')
      await backplane.update('r', 'ada', { mood: 'fine' })
      await backplane.enter('r', { userId: 'ada', profile: { name: 'Ada' } }, 'a')
      await backplane.enter('r', { userId: 'ada', profile: { name: 'Ada L.' } }, 'a')
      await backplane.enter('r', { userId: 'ada' }, 'b')
      await bench.stage.advance(100)
      const changes = events.flatMap((event) =>
        event.kind === 'presence' ? [[event.change.event, event.change.user.profile, event.connection]] : [],
      )
      assert.deepEqual(changes, [
        ['update', { name: 'Ada' }, undefined],
        ['update', { name: 'Ada L.' }, undefined],
      ])
      assert.deepEqual((await backplane.present('r')).users, [
        { userId: 'ada', profile: { name: 'Ada L.' }, state: { mood: 'fine' } },
      ])
    },
}

const withPeer =
  (body: (bench: Bench, peer: Backplane) => Promise<void>): Body =>
  async (bench) => {
    if (bench.stage.peer) await body(bench, bench.stage.peer)
  }

const PEER_CASES: Record<string, Body> = {
  'carries entries between nodes, in the order of one log': withPeer(async (bench, peer) => {
    const events = await bench.listen('r', peer)
    await publish(bench.backplane, 3)
    await publish(peer, 1)
    await bench.stage.advance(500)
    assert.deepEqual(
      events.flatMap((event) => (event.kind === 'entry' ? [event.entry.offset] : [])),
      upTo(4),
    )
  }),

  '[M7] knows a repeat that comes through another node': withPeer(async ({ backplane }, peer) => {
    const sender = { userId: 'ada', clientId: 'c1' }
    const first = accepted(await backplane.publish('r', draft('hello', sender)))
    const again = accepted(await peer.publish('r', draft('hello', sender)))
    assert.equal(again.duplicate, true)
    assert.deepEqual(again.position, first.position)
  }),

  'knows a key that was used through another node': withPeer(async ({ backplane }, peer) => {
    const first = accepted(await backplane.publish('r', keyed('hello', 'k')))
    const again = accepted(await peer.publish('r', keyed('hello', 'k')))
    assert.equal(again.duplicate, true)
    assert.deepEqual(again.position, first.position)
  }),

  '[D1] [D3] edits through one node what was sent through another': withPeer(async (bench, peer) => {
    const { backplane, stage } = bench
    if (!backplane.amends) return
    const { position } = accepted(await backplane.publish('r', written('ada', 'helo')))
    const events = await bench.listen('r')
    accepted(await peer.publish('r', amending(editOf(position, 'ada', 'hello'))))
    assert.equal((await messagesIn(backplane))[0]?.message, 'hello')
    await stage.advance(500)
    const told = events.flatMap((event) => (event.kind === 'entry' ? textsOf([event.entry]) : []))
    assert.deepEqual(
      told.map(({ type, message }) => [type, message]),
      [['message_edited', 'hello']],
    )
    accepted(await backplane.publish('r', amending(deletionOf(position, 'ada'))))
    assert.equal((await peer.publish('r', amending(editOf(position, 'ada', 'x')))).status, 'deleted')
  }),

  '[S2] [S3] accepts nothing from whom another node has muted or banned, and tells of bans on all': withPeer(
    async (bench, peer) => {
      const { restrictions } = bench.backplane
      if (!restrictions || !peer.restrictions) return
      const news: BanNews[] = []
      await peer.restrictions.watch((one) => news.push(one))
      await restrictions.set('r', 'ada', 'mute', LONG_MS)
      assertLasts(await tryTo(bench, written('ada', 'x'), 'ada', 'r', peer), 'muted', LONG_MS)
      await restrictions.set('r', 'ada', 'ban', LONG_MS)
      assertLasts(['banned', await peer.restrictions.bannedFor('r', 'ada')], 'banned', LONG_MS)
      await bench.stage.advance(500)
      assert.deepEqual(news, [{ stream: 'r', userId: 'ada' }])
      await peer.restrictions.lift('r', 'ada', 'mute')
      await peer.restrictions.lift('r', 'ada', 'ban')
      assert.deepEqual(await tryTo(bench, written('ada', 'x')), ['accepted'])
    },
  ),

  'shows on each node who is present on any': withPeer(async ({ backplane }, peer) => {
    await backplane.enter('r', { userId: 'ada' }, 'a')
    await peer.enter('r', { userId: 'bob' }, 'b')
    const { users } = await backplane.present('r')
    assert.deepEqual(users?.map(({ userId }) => userId).sort(), ['ada', 'bob'])
  }),

  'tells one of the nodes who enters and leaves, not each': withPeer(
    async ({ backplane, stage, occupancy }, peer) => {
      for (const node of [backplane, peer]) await node.subscribe('r', () => {})
      await backplane.enter('r', { userId: 'ada' }, 'a')
      await peer.enter('r', { userId: 'ada' }, 'b')
      await peer.enter('r', { userId: 'bob' }, 'c')
      await backplane.leave('r', 'ada', 'a', false)
      await peer.leave('r', 'ada', 'b', false)
      await stage.advance(500)
      assert.deepEqual(occupancy, ['r +ada 1', 'r +bob 2', 'r -ada 1'])
    },
  ),

  'feeds on each node what was logged through any, and has one owner of a consumer among them all': withPeer(
    async ({ backplane }, peer) => {
      const [feed, other] = [backplane.changes, peer.changes]
      if (!feed || !other) return
      await publish(backplane, 1)
      await publish(peer, 1)
      const page = await other.read(undefined, ALL, BYTES)
      assert.deepEqual(placesOf(page.entries), ['r 1', 'r 2'])
      assert.deepEqual(await feed.read(undefined, ALL, BYTES), page)
      assert.deepEqual(await feed.claim('index', 'one', 10_000), { cursor: undefined })
      assert.equal(await other.claim('index', 'two', 10_000), undefined)
      await feed.commit('index', 'one', page.head)
      await feed.release('index', 'one')
      assert.deepEqual(await other.claim('index', 'two', 10_000), { cursor: page.head })
    },
  ),

  'relays volatile messages to the other nodes': withPeer(async ({ backplane, stage, relayed }) => {
    const message = { to: 'everyone', targets: [], payload: { type: 'hello' } } as const
    backplane.relay(message)
    await stage.advance(500)
    assert.deepEqual(relayed, [message])
  }),
}

const CASES: Record<string, Body> = {
  ...LOG_CASES,
  ...DEDUPE_CASES,
  ...KEY_CASES,
  ...FEED_CASES,
  ...DELETE_CASES,
  ...AMEND_CASES,
  ...REACTION_CASES,
  ...ERASE_CASES,
  ...RESTRICTION_CASES,
  ...PROFILE_CASES,
  ...MARK_CASES,
  ...PRESENCE_CASES,
  ...PEER_CASES,
}
