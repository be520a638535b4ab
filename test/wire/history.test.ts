import { memory } from '@roomful/server'
import { describe, expect, it } from 'vitest'
import { connect, connectExtended } from '../support/connect.js'
import type { WireClient } from '../support/wire-client.js'
import { gate, serve, WireClock } from '../support/wire-server.js'

const fast = { limits: { messagesBurst: 10_000, historyPerSecond: 1_000, bytesPerSecond: 10_000_000 } }

async function fill(client: WireClient, roomId: string, count: number, text = 'message'): Promise<void> {
  for (let n = 1; n <= count; n++)
    client.send({ type: 'chat_message', room_id: roomId, message: `${text} ${n}` })
  for (let n = 1; n <= count; n++) await client.next('chat_message')
}

function offsets(entries: readonly { readonly offset: number }[] | undefined): number[] {
  return (entries ?? []).map(({ offset }) => offset)
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

describe('join with history', () => {
  it('[H1] [H2] [H5] join with history gives the last n entries, exactly as live members got them', async () => {
    const { url } = await serve(fast)
    const ana = await connect(url)
    await ana.join('lobby')
    await fill(ana, 'lobby', 5)
    const live = ana.frames.filter(({ type }) => type === 'chat_message')
    const bob = await connect(url)
    const joined = await bob.join('lobby', { history: 3 })
    expect(joined.messages).toEqual(live.slice(-3))
    expect(joined).toMatchObject({ offset: 5, id: live.at(-1)?.id, more: false })
    expect(joined).not.toHaveProperty('recovered')
    expect((await bob.join('lobby', { history: 0 })).messages).toEqual([])
    expect(offsets((await bob.join('lobby', { history: 1_000 })).messages)).toEqual(range(1, 5))
  })

  it('[H3] [J6] join with history meets the live entries without a gap or an overlap, however it races with them', async () => {
    const { url } = await serve({ limits: { ...fast.limits, joinsBurst: 1_000 } })
    const ana = await connect(url)
    await ana.join('lobby')
    const readers = await Promise.all(Array.from({ length: 8 }, () => connect(url)))
    const publishing = fill(ana, 'lobby', 200)
    const seen = readers.map(async (reader) => {
      const joined = await reader.join('lobby', { history: 1_000 })
      const got = offsets(joined.messages)
      while (got.at(-1) !== 200) got.push((await reader.next('chat_message')).offset ?? 0)
      return got
    })
    await publishing
    for (const got of await Promise.all(seen)) expect(got).toEqual(range(1, 200))
  })
})

describe('resume', () => {
  it('[H6] [H8] resume gives all entries after the cursor: nothing was missed', async () => {
    const { url } = await serve(fast)
    const ana = await connect(url)
    await ana.join('lobby')
    await fill(ana, 'lobby', 5)
    const { epoch, id } = ana.frames.find(({ offset }) => offset === 2) as unknown as {
      epoch: string
      id: string
    }
    const bob = await connect(url)
    const joined = await bob.join('lobby', { since: { epoch, offset: 2, id } })
    expect(joined).toMatchObject({ recovered: true, offset: 5, more: false })
    expect(joined).not.toHaveProperty('reason')
    expect(offsets(joined.messages)).toEqual([3, 4, 5])
  })

  it('[H6] [H2] resume works from the cursor of an empty log, and from the head', async () => {
    const { url } = await serve(fast)
    const ana = await connect(url)
    const empty = await ana.join('lobby')
    await fill(ana, 'lobby', 2)
    const bob = await connect(url)
    const { epoch, offset, id } = empty
    const joined = await bob.join('lobby', { since: { epoch, offset, id } })
    expect(joined).toMatchObject({ recovered: true, offset: 2 })
    expect(offsets(joined.messages)).toEqual([1, 2])
    const again = await bob.join('lobby', { since: { epoch, offset: 2, id: joined.id } })
    expect(again).toMatchObject({ recovered: true, messages: [] })
  })

  it('[H7] [H8] [M11] another epoch, another entry, or a gap is told as what it is, with what history asks for', async () => {
    const { url } = await serve({ ...fast, backplane: memory({ historyCount: 3 }) })
    const ana = await connect(url)
    const { epoch = '' } = await ana.join('lobby')
    await fill(ana, 'lobby', 5)
    const idOf = (offset: number) => ana.frames.find((frame) => frame.offset === offset && frame.id)?.id
    const bob = await connect(url)
    const resume = (since: object) => bob.join('lobby', { since, history: 1 })
    const breaks = [
      [{ epoch: 'another', offset: 4, id: 'x' }, 'epoch_changed'],
      [{ epoch, offset: 4, id: 'another' }, 'forked'],
      [{ epoch, offset: 6, id: 'ahead' }, 'forked'],
      [{ epoch, offset: 1, id: idOf(1) }, 'expired'],
      [{ epoch, offset: 0, id: epoch }, 'expired'],
    ] as const
    for (const [since, reason] of breaks) {
      const joined = await resume(since)
      expect(joined).toMatchObject({ recovered: false, reason, more: false, offset: 5 })
      expect(offsets(joined.messages)).toEqual([5])
    }
    expect(await resume({ epoch, offset: 2, id: idOf(2) })).toMatchObject({ recovered: true })
  })

  it('[H14] a reader at the head recovers though all entries have expired', async () => {
    const clock = new WireClock()
    const { url } = await serve({ ...fast, clock })
    const ana = await connect(url)
    await ana.join('lobby')
    await fill(ana, 'lobby', 3)
    const { epoch, offset, id } = await ana.join('lobby')
    await ana.ask({ type: 'leave' }, 'left')
    await clock.advance(7_200_000)
    const joined = await ana.join('lobby', { since: { epoch, offset, id }, history: 10 })
    expect(joined).toMatchObject({ recovered: true, messages: [], offset: 3 })
  })

  it('[H4] resume comes in pages of at most 256 KiB, each going on where the last one ended, and live with the last', async () => {
    const { url } = await serve({ limits: { ...fast.limits, joinsBurst: 1, joinsPerSecond: 0.001 } })
    const ana = await connect(url)
    const { epoch, offset, id } = await ana.join('lobby')
    await fill(ana, 'lobby', 300, 'é'.repeat(990))
    const bob = await connect(url)
    bob.send({ type: 'join', room_id: 'lobby', since: { epoch, offset, id } })
    const got: number[] = []
    for (let pages = 1; ; pages++) {
      const joined = await bob.next('joined')
      expect(joined).toMatchObject({ recovered: true, ...(!joined.more && { count: 2 }) })
      expect(Buffer.byteLength(JSON.stringify(joined))).toBeLessThanOrEqual(256 * 1024)
      expect(offsets(joined.messages)[0]).toBe((got.at(-1) ?? 0) + 1)
      got.push(...offsets(joined.messages))
      expect(joined.offset).toBe(got.at(-1))
      if (!joined.more) break
      if (pages === 1) {
        await fill(ana, 'lobby', 1)
        await bob.never('chat_message')
        expect(await bob.refusal({ type: 'chat_message', room_id: 'lobby', message: 'x' })).toBe(
          'not_in_room',
        )
      }
      bob.send({ type: 'join', room_id: 'lobby', since: { epoch, offset: joined.offset, id: joined.id } })
    }
    expect(got).toEqual(range(1, 301))
    await fill(ana, 'lobby', 1)
    expect((await bob.next('chat_message')).offset).toBe(302)
  })

  it('[H4] [E12] the same page, asked for again and again, is rationed', async () => {
    const clock = new WireClock()
    const { url } = await serve({ clock, limits: { ...fast.limits, joinsBurst: 2, pageBytes: 300 } })
    const ana = await connect(url)
    const { epoch, offset, id } = await ana.join('lobby')
    await fill(ana, 'lobby', 10)
    const bob = await connect(url)
    const ask = { type: 'join', room_id: 'lobby', since: { epoch, offset, id } }
    for (let n = 0; n < 2; n++) expect((await bob.ask(ask, 'joined')).more).toBe(true)
    expect(await bob.refusal(ask)).toBe('rate_limited')
  })

  it('[H4] an entry larger than a page is told all the same', async () => {
    const { url } = await serve({ limits: { ...fast.limits, pageBytes: 1 } })
    const ana = await connect(url)
    await ana.join('lobby')
    await fill(ana, 'lobby', 2)
    const joined = await (await connect(url)).join('lobby', { history: 5 })
    expect(offsets(joined.messages)).toEqual([2])
  })
})

describe('history', () => {
  async function room(count: number, historyCount = 1_000) {
    const { url, server } = await serve({ ...fast, backplane: memory({ historyCount }) })
    const ana = await connectExtended(url)
    await ana.join('lobby')
    await fill(ana, 'lobby', count)
    const page = async (query: object) => {
      const frame = await ana.ask({ type: 'history', room_id: 'lobby', ref: 'r', ...query }, 'history')
      expect(frame).toMatchObject({ room_id: 'lobby', ref: 'r', epoch: expect.any(String) })
      return {
        offsets: offsets(frame.messages),
        more: frame.more,
        truncated: frame.truncated,
        oldest: frame.oldest_offset,
      }
    }
    return { ana, page, server }
  }

  it('[H9] [H10] history pages before an offset, after one, or from the newest', async () => {
    const { page } = await room(60)
    expect(await page({})).toEqual({ offsets: range(11, 60), more: true, truncated: false, oldest: 1 })
    expect(await page({ before: 11, limit: 6 })).toMatchObject({ offsets: range(5, 10), more: true })
    expect(await page({ before: 5 })).toMatchObject({ offsets: range(1, 4), more: false, truncated: false })
    expect(await page({ after: 57, limit: 2 })).toMatchObject({ offsets: [58, 59], more: true })
    expect(await page({ after: 59 })).toMatchObject({ offsets: [60], more: false })
    expect(await page({ after: 60 })).toMatchObject({ offsets: [], more: false, truncated: false })
    expect(await page({ limit: 0 })).toMatchObject({ offsets: [], more: true })
  })

  it('[H10] history tells what once was there and is gone', async () => {
    const { page } = await room(10, 4)
    expect(await page({})).toEqual({ offsets: range(7, 10), more: false, truncated: true, oldest: 7 })
    expect(await page({ limit: 2 })).toMatchObject({ offsets: [9, 10], more: true, truncated: true })
    expect(await page({ before: 7 })).toMatchObject({ offsets: [], more: false, truncated: true })
    expect(await page({ after: 2, limit: 1 })).toMatchObject({ offsets: [7], more: true, truncated: true })
    expect(await page({ after: 6 })).toMatchObject({ offsets: range(7, 10), truncated: false })
  })

  it('[H1] history gives entries exactly as live members got them', async () => {
    const { ana, server } = await room(3)
    const live = ana.frames.filter(({ type }) => type === 'chat_message')
    expect((await ana.ask({ type: 'history' }, 'history')).messages).toEqual(live)
    expect((await server.room('lobby').history()).messages).toEqual(live)
  })

  it('[H9] [H11] [E10] history refuses both directions at once, another epoch, and who is no member', async () => {
    const { ana } = await room(1)
    expect(await ana.ask({ type: 'history', before: 2, after: 1 }, 'error')).toMatchObject({
      code: 'invalid_message',
      issues: [{ path: 'after' }],
    })
    expect(await ana.refusal({ type: 'history', limit: 1_001 })).toBe('invalid_message')
    expect(await ana.refusal({ type: 'history', epoch: 'another' })).toBe('epoch_changed')
    expect(await ana.refusal({ type: 'history', room_id: 'elsewhere' })).toBe('not_in_room')
    expect(await ana.refusal({ type: 'history', room_id: 'elsewhere', limit: -1 })).toBe('not_in_room')
    await ana.ask({ type: 'leave' }, 'left')
    expect(await ana.refusal({ type: 'history' })).toBe('not_in_room')
  })

  it('history is not given to someone who left, or was kicked, while the application was asked', async () => {
    const { opened, open } = gate()
    const asked = gate()
    const { url, server } = await serve({
      authenticate: () => ({ userId: 'ana' }),
      authorize: async ({ action }) => {
        if (action !== 'history') return true
        asked.open()
        await opened
        return true
      },
    })
    const ana = await connectExtended(url, { token: 't' })
    await ana.join('lobby')
    ana.send({ type: 'history' })
    await asked.opened
    server.room('lobby').kick('ana')
    open()
    expect((await ana.next('error')).code).toBe('not_in_room')
    await ana.never('history')
  })
})
