import { describe, expect, it } from 'vitest'
import type { Draft, Position, StreamEvent } from '../../../src/api/contracts/backplane.js'
import { DRIVERS, newFile, opened } from './files.js'

const newest = { before: undefined, limit: 100, maxBytes: 1_000_000 }

let drafts = 0
function draft(message: string, sender?: Draft['sender']): Draft {
  const frame = { type: 'chat_message', message, user_id: sender?.userId ?? '@server' }
  return { id: `id-${++drafts}`, message: frame, timestampMs: 1_767_225_600_000 + drafts, sender }
}
const by = (userId: string, clientId: string, more: Partial<Draft['sender'] & object> = {}) => ({
  userId,
  clientId,
  fingerprint: 7,
  ...more,
})

describe.each(DRIVERS)('a file that is opened again, by %s,', (driver) => {
  it('a file that is opened again still has its entries, their epoch, ids and offsets', async () => {
    const file = newFile()
    const first = await opened({ file, driver })
    for (const text of ['one', 'two', 'three']) await first.publish('r', draft(text))
    const before = await first.read('r', newest)
    await first.close()

    const again = await opened({ file, driver })
    expect(await again.read('r', newest)).toEqual(before)
    const next = await again.publish('r', draft('four'))
    expect(next).toMatchObject({ status: 'accepted', position: { epoch: before.epoch, offset: 4 } })
    expect(await again.read('r', { ...newest, after: 2 }, before.head)).toMatchObject({ fault: undefined })
    await again.close()
  })

  it('a file that is opened again knows an empty room by its epoch', async () => {
    const file = newFile()
    const first = await opened({ file, driver })
    const { head } = await first.read('empty', newest)
    expect((await first.read('other', newest)).epoch).not.toBe(head.epoch)
    await first.close()
    const again = await opened({ file, driver })
    expect(await again.read('empty', newest, head)).toMatchObject({ head, fault: undefined })
    await again.close()
  })

  it('[M7] a file that is opened again recognises a repeat from before, and a conflict', async () => {
    const file = newFile()
    const first = await opened({ file, driver })
    const sent = await first.publish('r', draft('hello', by('ana', 'c1')))
    await first.close()
    const again = await opened({ file, driver })
    expect(await again.publish('r', draft('hello', by('ana', 'c1')))).toEqual({ ...sent, duplicate: true })
    const other = draft('another', by('ana', 'c1', { fingerprint: 8 }))
    expect(await again.publish('r', other)).toEqual({ status: 'conflict' })
    await again.close()
  })

  it('a file that is opened again keeps the secret that signs sessions, and no other file has it', async () => {
    const file = newFile()
    const first = await opened({ file, driver })
    const { sharedSecret } = first
    expect(sharedSecret).toMatch(/^[\w-]{43}$/)
    await first.close()
    const again = await opened({ file, driver })
    expect(again.sharedSecret).toBe(sharedSecret)
    await again.close()
    const other = await opened({ file: newFile(), driver })
    expect(other.sharedSecret).not.toBe(sharedSecret)
    await other.close()
  })

  it('a message that was published before close is on disk after it, also one that nobody waited for', async () => {
    const file = newFile()
    const first = await opened({ file, driver })
    const published = Array.from({ length: 2_500 }, (_, i) => first.publish('r', draft(`${i}`)))
    await first.close()
    const results = await Promise.all(published)
    expect(results.every(({ status }) => status === 'accepted')).toBe(true)
    const again = await opened({ file, driver })
    expect((await again.read('r', { ...newest, limit: 1_000 })).head.offset).toBe(2_500)
    await again.close()
  })

  it('a page of a room in use comes from memory as it comes from the file', async () => {
    const file = newFile()
    const backplane = await opened({ file, driver })
    for (let i = 0; i < 400; i++) void backplane.publish('r', draft(`${i} äöü`))
    const { head } = await backplane.read('r', newest)
    expect(head.offset).toBe(400)
    const events: StreamEvent[] = []
    const subscription = await backplane.subscribe('r', (event) => events.push(event))
    const positions: Position[] = []
    for (let i = 0; i < 60; i++) {
      const result = await backplane.publish('r', draft(`later ${i}`))
      if (result.status === 'accepted') positions.push(result.position)
    }
    const ranges = [
      newest,
      { ...newest, limit: 10 },
      { ...newest, before: 430, limit: 15 },
      { ...newest, before: 405, limit: 15 },
      { after: 420, limit: 20, maxBytes: 1_000_000 },
      { after: 100, limit: 20, maxBytes: 1_000_000 },
      { after: 460, limit: 20, maxBytes: 1_000_000 },
      { before: undefined, limit: 0, maxBytes: 0 },
    ]
    const sinces = [undefined, head, positions[30], { ...head, id: 'another' }, { ...head, epoch: 'another' }]
    const read = () =>
      Promise.all(ranges.flatMap((range) => sinces.map((since) => backplane.read('r', range, since))))
    const warm = await read()
    subscription.close()
    expect(await read()).toEqual(warm)
    expect(events).toHaveLength(60)
    await backplane.close()
  })
})

it('a file that is opened twice in one process is one store, as while a development server starts anew', async () => {
  const file = newFile()
  const old = await opened({ file })
  const relayed: unknown[] = []
  const next = await opened({ file }, { receive: (relay) => relayed.push(relay) })
  const seen: StreamEvent[] = []
  await next.subscribe('r', (event) => seen.push(event))
  const result = await old.publish('r', draft('hello', by('ana', 'c1')))
  expect(seen).toMatchObject([{ kind: 'entry', entry: { offset: 1 } }])
  old.relay({ to: 'everyone', targets: [], payload: {} })
  expect(relayed).toHaveLength(1)
  await old.close()
  expect(await next.publish('r', draft('hello', by('ana', 'c1')))).toEqual({ ...result, duplicate: true })
  await next.close()
  const later = await opened({ file })
  expect((await later.read('r', newest)).head.offset).toBe(1)
  await later.close()
})
