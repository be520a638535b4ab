import { defineProtocol, RoomfulError } from '@roomful/protocol'
import {
  type Backplane,
  type Change,
  type ConsumeContext,
  type MemoryOptions,
  memory,
  type Roomful,
} from '@roomful/server'
import { createTestServer } from '@roomful/server/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import * as z from 'zod/mini'
import { type LogLine, logInto } from '../support/wire-server.js'

const protocol = defineProtocol({ server: { noted: z.object({ text: z.string() }) } })
type Texts = readonly string[]

async function started(options: MemoryOptions = {}) {
  const log: LogLine[] = []
  const backplane = memory(options)
  const { server, clock } = await createTestServer({ protocol, backplane, logger: logInto(log) })
  onTestFinished(async () => {
    const closing = server.close()
    await clock.advance(5_000)
    await closing
  })
  return { server, clock, log, backplane }
}

const note = (server: Roomful<typeof protocol>, ...texts: Texts) => noteIn(server, 'a', ...texts)

async function noteIn(server: Roomful<typeof protocol>, room: string, ...texts: Texts): Promise<void> {
  for (const text of texts) await server.room(room).publish({ type: 'noted', text })
}

const textsOf = (changes: readonly Change<typeof protocol>[]): Texts =>
  changes.map(({ message }) => (message.type === 'noted' ? message.text : ''))

/** A handler whose calls a test awaits and ends one by one. */
class Calls {
  readonly #waiting: { readonly texts: Texts; readonly context: ConsumeContext; end(error?: Error): void }[] =
    []
  #wake = () => {}

  readonly handler = (changes: readonly Change<typeof protocol>[], context: ConsumeContext): Promise<void> =>
    new Promise((resolve, reject) => {
      const end = (error?: Error) => (error ? reject(error) : resolve())
      this.#waiting.push({ texts: textsOf(changes), context, end })
      this.#wake()
    })

