import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Reactions } from '../src/chat/reactions.js'
import { type Loggable, Place } from '../src/room/loggable.js'
import { Timeline } from '../src/room/timeline.js'
import { AmendedLog, EPOCH, type WireEntry } from './support/amended-log.js'

const USERS = ['ada', 'bob', 'eve']
const ME = 'ada'

interface Append {
  readonly do: 'say' | 'edit' | 'delete' | 'erase' | 'other' | 'react' | 'unreact'
  readonly who: number
  readonly which: number
  /** How often in a row. */
  readonly times: number
}

type Step =
  | Append
  /** The next entries arrive, one after the other or as the page of a resume. */
  | { readonly do: 'live'; readonly count: number }
  | { readonly do: 'resume' }
  /** A page is requested; so many steps later the server reads it, and again so many later it arrives. */
  | {
      readonly do: 'page'
      readonly below: number
      readonly limit: number
      readonly read: number
      readonly arrive: number
    }
  /** The client was away for too long: it gets the newest messages, and reads what it shows again. */
  | { readonly do: 'break'; readonly limit: number }

const some = fc.nat({ max: 20 })
const append: fc.Arbitrary<Append> = fc.record({
  do: fc.constantFrom(
    ...(['say', 'say', 'say', 'edit', 'edit', 'edit', 'edit', 'delete', 'erase', 'other'] as const),
    ...(['react', 'react', 'react', 'react', 'unreact', 'unreact'] as const),
  ),
  who: some,
  which: some,
  times: fc.integer({ min: 1, max: 3 }),
})
const limit = fc.integer({ min: 1, max: 9 })
const delay = fc.nat({ max: 4 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: append },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('live'), count: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'resume' }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('page'), below: some, limit, read: delay, arrive: delay }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('break'), limit }) },
) as fc.Arbitrary<Step>

/** A client that reads an amended log: its cursor, and the pages that it waits for. */
class Reader {
  readonly timeline = new Timeline(1_000, () => {})
  readonly #reactions = new Reactions({ timeline: undefined, head: undefined, user: ME })
  readonly #later: (() => void)[][] = []
  #cursor: number
  breaks = 0

  constructor(
    readonly log: AmendedLog,
    history: number,
  ) {
    this.#cursor = log.head
    this.timeline.follower = this.#reactions
    this.#show(this.timeline.received.bind(this.timeline), log.page(log.head + 1, history))
  }

  take(step: Exclude<Step, Append>): void {
    if (step.do === 'live') for (let i = 0; i < step.count; i++) this.#live()
    else if (step.do === 'resume') this.resume()
    else if (step.do === 'break') this.#break(step.limit)
    else this.#page(step)
  }

  /** What was planned for now. */
  tick(): void {
    for (const run of this.#later.shift() ?? []) run()
  }

  #live(): void {
    if (this.#cursor < this.log.head) this.timeline.received([readable(this.log.live(++this.#cursor))])
  }

  resume(): void {
    const covers = { from: this.#cursor + 1, to: this.log.head }
    const entries: WireEntry[] = []
    while (this.#cursor < this.log.head) entries.push(this.log.entry(++this.#cursor))
    const own_reactions = this.log.tail(entries, ME)
    this.timeline.received(entries.map(readable), { epoch: EPOCH, covers, own_reactions })
  }

  #page({ below, limit, read, arrive }: Step & { do: 'page' }): void {
    const show = this.timeline.expectPage()
    this.#after(read, () => {
      const first = this.shown()[0]?.offset ?? this.log.head + 1
      const before = below % 2 === 0 ? first : Math.max(1, this.log.head + 1 - below)
      const page = this.log.page(before, limit)
      const own = this.log.tail(page.messages, ME)
      this.#after(arrive, () => this.#show(show, page, own))
    })
  }

