import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { Position, Range } from '../../../src/api/contracts/backplane.js'
import { RoomLog, resumeFault } from '../../../src/backplane/log/log.js'
import { memoryOfEach } from './held-memory.js'

const FOREVER = {
  count: 1_000,
  entries: Number.POSITIVE_INFINITY,
  bytes: Number.POSITIVE_INFINITY,
  ageMs: Number.POSITIVE_INFINITY,
}
const ALL = { limit: 1_000, maxBytes: Number.POSITIVE_INFINITY }

function logOf(entries: number, retention: Partial<typeof FOREVER> = {}): RoomLog {
  const log = new RoomLog('epoch', { ...FOREVER, ...retention })
  for (let n = 1; n <= entries; n++) log.append(`id-${n}`, `{"n":${n}`, n)
  return log
}

const at = (offset: number): Position => ({
  epoch: 'epoch',
  offset,
  id: offset === 0 ? 'epoch' : `id-${offset}`,
})

describe('retention', () => {
  const N = 5

  it.each([N - 1, N, N + 1])(
    '[H6] [H7] [H14] retention with room for 5, of %i entries, tells exactly the readers that miss one',
    (entries) => {
      const log = logOf(entries, { count: N })
      const oldest = Math.max(1, entries - N + 1)
      for (let offset = 0; offset <= entries; offset++)
        expect(resumeFault(log, at(offset))).toBe(offset >= oldest - 1 ? undefined : 'expired')
      expect(log.read({ before: undefined, ...ALL }).oldestOffset).toBe(oldest)
    },
  )

  it('retention counts bytes, the overhead of an entry included, and never refuses the newest entry’s place in the order', () => {
    const log = logOf(3, { bytes: 330 })
    expect(log.size).toBe(2)
    expect(log.bytes).toBeLessThanOrEqual(330)
    const tiny = logOf(3, { bytes: 1 })
    expect(tiny.size).toBe(0)
    expect(tiny.head).toEqual(at(3))
  })

  it('[H14] retention ends an entry at its age, and keeps the head for who stands there', () => {
    const log = logOf(2, { ageMs: 100 })
    log.expire(100)
    expect(log.size).toBe(2)
    log.expire(101)
    expect(log.size).toBe(1)
    log.expire(102)
    expect(log.size).toBe(0)
    expect(resumeFault(log, at(2))).toBeUndefined()
    expect(resumeFault(log, at(1))).toBe('expired')
    expect(log.append('id-3', '{"n":3', 103)).toMatchObject({ offset: 3, previousId: 'id-2' })
    expect(resumeFault(log, at(2))).toBeUndefined()
  })
})

describe('resume', () => {
  it('[H7] resume tells another epoch, another entry at the offset, and a reader ahead of the log', () => {
    const log = logOf(3)
    expect(resumeFault(log, { ...at(3), epoch: 'another' })).toBe('epoch_changed')
    expect(resumeFault(log, { ...at(2), id: 'another' })).toBe('forked')
    expect(resumeFault(log, { ...at(3), id: 'another' })).toBe('forked')
    expect(resumeFault(log, { ...at(0), id: 'another' })).toBe('forked')
    expect(resumeFault(log, at(4))).toBe('forked')
  })

  it('[H2] resume works from the empty log’s cursor', () => {
    const log = new RoomLog('epoch', FOREVER)
    const { head } = log
    expect(head).toEqual(at(0))
    expect(resumeFault(log, head)).toBeUndefined()
    log.append('id-1', '{', 0)
    expect(resumeFault(log, head)).toBeUndefined()
  })
})

describe('a page', () => {
  it('[H4] a page stays within its bytes, but holds one entry if there is any', () => {
    const log = logOf(10)
    const [first] = log.read({ after: 0, ...ALL }).entries
    const size = Buffer.byteLength(first?.text ?? '') + 120
    const offsets = (range: Range) => log.read(range).entries.map(({ offset }) => offset)
    expect(offsets({ after: 0, limit: 10, maxBytes: 3 * size })).toEqual([1, 2, 3])
    expect(offsets({ before: 8, limit: 10, maxBytes: 3 * size })).toEqual([5, 6, 7])
    expect(offsets({ after: 4, limit: 10, maxBytes: 1 })).toEqual([5])
    expect(offsets({ before: undefined, limit: 10, maxBytes: 1 })).toEqual([10])
  })

  it('[H1] a page completes an entry’s text with its place', () => {
    const [entry] = logOf(1).read({ after: 0, ...ALL }).entries
    expect(entry && JSON.parse(entry.text)).toEqual({ n: 1, epoch: 'epoch', offset: 1 })
  })
})

