import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { check } from '../../packages/server/src/verify/checker/check.js'
import type {
  Entry,
  Event,
  History,
  ViolationKind,
} from '../../packages/server/src/verify/checker/history.js'
import { type Import, importsOf } from '../architecture/imports.js'
import { Random } from '../sim/random.js'
import { FAULTS } from './faults.js'
import { cleanHistory } from './seeded.js'

const SEEDS = 100

const ROOM = 'room'
const seen = (client: string) => ({ client, connection: `${client}/1`, room: ROOM })
const entry = (offset: number, text: string, user = 'ana'): Entry => ({
  ...{ epoch: 'e', offset, id: `id-${text}`, user, clientId: text, text },
})
const sent = (text: string, client = 'ana'): Event => ({
  ...{ kind: 'sent', ...seen(client), clientId: text, text, user: client },
})
const acked = (offset: number, text: string, client = 'ana'): Event => ({
  ...{ kind: 'acked', ...seen(client), clientId: text, at: entry(offset, text), duplicate: false },
})
const saw = (client: string, offset: number, text: string): Event => ({
  ...{ kind: 'delivered', ...seen(client), entry: entry(offset, text) },
})
const joined = (client: string): Event => ({
  ...{ kind: 'joined', ...seen(client), askedAt: 0, entries: [], more: false },
  cursor: { epoch: 'e', offset: 0, id: 'e' },
})
const read = (...entries: readonly Entry[]): Event => ({
  ...{ kind: 'page', ...seen('auditor'), askedAt: 0, after: 0, epoch: 'e', entries, more: false },
})

const found = (...history: readonly Event[]) => [...new Set(check(history).map(({ kind }) => kind))].sort()

