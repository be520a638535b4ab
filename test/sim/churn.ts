import { memory, UNLIMITED } from '@roomful/server'
import { createTestServer } from '@roomful/server/testing'

/**
 * Rooms, typing and sessions come and go; run with `--expose-gc` in a process of its own, for it measures the heap.
 * Prints, as JSON, what was left when all of it had expired.
 */
const CYCLES = Number(process.argv[2])
const AT_ONCE = 50
/** How long logs, their names and ids are kept. */
const KEPT_MS = 60_000

export interface ChurnResult {
  readonly cycles: number
  readonly heapBefore: number
  readonly heapAfter: number
  readonly timersBefore: number
  readonly timersAfter: number
  readonly connections: number
  readonly rooms: number
}

const server = await createTestServer({
  backplane: memory({ historyMs: KEPT_MS, dedupeMs: KEPT_MS, idleMs: KEPT_MS }),
  // All visitors come from one address.
  limits: UNLIMITED,
})
const { clock } = server

/** One visitor: a new user, a new room, a notice of typing, perhaps a message, and gone in one way or another. */
async function visit(n: number): Promise<void> {
  const client = await server.connect({ auth: n % 3 !== 0 })
  const room_id = `room-${n}`
  client.send({ type: 'join', room_id })
  client.send({ type: 'typing_start', room_id })
  if (n % 10 === 0) client.send({ type: 'chat_message', room_id, message: 'hello', client_id: `c${n}` })
  if (n % 4 === 0) client.send({ type: 'leave', room_id })
  await client.next('joined')
  if (n % 2 === 0) client.close()
  else client.link.cut()
}

async function churn(cycles: number): Promise<void> {
  for (let n = 0; n < cycles; n += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => visit(n + index)))
    await clock.advance(100)
  }
  // A log outlives its entries and the ids that it knows.
  await clock.advance(4 * KEPT_MS)
}

async function measure(): Promise<{ readonly heap: number; readonly timers: number }> {
  for (let i = 0; i < 5; i++) {
    globalThis.gc?.()
    await clock.settle()
  }
  return { heap: process.memoryUsage().heapUsed, timers: clock.pending }
}

await churn(Math.max(2_000, CYCLES / 20))
const before = await measure()
await churn(CYCLES)
const after = await measure()
const { connections, rooms } = server.server.stats()
const result: ChurnResult = {
  cycles: CYCLES,
  heapBefore: before.heap,
  heapAfter: after.heap,
  timersBefore: before.timers,
  timersAfter: after.timers,
  connections,
  rooms,
}
console.log(JSON.stringify(result))