/** The log as a person would write it: all entries ever, and which of them are kept. */
class NaiveLog {
  readonly all: { offset: number; at: number }[] = []
  kept: { offset: number; at: number }[] = []

  constructor(
    readonly count: number,
    readonly ageMs: number,
  ) {}

  append(now: number) {
    const entry = { offset: this.all.length + 1, at: now }
    this.all.push(entry)
    this.kept.push(entry)
    this.expire(now)
  }

  expire(now: number) {
    this.kept = this.kept.filter(({ at }) => now - at < this.ageMs).slice(-this.count)
  }

  dropOldest() {
    this.kept.shift()
  }

  /** What a page must hold, whether more entries follow it, and whether entries in its range are gone. */
  read(inRange: (offset: number) => boolean, limit: number, isForward: boolean) {
    const kept = this.kept.map(({ offset }) => offset).filter(inRange)
    const page = isForward ? kept.slice(0, limit) : kept.slice(Math.max(0, kept.length - limit))
    const gone = this.all.filter(({ offset }) => inRange(offset) && !kept.includes(offset))
    return { offsets: page, more: page.length < kept.length, truncated: gone.length > 0 }
  }
}

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('append' as const), afterMs: fc.nat(20) }) },
  fc.record({ do: fc.constant('expire' as const), afterMs: fc.nat(60) }),
  fc.record({ do: fc.constant('drop' as const), afterMs: fc.constant(0) }),
)

describe('memory', () => {
  it('the memory of a log is nothing again once nothing is kept, however large the entries were', () => {
    const sizes = fc.array(fc.oneof(fc.nat(300), fc.nat(40_000)), { minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 150 }), (lengths, count) => {
        const log = new RoomLog('epoch', { ...FOREVER, count })
        let kept = 0
        for (const [index, length] of lengths.entries()) {
          log.append(`id-${index + 1}`, `{"text":"${'é'.repeat(length)}"`, 0)
          kept = lengths.slice(Math.max(0, index + 1 - count), index + 1).reduce((sum, n) => sum + 2 * n, 0)
          expect(log.memory).toBeGreaterThan(kept)
          // Beside the entries: the segment being filled, the dropped part of the oldest one, and a spare one.
          expect(log.memory).toBeLessThan(2 * kept + 1_000 * Math.min(count, index + 1) + 130_000)
        }
        while (log.size > 0) log.dropOldest()
        expect(log.memory).toBe(0)
      }),
    )
  })

  it('the memory of a log is a small log’s own: not a piece of what frames have left', () => {
    const bytes = memoryOfEach((n) => {
      const log = new RoomLog('epoch', FOREVER)
      log.append(`id-${n}`, `{"n":${n}`, 0)
      return log
    })
    expect(bytes).toBeLessThan(400)
  })

  it('[H9] the memory of a log holds texts and ids as they were, whatever their length, across its segments', () => {
    const log = new RoomLog('epoch', { ...FOREVER, count: 150 })
    const openOf = (n: number) => `{"text":"${'aé漢😀"'.repeat(n % 7 === 0 ? 5_000 : n)}"`
    for (let n = 1; n <= 400; n++) {
      const { text } = log.append(`id-${n}`, openOf(n), n)
      expect(log.read({ before: undefined, limit: 1, maxBytes: 1 }).entries).toEqual([
        { offset: n, id: `id-${n}`, previousId: n === 1 ? 'epoch' : `id-${n - 1}`, text },
      ])
    }
    const { entries } = log.read({ after: 250, limit: 400, maxBytes: Number.POSITIVE_INFINITY })
    expect(entries.map(({ offset }) => offset)).toEqual(Array.from({ length: 150 }, (_, n) => 251 + n))
    for (const { offset, id, previousId, text } of entries) {
      expect({ id, previousId }).toEqual({ id: `id-${offset}`, previousId: `id-${offset - 1}` })
      expect(text).toBe(`${openOf(offset)},"epoch":"epoch","offset":${offset}}`)
      expect(log.idAt(offset)).toBe(`id-${offset}`)
    }
    expect(log.idAt(250)).toBe('id-250')
    expect(log.idAt(249)).toBeUndefined()
    expect(log.idAt(401)).toBeUndefined()
  })
})

