import { describe, expect, it } from 'vitest'
import { Oracle, type Seen } from './oracle.js'

const ROOM = 'room'
const ANN = 'ann#0'

function entry(offset: number, text: string, target?: string): Seen {
  return { epoch: 'e', offset, id: `id-${offset}`, clientId: undefined, text, target }
}

/** An oracle that knows of these entries of a log, which keeps two. */
function oracleOf(...log: readonly Seen[]): Oracle {
  const oracle = new Oracle({ historyCount: 2, refusals: new Set() })
  for (const one of log) oracle.logged(ROOM, one)
  return oracle
}

function violationsOf(oracle: Oracle): readonly string[] {
  oracle.check()
  return oracle.violations
}

describe('the oracle of the simulations', () => {
  const edited = [entry(1, 'a:0'), entry(2, 'a:0:e', 'id-1'), entry(3, 'b:0')] as const

  it('lets a page tell its amendments behind its messages, also to one who has seen nothing before', () => {
    const oracle = oracleOf(...edited)
    for (const one of [edited[2], edited[1]]) oracle.saw(ANN, ROOM, one, true)
    expect(violationsOf(oracle)).toEqual([])
  })

  it('accuses a live amendment that comes behind a later message', () => {
    const oracle = oracleOf(...edited)
    oracle.saw(ANN, ROOM, edited[2], true)
    oracle.saw(ANN, ROOM, edited[1])
    expect(violationsOf(oracle)).toContain('duplicated or reordered: ann#0 room saw 2 after 3')
  })

  it('lets an edit made before a crash change nothing in what was sent again after it', () => {
    const clientId = 'client-id'
    const [before, after] = [entry(1, 'a:0'), { ...entry(1, 'a:0'), epoch: 'e2', id: 'id-again' }]
    const oracle = oracleOf({ ...before, clientId }, { ...after, clientId })
    oracle.handed('edit', { sender: 'a', room: ROOM, text: 'a:0', amends: before.id, isAllowed: true })
    oracle.acked('edit', after)
    expect(violationsOf(oracle)).toEqual([])
  })

  describe('of a message that its log was too long to keep, until a store lost what came after it', () => {
    const log = ['a:0', 'b:0', 'c:0'].map((text, index) => entry(index + 1, text))
    const [message, , newest] = log as [Seen, Seen, Seen]
    const edit = { sender: 'a', room: ROOM, text: 'a:0:e', amends: message.id, isAllowed: true }

    it('lets an edit from before that be refused', () => {
      const oracle = oracleOf(...log)
      oracle.handed('edit', edit)
      oracle.refused('edit', 'not_found')
      oracle.vanished(ROOM, newest)
      expect(violationsOf(oracle)).toEqual([])
    })

    it('accuses who refuses a later edit', () => {
      const oracle = oracleOf(...log)
      oracle.vanished(ROOM, newest)
      oracle.handed('edit', edit)
      oracle.refused('edit', 'not_found')
      expect(violationsOf(oracle)).toEqual(["needless refusal: a got 'not_found' for 'a:0:e'"])
    })
  })
})
