import { describe, expect, it } from 'vitest'
import type { LogEntry, LogPage } from '../../../src/api/contracts/backplane.js'
import { Sequencer } from '../../../src/backplane/redis/sequencer.js'

const at = (offset: number, branch = 'a', epoch = 'e') => ({
  epoch,
  offset,
  id: offset ? `${branch}${offset}` : epoch,
})

/** Entries of one branch of the log; `after` names the branch of what comes before the first. */
const entries = (from: number, to: number, branch = 'a', after = branch): LogEntry[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({
    offset: from + index,
    id: at(from + index, branch).id,
    previousId: at(from + index - 1, index === 0 ? after : branch).id,
    text: '',
  }))

const ids = (given: readonly LogEntry[]) => given.map(({ id }) => id)

function started(offset = 0): Sequencer {
  const sequencer = new Sequencer()
  sequencer.start(at(offset))
  return sequencer
}

function feed(sequencer: Sequencer, given: readonly LogEntry[], epoch = 'e'): string[] {
  return given.flatMap((entry) => ids(sequencer.accept(epoch, entry)))
}

function page(given: readonly LogEntry[], epoch = 'e'): LogPage {
  const last = given.at(-1)
  const head = { epoch, offset: last?.offset ?? 0, id: last?.id ?? epoch }
  return { entries: given, epoch, head, more: false, truncated: false, oldestOffset: given[0]?.offset ?? 1 }
}

