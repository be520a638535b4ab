import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Backplane, Draft, Position } from '../api/contracts/backplane.js'
import type { MarkStore, Reader, Reading } from '../api/contracts/marks.js'

interface MarkBench {
  readonly backplane: Backplane
  readonly stage: { readonly peer?: Backplane; advance(ms: number): Promise<void> }
}

type Body = (bench: MarkBench) => Promise<void>

/** Skips a case where the store keeps no marks. */
function withMarks(body: (marks: MarkStore, bench: MarkBench) => Promise<void>): Body {
  return async (bench) => {
    if (bench.backplane.marks) await body(bench.backplane.marks, bench)
  }
}

const readerOf = (userId: string, ...counts: string[]): Reader => ({ userId, counts })
const ana = readerOf('ana')
const bob = readerOf('bob "the\\builder"\n')

function chat(author: Reader, message: string, fields: object = {}): Draft {
  const id = randomUUID()
  const timestamp = '2026-01-01T00:00:00.000Z'
  const frame = {
    type: 'chat_message',
    message,
    timestamp,
    user_id: author.userId,
    room_id: 'r',
    id,
    ...fields,
  }
  return { id, message: frame, timestampMs: Date.parse(timestamp) }
}

async function publish(backplane: Backplane, draft: Draft, stream = 'r'): Promise<Position> {
  const result = await backplane.publish(stream, draft)
  assert.equal(result.status, 'accepted')
  return (result as typeof result & { status: 'accepted' }).position
}

const countOf = ({ unread, mentions }: Reading) => [unread, mentions]