describe('any history', () => {
  it('[H9] [H10] any history reads like an array, forwards and backwards, whatever was appended, expired and dropped', () => {
    const query = fc.record({ limit: fc.nat(12), from: fc.nat(40) })
    const property = fc.property(
      fc.array(step, { maxLength: 200 }),
      fc.array(query, { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 12 }),
      (steps, queries, count) => {
        const log = new RoomLog('epoch', { ...FOREVER, count, ageMs: 100 })
        const naive = new NaiveLog(count, 100)
        let now = 0
        for (const { do: what, afterMs } of steps) {
          now += afterMs
          if (what === 'append') {
            log.append(`id-${naive.all.length + 1}`, '{', now)
            naive.append(now)
          } else if (what === 'drop') {
            log.dropOldest()
            naive.dropOldest()
          } else {
            log.expire(now)
            naive.expire(now)
          }
        }
        for (const { limit, from } of queries) {
          const forwards = log.read({ after: from, limit, maxBytes: Number.POSITIVE_INFINITY })
          const backwards = log.read({ before: from, limit, maxBytes: Number.POSITIVE_INFINITY })
          for (const [page, expected] of [
            [forwards, naive.read((offset) => offset > from, limit, true)],
            [backwards, naive.read((offset) => offset < from, limit, false)],
          ] as const) {
            const { entries, more, truncated } = page
            expect({ offsets: entries.map(({ offset }) => offset), more, truncated }).toEqual(expected)
          }
        }
        expect(log.size).toBe(naive.kept.length)
        expect(log.head.offset).toBe(naive.all.length)
      },
    )
    fc.assert(property, { numRuns: 500 })
  })

  it('[H6] [M11] a resume that is granted and read in pages misses nothing and repeats nothing', () => {
    const property = fc.property(
      fc.nat(60),
      fc.integer({ min: 1, max: 60 }),
      fc.nat(60),
      fc.integer({ min: 1, max: 9 }),
      (entries, count, from, limit) => {
        fc.pre(from <= entries)
        const log = logOf(entries, { count })
        if (resumeFault(log, at(from))) return
        const got: number[] = []
        for (let reached = from, more = true; more; ) {
          const page = log.read({ after: reached, limit, maxBytes: Number.POSITIVE_INFINITY })
          got.push(...page.entries.map(({ offset }) => offset))
          expect(page.truncated).toBe(false)
          reached = got.at(-1) ?? reached
          more = page.more
        }
        expect(got).toEqual(Array.from({ length: entries - from }, (_, n) => from + 1 + n))
      },
    )
    fc.assert(property, { numRuns: 500 })
  })
})

/** A room as a person would write it: what pages show, and what a reader can resume from. */
class NaiveRoom {
  readonly all: { offset: number; isMessage: boolean; bytes: number; text: string }[] = []
  firstInLog = 1
  firstMessage = 1

  constructor(
    readonly count: number,
    readonly entries: number,
  ) {}

  get log() {
    return this.all.filter(({ offset }) => offset >= this.firstInLog)
  }

  get messages() {
    return this.all.filter(({ offset, isMessage }) => isMessage && offset >= this.firstMessage)
  }

  append(isMessage: boolean, text: string) {
    this.all.push({ offset: this.all.length + 1, isMessage, bytes: text.length, text })
    while (this.messages.length > this.count) this.firstMessage = (this.messages[0]?.offset ?? 0) + 1
    // A message that is gone from pages is gone from the log, with all before it.
    const gone = this.all.findLast(({ offset, isMessage }) => isMessage && offset < this.firstMessage)
    this.firstInLog = Math.max(this.firstInLog, (gone?.offset ?? 0) + 1, this.all.length - this.entries + 1)
  }
}

