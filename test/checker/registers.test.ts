import { describe, expect, it } from 'vitest'
import { checkRegisters, type Operation } from './registers/operations.js'
import { runRegisters } from './registers/run.js'

let now = 0
/** An operation that is asked and answered after all before it. */
const done = (
  kind: Operation['kind'],
  text: string,
  version: number | undefined,
  rest: Partial<Operation> = {},
) => ({
  ...{ client: 'ana', node: 1, register: 'm', kind, text, version, askedAt: ++now, answeredAt: ++now },
  ...rest,
})
const LATE = { askedAt: 10_000, answeredAt: 10_001 }
const written = done('write', 'one', 1)
const edited = done('write', 'two', 3)
const deleted = done('write', '', 5)

describe('a message as a register', () => {
  it('a message as a register has no fault if each read has what was written last', () => {
    const read = done('read', '', 5)
    const late = done('write', 'three', undefined)
    expect(checkRegisters([written, edited, deleted, read, late])).toEqual([])
    // Asked before the edit was answered.
    const { answeredAt } = edited
    expect(checkRegisters([written, edited, done('read', 'one', 1, { askedAt: answeredAt - 1 })])).toEqual([])
    // Of a server that has not heard of it yet.
    expect(checkRegisters([written, edited, done('read', 'one', 1, { node: 2 })])).toEqual([])
  })

  it.each([
    ['a read of what was written before', [written, edited, done('read', 'one', 1)]],
    [
      'a read of that on another server, long after',
      [written, edited, done('read', 'one', 1, { ...LATE, node: 2 })],
    ],
    [
      'a write on another server that others do not follow',
      [written, edited, done('write', 'x', 2, { node: 2 })],
    ],
    ['a read of what nobody wrote', [written, done('read', 'another', 1)]],
    ['a read of a version that nobody wrote', [written, done('read', 'two', 2)]],
    ['two writes at one version', [written, edited, done('write', 'three', 3)]],
    ['a write before one that was known', [written, edited, done('write', 'three', 2)]],
    ['an edit after a deletion', [written, deleted, done('write', 'three', 6)]],
    ['a text after a deletion', [written, edited, deleted, done('read', 'two', 3)]],
    ['a refusal as deleted of what nobody deletes', [written, done('write', 'two', undefined)]],
  ])('a message as a register has a fault with %s', (_, history) => {
    expect(checkRegisters(history)).not.toEqual([])
  })
})

const few = { operations: 1_500, clients: 8, rooms: 2, cutEvery: 40, killEveryMs: 1_500, seed: 1 }

it.each(['memory', 'sqlite', 'redis'] as const)(
  '[D1] [D2] [D3] [D7] [D8] messages are linearizable registers on %s, whatever breaks while they are edited, deleted and read',
  { timeout: 120_000 },
  async (name) => {
    const run = await runRegisters(name, few)
    expect(run).toMatchObject({ violations: [], complaints: [] })
    expect(run.operations).toBeGreaterThanOrEqual(few.operations)
    expect(Math.min(run.reads, run.messages, run.repeats, run.cuts)).toBeGreaterThan(5)
  },
)