export const MARK_CASES: Record<string, Body> = {
  '[U1] moves a mark forward to an entry that is there, and never back': withMarks(
    async (marks, { backplane }) => {
      const places: Position[] = []
      for (const text of ['one', 'two', 'three']) places.push(await publish(backplane, chat(ana, text)))
      const [first, second, third] = places as [Position, Position, Position]
      assert.deepEqual(await marks.reading('r', bob), {
        mark: undefined,
        head: third,
        unread: 3,
        mentions: 0,
      })
      const wrong = [
        { ...second, id: first.id },
        { ...second, epoch: 'another' },
        { ...third, offset: 4 },
        { epoch: first.epoch, offset: 0, id: first.epoch },
      ]
      for (const to of wrong)
        assert.deepEqual(await marks.move('r', bob, to), {
          moved: false,
          mark: undefined,
          head: third,
          unread: 3,
          mentions: 0,
        })
      const moved = await marks.move('r', bob, second)
      assert.deepEqual(moved, { moved: true, mark: second, head: third, unread: 1, mentions: 0 })
      for (const to of [first, second, ...wrong])
        assert.deepEqual(await marks.move('r', bob, to), { ...moved, moved: false })
      assert.deepEqual(countOf(await marks.move('r', bob, third)), [0, 0])
      assert.deepEqual((await marks.reading('r', bob)).mark, third)
      assert.deepEqual((await marks.reading('r', readerOf('eve'))).unread, 3)
      assert.deepEqual(countOf(await marks.reading('an unused room', bob)), [0, 0])
    },
  ),

  '[U3] counts what others wrote, what mentions the reader, and the types that count': withMarks(
    async (marks, { backplane }) => {
      const mentioned = { mentions: ['eve', bob.userId] }
      await publish(backplane, chat(ana, 'hello', mentioned))
      await publish(backplane, chat(ana, `,"user_id":${JSON.stringify(bob.userId)},`, { data: mentioned }))
      await publish(backplane, chat(ana, 'x', { data: { ...bob, user_id: bob.userId, deleted: true } }))
      await publish(backplane, chat(bob, 'mine', mentioned))
      await publish(backplane, chat(ana, '', { data: { deleted: true } }))
      const id = randomUUID()
      const own = { type: 'ordered', user_id: 'ana', room_id: 'r', id }
      await publish(backplane, { id, message: own, timestampMs: 1 })
      assert.deepEqual(countOf(await marks.reading('r', bob)), [4, 1])
      assert.deepEqual(countOf(await marks.reading('r', readerOf(bob.userId, 'moved', 'ordered'))), [5, 1])
      assert.deepEqual(countOf(await marks.reading('r', ana)), [1, 0])
    },
  ),

  '[U3] counts no message that was deleted, and one that was edited': withMarks(
    async (marks, { backplane }) => {
      if (!backplane.amends) return
      const first = await publish(backplane, chat(ana, 'one', { mentions: [bob.userId] }))
      const second = await publish(backplane, chat(ana, 'two', { mentions: [bob.userId] }))
      const amend = async (type: string, target: Position, text: object, kind: object) => {
        const aim = { offset: target.offset, id: target.id }
        const message = { type, target: aim, ...text, timestamp: '2026-01-01T00:00:00.000Z', user_id: 'ana' }
        const amends = { target: aim, userId: 'ana', moderates: false, ...kind } as Draft['amends']
        await publish(backplane, { id: randomUUID(), message, timestampMs: 1, amends })
      }
      const edit = { message: 'three', data: { deleted: true } }
      await amend('message_edited', second, edit, { kind: 'edit', ...edit })
      assert.deepEqual(countOf(await marks.reading('r', bob)), [2, 2])
      await amend('message_deleted', first, {}, { kind: 'delete' })
      assert.deepEqual(countOf(await marks.reading('r', bob)), [1, 1])
      await amend('message_deleted', second, {}, { kind: 'delete' })
      const { head, ...rest } = await marks.reading('r', bob)
      assert.deepEqual([rest.unread, rest.mentions], [0, 0])
      assert(head)
      assert.deepEqual((await marks.move('r', bob, head)).mark, head)
    },
  ),

  '[U3] counts up to a hundred': withMarks(async (marks, { backplane }) => {
    for (let n = 0; n < 104; n++) await publish(backplane, chat(ana, `${n}`))
    assert.equal((await marks.reading('r', bob)).unread, 100)
  }),

  '[U6] moves the mark of whoever wrote a message, in the step that appends it': withMarks(
    async (marks, { backplane }) => {
      await publish(backplane, chat(ana, 'one'))
      const mine = await publish(backplane, { ...chat(bob, 'two'), readBy: bob.userId })
      const head = await publish(backplane, chat(ana, 'three'))
      assert.deepEqual(await marks.reading('r', bob), { mark: mine, head, unread: 1, mentions: 0 })
    },
  ),

  '[U4] lists marks, those that were moved last if there are too many': withMarks(
    async (marks, { backplane }) => {
      assert.deepEqual(await marks.list('r', 10), [])
      for (const user of ['u1', 'u2', 'u3'])
        await publish(backplane, { ...chat(readerOf(user), 'hi'), readBy: user })
      const known = await marks.list('r', 10)
      assert.deepEqual(known.map(({ userId, mark }) => [userId, mark.offset]).sort(), [
        ['u1', 1],
        ['u2', 2],
        ['u3', 3],
      ])
      assert.deepEqual((await marks.list('r', 2)).map(({ userId }) => userId).sort(), ['u2', 'u3'])
    },
  ),

  '[U7] ends a mark with its log, and with the erasure of its user': withMarks(
    async (marks, { backplane }) => {
      const place = await publish(backplane, { ...chat(ana, 'one'), readBy: 'ana' })
      await marks.move('r', bob, place)
      if (backplane.erase) {
        await backplane.erase(bob.userId)
        assert.equal((await marks.reading('r', bob)).mark, undefined)
        assert.deepEqual(
          (await marks.list('r', 10)).map(({ userId }) => userId),
          ['ana'],
        )
      }
      if (!backplane.delete) return
      await backplane.delete('r')
      const { head, ...reading } = await marks.reading('r', ana)
      assert.deepEqual(reading, { mark: undefined, unread: 0, mentions: 0 })
      assert.equal((await marks.move('r', ana, place)).moved, false)
      assert.deepEqual(await marks.list('r', 10), [])
      assert.notEqual(head?.epoch, place.epoch)
    },
  ),

  '[W2] names the streams whose logs change, through whatever node, until nobody watches': withMarks(
    async (marks, { backplane, stage }) => {
      const names = new Set<string>()
      const subscription = await marks.watch((stream) => names.add(stream))
      await publish(backplane, chat(ana, 'one'), 'a')
      await publish(stage.peer ?? backplane, chat(ana, 'two'), 'b:live:}')
      await stage.advance(500)
      assert.deepEqual([...names].sort(), ['a', 'b:live:}'])
      names.clear()
      await backplane.delete?.('a')
      await stage.advance(500)
      if (backplane.delete) assert.deepEqual([...names], ['a'])
      subscription.close()
      await stage.advance(500)
      names.clear()
      await publish(backplane, chat(ana, 'three'), 'a')
      await stage.advance(500)
      assert.deepEqual([...names], [])
    },
  ),

  '[U1] shows a mark that was moved through one node to the others': withMarks(
    async (marks, { backplane, stage: { peer } }) => {
      if (!peer?.marks) return
      const place = await publish(backplane, chat(ana, 'one'))
      await peer.marks.move('r', bob, place)
      assert.deepEqual((await marks.reading('r', bob)).mark, place)
      const second = await publish(peer, chat(ana, 'two'))
      const results = await Promise.all([marks.move('r', bob, second), peer.marks.move('r', bob, second)])
      assert.deepEqual(results.map(({ moved }) => moved).sort(), [false, true])
    },
  ),
}