  #show(
    show: ReturnType<Timeline['expectPage']>,
    { messages, covers }: ReturnType<AmendedLog['page']>,
    own_reactions = this.log.tail(messages, ME),
  ): void {
    show(messages.map(readable), { epoch: EPOCH, covers, own_reactions })
  }

  #break(limit: number): void {
    if (this.#cursor === this.log.head) return
    this.breaks++
    this.#cursor = this.log.head
    const last = Math.max(0, ...this.shown().map(({ offset = 0 }) => offset))
    this.timeline.broke('expired', { epoch: EPOCH, offset: this.#cursor, id: `id-${this.#cursor}` })
    this.#show(this.timeline.received.bind(this.timeline), this.log.page(this.#cursor + 1, limit))
    this.#show(this.timeline.expectPage(), this.log.page(last + 1, 1_000))
  }

  /** Everything arrives at last. */
  settle(): void {
    this.resume()
    while (this.#later.length > 0) this.tick()
  }

  shown(): readonly Loggable[] {
    return this.timeline
      .get()
      .flatMap((entry) => (entry.kind === 'message' && entry.state === 'sent' ? [entry.message] : []))
  }

  #after(steps: number, run: () => void): void {
    while (this.#later.length <= steps) this.#later.push([])
    this.#later[steps]?.push(run)
  }
}

/** The client knows no `unheard_of`. */
function readable(entry: Loggable): Loggable | Place {
  const { type, id, epoch = '', offset = 0 } = entry
  return type === 'unheard_of' ? new Place(type, String(id), epoch, offset) : entry
}

function appendTo(log: AmendedLog, one: Append, text: string): void {
  for (let i = 0; i < one.times; i++) appendOne(log, one, `${text}.${i}`)
}

function appendOne(log: AmendedLog, { do: kind, who, which }: Append, text: string): void {
  const user = USERS[who % USERS.length] ?? ''
  // Often one of the newest, which the client shows.
  const target = which > 10 ? Math.max(1, log.head - (which % 5)) : (which % Math.max(1, log.head)) + 1
  if (kind === 'say') log.append({ kind: 'chat', user, text })
  else if (kind === 'react' || kind === 'unreact')
    log.append({ kind, user, target, reaction: which % 3 === 0 ? '🎉' : '👍' })
  else if (kind === 'edit') log.append({ kind, user, target, text })
  else if (kind === 'delete') log.append({ kind, user, target })
  else if (kind === 'erase') log.append({ kind, user })
  else log.append({ kind: which % 2 === 0 ? 'moved' : 'unheard_of' })
}

/** Without what JSON would not carry, and what a tombstone may have. */
function comparable(message: Loggable): object {
  const { version, client_id, ...rest } = JSON.parse(JSON.stringify(message)) as Record<string, unknown>
  return rest
}

/** What this user gets to see of a message. */
function shownOf(log: AmendedLog, offset: number): object {
  const { reactions, ...message } = log.message(offset)
  const own = log.own(offset, ME)
  const counted = (reactions as { reaction: string; count: number }[] | undefined)?.map((one) =>
    own.includes(one.reaction) ? { ...one, own: true } : one,
  )
  return comparable({ ...message, reactions: counted } as Loggable)
}

describe('the timeline of an amended log', () => {
  it('[D8] [D17] [D18] [D19] [H16] whatever pages, resumes and live frames come in whatever order, a timeline shows what the log says, and no gap', () => {
    const past = fc.array(append, { maxLength: 10, size: 'max' })
    const property = fc.property(
      past,
      limit,
      fc.array(step, { maxLength: 50, size: 'max' }),
      (past, history, steps) => {
        const log = new AmendedLog()
        for (const [index, one] of past.entries()) appendTo(log, one, `past ${index}`)
        const reader = new Reader(log, history)
        const least = new Map<unknown, number>()
        for (const [index, step] of steps.entries()) {
          reader.tick()
          if ('who' in step) appendTo(log, step, `text ${index}`)
          else reader.take(step)
          for (const message of reader.shown()) {
            const { version, deleted } = message as { version?: number; deleted?: boolean }
            const reached = version ?? (deleted ? Number.POSITIVE_INFINITY : 0)
            expect(deleted || reached >= (least.get(message.id) ?? 0), `${message.id} went back`).toBe(true)
            least.set(message.id, deleted ? reached + 1 : reached)
          }
        }
        reader.settle()
        const shown = reader.shown().filter(({ type }) => type === 'chat_message')
        expect(shown.map(comparable)).toEqual(shown.map(({ offset = 0 }) => shownOf(log, offset)))
        if (reader.breaks > 0) return
        expect(reader.timeline.get().filter(({ kind }) => kind === 'break')).toEqual([])
        const offsets = reader.shown().map(({ offset = 0 }) => offset)
        const expected = log.page(log.head + 1, 1_000).messages.map(readable)
        const complete = expected.filter((entry) => !(entry instanceof Place)).map(({ offset = 0 }) => offset)
        expect(offsets).toEqual(
          complete.filter((offset) => offset >= (offsets[0] ?? Number.POSITIVE_INFINITY)),
        )
      },
    )
    fc.assert(property, { numRuns: 500 })
  })
})