describe('the two bounds of a log', () => {
  const entry = fc.record({
    isMessage: fc.boolean(),
    length: fc.nat(300),
    rewrites: fc.nat(40),
    to: fc.nat(600),
  })

  it('[H14] the two bounds of a log keep as many messages for pages as asked, however many amendments push them out of it', () => {
    const property = fc.property(
      fc.array(entry, { maxLength: 120 }),
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 1, max: 25 }),
      (entries, count, most) => {
        const log = new RoomLog('epoch', { ...FOREVER, count, entries: most })
        const naive = new NaiveRoom(count, most)
        for (const { isMessage, length, rewrites, to } of entries) {
          const type = isMessage ? 'chat_message' : 'message_edited'
          const text = `{"type":"${type}","text":"${'x'.repeat(length)}"`
          const { offset } = log.append(`id-${naive.all.length + 1}`, text, 0)
          naive.append(isMessage, `${text},"epoch":"epoch","offset":${offset}}`)
          const target = naive.messages[rewrites % Math.max(1, naive.messages.length)]
          if (!target) continue
          target.text = `{"type":"chat_message","text":"${'y'.repeat(to)}"}`
          log.replace(target.offset, target.text)
        }
        const shown = (page: { entries: readonly { offset: number; text: string }[] }) =>
          page.entries.map(({ offset, text }) => [offset, text])
        const known = (all: readonly { offset: number; text: string }[]) =>
          all.map(({ offset, text }) => [offset, text])
        const page = log.read({ before: undefined, ...ALL, messagesOnly: true })
        expect(shown(page)).toEqual(known(naive.messages))
        expect(shown(log.read({ after: 0, ...ALL, messagesOnly: true }))).toEqual(known(naive.messages))
        expect(shown(log.read({ before: undefined, ...ALL }))).toEqual(known(naive.log))
        const oldest = Math.min(...[...naive.messages, ...naive.log].map(({ offset }) => offset))
        if (naive.all.length > 0) expect(page.oldestOffset).toBe(oldest)
        for (const { offset, text } of naive.messages) expect(log.entryAt(offset)?.text).toBe(text)
        while (log.size > 0) log.dropOldest()
        expect([log.bytes, log.read({ after: 0, ...ALL, messagesOnly: true }).entries]).toEqual([0, []])
        expect(log.memory).toBeLessThan(20_000)
      },
    )
    fc.assert(property, { numRuns: 400 })
  })

  it('[H14] the two bounds of a log hold for bytes too: edits of a megabyte push out no message', () => {
    const log = new RoomLog('epoch', { ...FOREVER, bytes: 5_000 })
    for (let n = 1; n <= 4; n++) log.append(`id-${n}`, '{"type":"chat_message","n":1', 0)
    for (let n = 5; n <= 20; n++)
      log.append(`id-${n}`, `{"type":"message_edited","text":"${'x'.repeat(4_000)}"`, 0)
    expect(log.bytes).toBeLessThanOrEqual(5_000)
    expect(log.read({ before: undefined, ...ALL, messagesOnly: true }).entries).toHaveLength(4)
    log.expire(Number.POSITIVE_INFINITY)
    expect(log.size).toBe(0)
  })

  it('[D7] a text that was replaced, or dropped, is not in the memory of a log any more', () => {
    const segments: Buffer[] = []
    const allocate = Buffer.allocUnsafeSlow
    vi.spyOn(Buffer, 'allocUnsafeSlow').mockImplementation((size) => {
      const memory = allocate(size)
      segments.push(memory)
      return memory
    })
    const log = new RoomLog('epoch', { ...FOREVER, entries: 3 })
    const secret = '{"type":"chat_message","text":"the secret"'
    log.append('id-1', secret, 0)
    log.append('id-2', secret, 0)
    for (let n = 3; n <= 5; n++) log.append(`id-${n}`, `{"type":"message_edited","text":"the secret ${n}"`, 0)
    log.append('id-6', '{"type":"chat_message","text":"open"', 0)
    const target = { offset: 1, id: 'id-1' }
    for (const offset of [1, 2]) log.replace(offset, '{"type":"chat_message","n":1}')
    for (const offset of [4, 5]) log.replace(offset, '{"type":"message_edited","n":1}')
    log.redactEdits(target, 5)
    expect(log.read({ before: undefined, ...ALL, messagesOnly: true }).entries).toHaveLength(3)
    expect(segments.map(String).join()).toContain('open')
    expect(segments.map(String).join()).not.toContain('the secret')
  })
})
