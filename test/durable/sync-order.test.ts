import { expect, it } from 'vitest'
import type { DiskEvent } from './disk-shim.js'
import { judgeOrder } from './sync-order.js'

const written: DiskEvent = { kind: 'written', mark: 'm' }
const sync: DiskEvent = { kind: 'sync', thread: '1' }
const synced: DiskEvent = { kind: 'synced', thread: '1' }
const failed: DiskEvent = { kind: 'failed', thread: '1' }
const sent = (type: string): DiskEvent => ({ kind: 'sent', mark: 'm', type })

it.each([
  ['before anything was written', [sent('ack'), written, sync, synced]],
  ['before a sync had begun', [written, sent('ack'), sync, synced]],
  ['before the sync had returned', [written, sync, sent('ack'), synced]],
  ['after a sync that had begun before it was written', [sync, written, synced, sent('ack')]],
  ['after a sync of another thread', [written, sync, { kind: 'synced', thread: '2' }, sent('ack')]],
  ['after a sync that failed', [written, sync, failed, sent('ack')]],
  [
    'after a later sync that does not bring back what a failed one lost',
    [written, sync, failed, sync, synced, sent('ack')],
  ],
] satisfies [string, DiskEvent[]][])(
  'the judge of syncs finds an acknowledgement that was sent %s',
  (_, events) => {
    expect(judgeOrder(events).early).toEqual(['ack of m'])
  },
)

it('the judge of syncs finds an entry that was shown before the sync had returned', () => {
  expect(judgeOrder([written, sync, sent('chat_message'), synced]).early).toEqual(['chat_message of m'])
})

it('the judge of syncs lets a refusal be sent at any time, and all else once the sync has returned', () => {
  const events = [sent('error'), written, sync, synced, sent('ack'), sent('chat_message'), sent('history')]
  expect(judgeOrder(events)).toEqual({ early: [], acks: 1, entries: 2, syncs: 1 })
})
