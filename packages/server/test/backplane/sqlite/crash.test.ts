import { renameSync } from 'node:fs'
import type { Worker } from 'node:worker_threads'
import { RoomfulError } from '@roomful/protocol'
import { afterEach, expect, it, vi } from 'vitest'
import type { Position, PublishResult, StreamEvent } from '../../../src/api/contracts/backplane.js'
import { systemClock } from '../../../src/api/contracts/clock.js'
import { chat, deletion, edit, placeOf } from './drafts.js'
import { newFile, opened } from './files.js'

const workers: Worker[] = []
vi.mock('node:worker_threads', async (original) => {
  const real = await original<typeof import('node:worker_threads')>()
  class Worker extends real.Worker {
    constructor(...args: ConstructorParameters<typeof real.Worker>) {
      super(...args)
      workers.push(this)
    }
  }
  return { ...real, Worker }
})
afterEach(() => workers.splice(0))

const draft = (n: number) => ({
  id: `id-${n}`,
  message: { type: 'chat_message', message: `${n}` },
  timestampMs: n,
  sender: { userId: 'ana', clientId: `c${n}`, fingerprint: n },
})

const codeOf = (error: unknown) => (error instanceof RoomfulError ? error.code : String(error))

it('a thread that ends under load is started again, and every entry is told once, in order', async () => {
  const backplane = await opened({ file: newFile() }, { clock: systemClock })
  const told: number[] = []
  const listener = (event: StreamEvent) => event.kind === 'entry' && told.push(event.entry.offset)
  await backplane.subscribe('r', listener)

  const publish = async (n: number): Promise<PublishResult | string> => {
    try {
      return await backplane.publish('r', draft(n))
    } catch (error) {
      return codeOf(error)
    }
  }
  const waiting: Promise<PublishResult | string>[] = []
  for (let n = 1; n <= 2_000; n++) {
    waiting.push(publish(n))
    if (n % 50 === 0) await new Promise(setImmediate)
    if (n === 1_500) void workers[0]?.terminate()
  }
  const outcomes = await Promise.all(waiting)
  expect(outcomes.filter((outcome) => outcome === 'unavailable').length).toBeGreaterThan(0)
  await vi.waitFor(() => expect(backplane.ready).toBe(true), { timeout: 10_000 })

  const again = await Promise.all(outcomes.map((_, index) => publish(index + 1)))
  for (const [index, outcome] of outcomes.entries()) {
    if (typeof outcome === 'string') expect(outcome).toBe('unavailable')
    else expect(again[index]).toEqual({ ...outcome, duplicate: true })
  }
  expect(told).toEqual(Array.from({ length: 2_000 }, (_, index) => index + 1))
  await backplane.close()
})

it('a message of the server itself whose thread ended is in doubt, not to be given again', async () => {
  const backplane = await opened({ file: newFile() }, { clock: systemClock })
  const published = backplane.publish('r', { id: 'a', message: { type: 'news' }, timestampMs: 1 })
  const [worker] = workers
  void worker?.terminate()
  expect(await Promise.resolve(published).then(() => 'accepted', codeOf)).toBe('outcome_unknown')
  const refused = backplane.publish('r', { id: 'b', message: { type: 'news' }, timestampMs: 1 })
  expect(await Promise.resolve(refused).then(() => 'accepted', codeOf)).toBe('unavailable')
  await vi.waitFor(() => expect(backplane.ready).toBe(true), { timeout: 10_000 })
  await backplane.close()
})

it('a store whose thread ends while it closes is closed all the same', async () => {
  const backplane = await opened({ file: newFile() }, { clock: systemClock })
  const closing = backplane.close()
  const [worker] = workers
  void worker?.terminate()
  await closing
  expect(backplane.ready).toBe(false)
})

it('a thread that ends while its last commit had failed goes on with all that was acknowledged', async () => {
  const file = newFile()
  const backplane = await opened({ file }, { clock: systemClock })
  const outcome = (n: number) =>
    Promise.resolve(backplane.publish('r', draft(n))).then(() => 'accepted', codeOf)
  expect(await outcome(1)).toBe('accepted')
  renameSync(file, `${file}-away`)
  expect(await outcome(2)).toBe('unavailable')
  renameSync(`${file}-away`, file)
  void workers[0]?.terminate()
  await vi.waitFor(() => expect(workers).toHaveLength(2), { timeout: 10_000 })
  await vi.waitFor(() => expect(backplane.ready).toBe(true), { timeout: 10_000 })
  expect(await outcome(1)).toBe('accepted')
  expect(await outcome(2)).toBe('accepted')
  const { entries } = await backplane.read('r', { before: undefined, limit: 10, maxBytes: 10_000 })
  expect(entries.map(({ offset }) => offset)).toEqual([1, 2])
  await backplane.close()
})

it('a thread that ends while messages are edited leaves the same texts in memory as in the file', async () => {
  const backplane = await opened({ file: newFile() }, { clock: systemClock })
  const told: number[] = []
  const listener = (event: StreamEvent) => event.kind === 'entry' && told.push(event.entry.offset)
  const subscription = await backplane.subscribe('r', listener)
  const targets = await Promise.all(
    [1, 2].map(async () => placeOf(await backplane.publish('r', chat('ana', '1')))),
  )
  const amend = (n: number) => {
    const [first, second] = targets as [Position, Position]
    const clientId = `c${n}`
    const draft = n === 500 ? deletion(first, 'ana', { clientId }) : edit(second, 'ana', `${n}`, { clientId })
    return Promise.resolve(backplane.publish('r', draft)).then(({ status }) => status, codeOf)
  }
  const waiting: Promise<string>[] = []
  for (let n = 1; n <= 1_000; n++) {
    waiting.push(amend(n))
    if (n % 50 === 0) await new Promise(setImmediate)
    if (n === 700) void workers[0]?.terminate()
  }
  expect(await Promise.all(waiting)).toContain('unavailable')
  await vi.waitFor(() => expect(backplane.ready).toBe(true), { timeout: 10_000 })
  for (let n = 1; n <= 1_000; n++) expect(await amend(n)).toBe('accepted')

  const read = () =>
    Promise.all(
      [{ messagesOnly: true }, { limit: 50 }].map((range) =>
        backplane.read('r', { before: undefined, limit: 100, maxBytes: 1_000_000, ...range }),
      ),
    )
  const inMemory = await read()
  expect(told).toEqual(Array.from({ length: told.length }, (_, index) => index + 1))
  subscription.close()
  expect(await read()).toEqual(inMemory)
  const [messages, log] = inMemory.map(({ entries }) => entries.map(({ text }) => JSON.parse(text)))
  const newest = log?.findLast(({ type }) => type === 'message_edited')
  expect(messages?.map(({ message }) => message)).toEqual(['', newest.message])
  await backplane.close()
})