describe('the checker', () => {
  it('the checker finds nothing in a history without a fault', () => {
    const history = [joined('bob'), sent('one'), acked(1, 'one'), saw('bob', 1, 'one'), read(entry(1, 'one'))]
    expect(check(history)).toEqual([])
  })

  it('the checker finds an acknowledged message that the log lacks', () => {
    expect(found(sent('one'), acked(1, 'one'), read())).toEqual(['lost'])
  })

  it('the checker finds an entry that was shown before it could be lost', () => {
    expect(found(joined('bob'), sent('one'), saw('bob', 1, 'one'), read())).toEqual(['lost'])
  })

  it('the checker finds a room whose log nobody has read at the end', () => {
    expect(found(sent('one'), acked(1, 'one'))).toEqual(['lost'])
  })

  it('the checker finds a message that stands at two places', () => {
    const twice = read(entry(1, 'one'), { ...entry(2, 'one'), id: 'id-again' })
    expect(found(sent('one'), acked(1, 'one'), twice)).toEqual(['duplicate'])
  })

  it('the checker finds two messages at one offset', () => {
    const history = [sent('one'), sent('two', 'bob'), acked(1, 'one'), acked(1, 'two', 'bob')]
    expect(found(...history, read(entry(1, 'one')))).toContain('inconsistent')
  })

  it('the checker finds an offset that a reader passed over', () => {
    const log = [entry(1, 'one'), entry(2, 'two')]
    expect(found(joined('bob'), sent('one'), sent('two'), saw('bob', 2, 'two'), read(...log))).toEqual([
      'hole',
    ])
  })

  it('the checker finds a reader who is shown an entry again', () => {
    const twice = [saw('bob', 1, 'one'), saw('bob', 1, 'one')]
    expect(found(joined('bob'), sent('one'), ...twice, read(entry(1, 'one')))).toEqual(['non-monotonic'])
  })

  it('the checker finds a read that is older than an acknowledgement before it', () => {
    const stale: Event = {
      kind: 'page',
      ...seen('bob'),
      askedAt: 2,
      after: 0,
      epoch: 'e',
      entries: [],
      more: false,
    }
    expect(found(sent('one'), acked(1, 'one'), stale, read(entry(1, 'one')))).toEqual(['non-monotonic'])
  })

  const opened = (client: string, askedAt: number): Event => ({ kind: 'opened', ...seen(client), askedAt })
  const log = [entry(1, 'one'), entry(2, 'two')]

  it('the checker finds nothing in a stream that begins between two messages', () => {
    const history = [sent('one'), acked(1, 'one'), opened('bob', 2), sent('two'), saw('bob', 2, 'two')]
    expect(found(...history, read(...log))).toEqual([])
  })

  it('the checker finds a stream that lacks what was sent after its headers had come', () => {
    const history = [opened('bob', 0), sent('one'), sent('two'), saw('bob', 2, 'two'), read(...log)]
    expect(found(...history)).toEqual(['hole'])
  })

  it('the checker finds a stream that begins with what was known before it was asked for', () => {
    const history = [sent('one'), acked(1, 'one'), opened('bob', 2), saw('bob', 1, 'one')]
    expect(found(...history, read(entry(1, 'one')))).toEqual(['non-monotonic'])
  })

  it('the checker finds acknowledgements that are not in the order of the messages', () => {
    const log = read(entry(1, 'one'), entry(2, 'two'))
    expect(found(sent('one'), sent('two'), acked(2, 'two'), acked(1, 'one'), log)).toEqual(['order'])
  })

  it('the checker finds a message that was sent after another was acknowledged, and stands before it', () => {
    const log = read(entry(1, 'two', 'bob'), entry(2, 'one'))
    expect(found(sent('one'), acked(2, 'one'), sent('two', 'bob'), acked(1, 'two', 'bob'), log)).toEqual([
      'order',
    ])
  })

  it('the checker finds the messages of one sender in another order than they were sent', () => {
    expect(found(sent('one'), sent('two'), read(entry(1, 'two'), entry(2, 'one')))).toEqual(['order'])
  })

  it('the checker finds an entry that nobody sent', () => {
    expect(found(read(entry(1, 'one')))).toEqual(['invented'])
  })

  it('the checker finds a reader who could not go on', () => {
    const resync: Event = { kind: 'resync', ...seen('bob'), reason: 'gap', cursor: entry(0, '') }
    expect(found(joined('bob'), resync)).toEqual(['break'])
  })

  it(`the checker finds nothing in ${SEEDS} generated histories without a fault`, () => {
    for (let seed = 0; seed < SEEDS; seed++) expect(check(cleanHistory(seed)), `seed ${seed}`).toEqual([])
  })

  it.each(Object.entries(FAULTS))('the checker finds it in generated histories when %s', (_, fault) => {
    let spoiled = 0
    for (let seed = 0; seed < SEEDS; seed++) {
      const history: History | undefined = fault.spoil(cleanHistory(seed), new Random(seed))
      if (!history) continue
      spoiled++
      expect(
        check(history).map(({ kind }) => kind),
        `seed ${seed}`,
      ).toContain(fault.kind)
    }
    expect(spoiled).toBeGreaterThan(SEEDS / 2)
  })

  it('the checker is shown to find violations of every kind', () => {
    const kinds: Record<ViolationKind, true> = {
      ...{ lost: true, duplicate: true, inconsistent: true, hole: true },
      ...{ 'non-monotonic': true, order: true, invented: true, break: true },
    }
    expect(new Set(Object.values(FAULTS).map(({ kind }) => kind))).toEqual(new Set(Object.keys(kinds)))
  })

  it('the checker and what records for it import nothing of the product', () => {
    const checker = 'packages/server/src/verify/checker'
    const root = fileURLToPath(new URL('../..', import.meta.url))
    const imports = importsOf(root, ['test/checker', checker])
    const files = imports.map(({ from }) => from)
    expect(files).toEqual(expect.arrayContaining([`${checker}/check.ts`, 'test/checker/record.ts']))
    const isOfTheProduct = ({ to }: Import) =>
      /^(@roomful|packages)\//.test(to) && !to.startsWith(`${checker}/`)
    expect(imports.filter(isOfTheProduct)).toEqual([])
    // What is part of a package cannot lean on the tests.
    const allowed = new RegExp(`^(${checker}/|node:|ws$)`)
    expect(imports.filter(({ from, to }) => from.startsWith(checker) && !allowed.test(to))).toEqual([])
  })
})