describe('the sequencer', () => {
  it('[M10] the sequencer passes on what continues the log, and drops a late copy', () => {
    const sequencer = started()
    expect(feed(sequencer, entries(1, 3))).toEqual(['a1', 'a2', 'a3'])
    expect(feed(sequencer, entries(2, 3))).toEqual([])
    expect(sequencer.needsRepair).toBe(false)
  })

  it('the sequencer keeps what comes before the head is known, and begins after the head', () => {
    const sequencer = new Sequencer()
    expect(feed(sequencer, entries(4, 6))).toEqual([])
    expect(ids(sequencer.start(at(5)))).toEqual(['a6'])
    expect(sequencer.needsRepair).toBe(false)
  })

  it('the sequencer asks for a repair at a gap, and meets what came meanwhile without one and without a copy', () => {
    const sequencer = started()
    expect(feed(sequencer, entries(1, 1))).toEqual(['a1'])
    expect(feed(sequencer, entries(3, 5))).toEqual([])
    expect(sequencer.needsRepair).toBe(true)
    expect(ids(sequencer.fill(entries(2, 4), true))).toEqual(['a2', 'a3', 'a4', 'a5'])
    expect(sequencer.needsRepair).toBe(false)
  })

  it('the sequencer reads on if more came during a repair than it can hold', () => {
    const sequencer = started()
    feed(sequencer, entries(2, 400))
    expect(sequencer.fill(entries(1, 100), true).at(-1)?.id).toBe('a130')
    expect(sequencer.needsRepair).toBe(true)
    expect(sequencer.fill(entries(131, 400), true).at(-1)?.id).toBe('a400')
    expect(sequencer.needsRepair).toBe(false)
  })

  it.each([
    ['the next offset after another entry', entries(4, 4, 'b')],
    ['an offset that another entry had', entries(2, 2, 'b')],
  ])('the sequencer sees a fork by %s, and goes on after the last common entry', (_, live) => {
    const sequencer = started()
    feed(sequencer, entries(1, 3))
    expect(feed(sequencer, live)).toEqual([])
    expect(sequencer.needsRepair).toBe(true)
    const forked = [...entries(1, 2), ...entries(3, 5, 'b', 'a')]
    const { head, entries: fresh } = sequencer.restart(page(forked))
    expect(head).toEqual(at(2))
    expect(ids(fresh)).toEqual(['b3', 'b4', 'b5'])
    expect(feed(sequencer, entries(6, 6, 'b'))).toEqual(['b6'])
  })

  it('the sequencer sees a log of another epoch, and begins with its oldest entry', () => {
    const sequencer = started(7)
    expect(feed(sequencer, entries(1, 1, 'b'), 'f')).toEqual([])
    expect(sequencer.needsRepair).toBe(true)
    const first = { offset: 1, id: 'b1', previousId: 'f', text: '' }
    const { head, entries: fresh } = sequencer.restart(page([first, ...entries(2, 2, 'b')], 'f'))
    expect([head, ids(fresh)]).toEqual([{ epoch: 'f', offset: 0, id: 'f' }, ['b1', 'b2']])
  })

  describe('of a log that lost what was acknowledged here, before it came', () => {
    const acknowledged = () => {
      const sequencer = started()
      feed(sequencer, entries(1, 2))
      sequencer.acknowledge(at(3))
      sequencer.acknowledge(at(4))
      return sequencer
    }

    it('the sequencer of a log that lost what was acknowledged here, before it came, is content when it comes', () => {
      const sequencer = acknowledged()
      expect(feed(sequencer, entries(3, 4))).toEqual(['a3', 'a4'])
      expect([sequencer.needsRepair, sequencer.known]).toEqual([false, at(4)])
    })

    it('the sequencer of a log that lost what was acknowledged here, before it came, restarts when another entry has its offset', () => {
      const sequencer = acknowledged()
      expect(feed(sequencer, entries(3, 4, 'b', 'a'))).toEqual(['b3'])
      expect(sequencer.hasForked).toBe(true)
      const { head, entries: fresh } = sequencer.restart(page([...entries(1, 2), ...entries(3, 4, 'b', 'a')]))
      expect([head, ids(fresh), sequencer.hasForked]).toEqual([at(3, 'b'), ['b4'], false])
    })

    it('the sequencer of a log that lost what was acknowledged here, before it came, restarts when the log ends before it', () => {
      const sequencer = acknowledged()
      sequencer.check(at(2), sequencer.known, true)
      expect(sequencer.hasForked).toBe(true)
      expect(sequencer.restart(page(entries(1, 2))).head).toEqual(at(2))
    })

    it('the sequencer of a log that lost what was acknowledged here, before it came, does not restart again for a check that was under way before: it would tell one fork twice', () => {
      const sequencer = acknowledged()
      const asked = sequencer.known
      sequencer.check(at(2), asked, true)
      sequencer.restart(page(entries(1, 2)))
      sequencer.check(at(2), asked, true)
      expect([sequencer.hasForked, sequencer.needsRepair]).toEqual([false, false])
    })

    it('the sequencer of a log that lost what was acknowledged here, before it came, restarts when the acknowledgement comes after another entry', () => {
      const sequencer = started()
      feed(sequencer, entries(1, 2))
      sequencer.acknowledge(at(2, 'b'))
      expect(sequencer.hasForked).toBe(true)
    })
  })

  describe('compared with the head of the log', () => {
    const needsRepair = (...[head, asked, isLate]: Parameters<Sequencer['check']>) => {
      const sequencer = started()
      feed(sequencer, entries(1, 5))
      sequencer.check(head, asked, isLate)
      return sequencer.needsRepair
    }

    it('the sequencer, compared with the head of the log, is content with where it is, and with an answer that is older than what came since', () => {
      expect(needsRepair(at(5), at(5), true)).toBe(false)
      expect(needsRepair(at(4), at(3), true)).toBe(false)
    })

    it('the sequencer, compared with the head of the log, gives what is ahead the time to come', () => {
      expect(needsRepair(at(6), at(5), false)).toBe(false)
      expect(needsRepair(at(6), at(5), true)).toBe(true)
    })

    it('the sequencer, compared with the head of the log, sees another entry at its offset, a log that went back, another log, and none', () => {
      expect(needsRepair(at(5, 'b'), at(5), false)).toBe(true)
      expect(needsRepair(at(3), at(5), false)).toBe(true)
      expect(needsRepair(at(5, 'a', 'f'), at(5), false)).toBe(true)
      expect(needsRepair(undefined, at(5), false)).toBe(true)
    })
  })
})