  async next() {
    while (this.#waiting.length === 0)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    const [call] = this.#waiting.splice(0, 1)
    if (!call) throw new Error('no call')
    return call
  }

  get waiting(): number {
    return this.#waiting.length
  }
}

const turns = async () => {
  for (let n = 0; n < 5; n++) await new Promise((resolve) => setImmediate(resolve))
}

describe('a consumer', () => {
  it('a consumer gets every change in its order, batch by batch, the next after the one before is done with', async () => {
    const { server } = await started()
    await note(server, '1', '2', '3')
    const calls = new Calls()
    server.consume('index', calls.handler, { batch: 2 })
    const first = await calls.next()
    expect(first.texts).toEqual(['1', '2'])
    await note(server, '4')
    await turns()
    expect(calls.waiting).toBe(0)
    first.end()
    const second = await calls.next()
    expect([second.texts, second.context.missed]).toEqual([['3', '4'], false])
    second.end()
    await note(server, '5')
    const third = await calls.next()
    expect(third.texts).toEqual(['5'])
    third.end()
  })

  it('a consumer that was stopped waits for its handler, and goes on after what that one was done with', async () => {
    const { server } = await started()
    await note(server, '1', '2', '3')
    const calls = new Calls()
    const consumer = server.consume('index', calls.handler, { batch: 2 })
    const first = await calls.next()
    let hasStopped = false
    const stopping = consumer.stop().then(() => {
      hasStopped = true
    })
    await turns()
    expect([hasStopped, first.context.signal.aborted]).toEqual([false, false])
    first.end()
    await stopping
    await turns()
    expect(calls.waiting).toBe(0)
    const again = server.consume('index', calls.handler)
    const second = await calls.next()
    expect(second.texts).toEqual(['3'])
    second.end()
    await again.stop()
  })

  it('a consumer gives the same changes again when its handler fails, later each time, and passes nothing over', async () => {
    const { server, clock, log } = await started()
    await note(server, '1')
    const calls = new Calls()
    const consumer = server.consume('index', calls.handler, { retryMs: 3_000 })
    for (const wait of [1_000, 2_000, 3_000, 3_000]) {
      const call = await calls.next()
      expect(call.texts).toEqual(['1'])
      call.end(new Error('the index is away'))
      await turns()
      await clock.advance(wait - 1)
      expect(calls.waiting).toBe(0)
      await clock.advance(1)
    }
    const call = await calls.next()
    await note(server, '2')
    call.end()
    const next = await calls.next()
    expect(next.texts).toEqual(['2'])
    next.end()
    await consumer.stop()
    const failed = log.filter(({ event }) => event.startsWith('consume: the handler failed'))
    expect(failed).toHaveLength(4)
    expect(failed[0]).toMatchObject({ level: 'error', fields: { consumer: 'index' } })
  })

  it('a consumer from now on leaves out what was there, and nothing that came before its first batch', async () => {
    const { server } = await started()
    await note(server, 'before')
    const calls = new Calls()
    const consumer = server.consume('index', calls.handler, { from: 'now' })
    await turns()
    await consumer.stop()
    await note(server, 'while it was stopped')
    server.consume('index', calls.handler, { from: 'now' })
    const call = await calls.next()
    expect(call.texts).toEqual(['while it was stopped'])
    call.end()
  })

  it('a consumer that misses changes is told so with the next ones', async () => {
    const { server, log } = await started({ historyCount: 2 })
    await note(server, '1')
    const calls = new Calls()
    server.consume('index', calls.handler)
    const first = await calls.next()
    await note(server, '2', '3', '4', '5', '6', '7')
    first.end()
    const second = await calls.next()
    expect(second.context.missed).toBe(true)
    expect(second.texts.at(-1)).toBe('7')
    second.end()
    await note(server, '8')
    const third = await calls.next()
    expect([third.texts, third.context.missed]).toEqual([['8'], false])
    third.end()
    expect(log.filter(({ event }) => event.startsWith('consume: changes were missed'))).toHaveLength(1)
  })

  it('a consumer whose changes are gone before it takes them, and which ends before it takes others, is told later', async () => {
    const { server, clock } = await started({ historyCount: 2 })
    const calls = new Calls()
    const consumer = server.consume('index', calls.handler)
    await note(server, '0')
    const begun = await calls.next()
    begun.end()
    await note(server, '1')
    const first = await calls.next()
    await note(server, '2', '3')
    first.end(new Error('the index is away'))
    await clock.advance(2_000)
    const second = await calls.next()
    expect([second.texts, second.context.missed]).toEqual([['2', '3'], true])
    second.end(new Error('the index is away'))
    await consumer.stop()
    server.consume('index', calls.handler)
    const next = await calls.next()
    expect([next.texts, next.context.missed]).toEqual([['2', '3'], true])
    next.end()
  })

  it('a consumer that reads ahead gets the changes of each room separately, in their order, and of several rooms at once', async () => {
    const { server, clock } = await started()
    const calls = new Calls()
    server.consume('index', calls.handler, { batch: 2, ahead: 10 })
    await note(server, '1')
    const first = await calls.next()
    await note(server, '2', '3')
    await noteIn(server, 'b', 'b1')
    const other = await calls.next()
    expect([first.texts, other.texts]).toEqual([['1'], ['b1']])
    first.end(new Error('room a cannot be indexed'))
    other.end()
    await noteIn(server, 'b', 'b2')
    const next = await calls.next()
    expect(next.texts).toEqual(['b2'])
    next.end()
    await turns()
    expect(calls.waiting).toBe(0)
    await clock.advance(1_000)
    const again = await calls.next()
    expect([again.texts, again.context.attempt]).toEqual([['1'], 2])
    again.end()
    const rest = await calls.next()
    expect([rest.texts, rest.context.attempt]).toEqual([['2', '3'], 1])
    rest.end()
  })

  it('a consumer that reads ahead takes no more than that while the oldest change is not done, and goes on with it after a restart', async () => {
    const { server, clock } = await started()
    const calls = new Calls()
    const consumer = server.consume('index', calls.handler, { batch: 1, ahead: 3 })
    await note(server, '1')
    const oldest = await calls.next()
    for (let n = 1; n <= 9; n++) await noteIn(server, 'b', `b${n}`)
    const done: string[] = []
    for (await turns(); calls.waiting > 0; await turns()) {
      const call = await calls.next()
      done.push(...call.texts)
      call.end()
    }
    expect(done.length).toBeGreaterThanOrEqual(3)
    expect(done.length).toBeLessThan(7)
    oldest.end(new Error('still not'))
    await consumer.stop()
    await clock.advance(60_000)
    server.consume('index', calls.handler, { batch: 1, ahead: 100 })
    const [again, first] = [await calls.next(), await calls.next()]
    expect([again.texts, first.texts]).toEqual([['1'], ['b1']])
  })

  it('a consumer that reads ahead stores its position ten times a second at most, and when it is stopped', async () => {
    const { server, clock, backplane } = await started()
    const feed = feedOf(backplane)
    const commit = vi.spyOn(feed, 'commit')
    let handled = 0
    const consumer = server.consume('index', () => void handled++, { batch: 1, ahead: 1_000 })
    for (let n = 1; n <= 500; n++) await note(server, `${n}`)
    await turns()
    expect([handled, commit.mock.calls.length]).toEqual([500, 0])
    await clock.advance(100)
    expect(commit.mock.calls.map(([, , { offset }]) => offset)).toEqual([500])
    await note(server, '501')
    await turns()
    await consumer.stop()
    expect(commit.mock.calls.map(([, , { offset }]) => offset)).toEqual([500, 501])
  })

  it('a consumer whose handler asks to be called again after a time is, but not later than the longest wait', async () => {
    const { server, clock, log } = await started()
    await note(server, '1')
    const calls = new Calls()
    server.consume('index', calls.handler, { retryMs: 10_000 })
    for (const [asked, wait] of [
      [5_000, 5_000],
      [50_000, 10_000],
    ]) {
      const call = await calls.next()
      call.end(new RoomfulError('unavailable', { retryAfterMs: asked }))
      await turns()
      await clock.advance(Number(wait) - 1)
      expect(calls.waiting).toBe(0)
      await clock.advance(1)
    }
    const call = await calls.next()
    expect(call.context.attempt).toBe(3)
    call.end()
    expect(log.filter(({ level }) => level === 'warn')).toHaveLength(2)
  })

  it('a consumer that another node has taken over tells its handler, and keeps nothing of what that one does', async () => {
    const { server, clock, backplane } = await started()
    await note(server, '1')
    const calls = new Calls()
    server.consume('index', calls.handler)
    const call = await calls.next()
    const feed = feedOf(backplane)
    expect(await feed.claim('index', 'another node', 60_000)).toBeUndefined()
    clock.sleep(20_000)
    expect(await feed.claim('index', 'another node', 60_000)).toEqual({ cursor: undefined })
    await clock.advance(5_000)
    await turns()
    expect(call.context.signal.aborted).toBe(true)
    call.end()
    await turns()
    expect(await feed.claim('index', 'another node', 60_000)).toEqual({ cursor: undefined })
    await feed.release('index', 'another node')
    await clock.advance(5_000)
    const again = await calls.next()
    expect(again.texts).toEqual(['1'])
    again.end()
  })

  it('a consumer keeps its place while its handler takes long', async () => {
    const { server, clock, backplane } = await started()
    await note(server, '1')
    const calls = new Calls()
    server.consume('index', calls.handler, { leaseMs: 3_000 })
    const call = await calls.next()
    await clock.advance(60_000)
    expect(await feedOf(backplane).claim('index', 'another node', 1)).toBeUndefined()
    expect(call.context.signal.aborted).toBe(false)
    call.end()
  })

  it('a consumer’s handler is waited for when the server closes, and is told when it is waited for no longer', async () => {
    const { server, clock } = await started()
    await note(server, '1')
    const calls = new Calls()
    server.consume('index', calls.handler)
    const call = await calls.next()
    const closing = server.close()
    await turns()
    expect(call.context.signal.aborted).toBe(false)
    await clock.advance(5_000)
    await closing
    expect(call.context.signal.aborted).toBe(true)
    call.end()
    expect(() => server.consume('other', calls.handler)).toThrow(expect.objectContaining({ code: 'closed' }))
  })

  it('a consumer whose handler is done in time delays the end of the server by no more', async () => {
    const { server } = await started()
    await note(server, '1')
    const calls = new Calls()
    server.consume('index', calls.handler)
    const call = await calls.next()
    const closing = server.close()
    call.end()
    await closing
    expect(call.context.signal.aborted).toBe(false)
  })

  it.each([
    ['a second of the same name', ['index', () => {}], /already has a consumer 'index'/],
    ['an empty name', ['', () => {}], /the name must be a string of 1 to 128/],
    ['no handler', ['other'], /the handler must be a function/],
    ['another start', ['other', () => {}, { from: 'start' }], /from must be 'oldest' or 'now'/],
    ['an empty batch', ['other', () => {}, { batch: 0 }], /batch must be a whole number from 1/],
    ['less than nothing ahead', ['other', () => {}, { ahead: -1 }], /ahead must be a whole number from 0/],
    ['no lease', ['other', () => {}, { leaseMs: 0 }], /leaseMs must be a number above 0/],
    ['a misspelt option', ['other', () => {}, { bach: 5 }], /did you mean 'batch'/],
  ])('a consumer is refused for %s, at once', async (_, args, says) => {
    const { server } = await started()
    server.consume('index', () => {})
    const consume = () => server.consume(...(args as Parameters<typeof server.consume>))
    expect(consume).toThrow(TypeError)
    expect(consume).toThrow(says)
  })
})

function feedOf({ changes }: Backplane) {
  if (!changes) throw new Error('no feed')
  return changes
}
